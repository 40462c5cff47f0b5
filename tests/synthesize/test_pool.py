"""Votes: what wins, what is overturned and retired, and how much of it may be used."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.files import Rows, to_line
from star.recipe import ArithmeticTask
from star.records import Problem
from star.synthesize.pool import Member, count, standing, up_again, vote_again, winner, within_share
from star.synthesize.votes import Answers
from star.tasks.arithmetic import Arithmetic
from star.verify import SymbolicVerifier
from star.vote import most_beside

TASK = Arithmetic(ArithmeticTask(kind="arithmetic", style="words"))
ASKED = Problem("new/001/00000/0/0", "arithmetic", "What is 3 + 4?", "7", answer_source="consensus")
MEMBER = Member(ASKED, 1, 0.5, {"7": 3, "8": 1}, votes=5, voted=1)


def test_answers_that_mean_the_same_are_one_and_what_is_no_number_is_no_vote():
    answers = Answers(TASK.verifier, ASKED, ["8"])
    votes = [answers.vote(answer) for answer in ["7", "7.0", None, "seven", "8.0", " 7"]]
    assert votes == ["7", "7", None, None, "8", "7"]
    assert count(votes, {"8": 1}) == {"8": 2, "7": 3}


def test_answers_that_the_verifier_takes_for_equal_are_one():
    answers = Answers(SymbolicVerifier(), ASKED, ["(x+1)^2"])
    assert [answers.vote(answer) for answer in ["x^2+2x+1", "x^2+1", "1+x^2"]] == ["(x+1)^2", "x^2+1", "x^2+1"]
    assert answers.first("2x+1+x^2") == "(x+1)^2"


@given(st.dictionaries(st.sampled_from("0123456789"), st.integers(0, 9)), st.integers(0, 9), st.floats(0.51, 1))
def test_an_answer_wins_exactly_if_its_share_of_all_votes_reaches_the_threshold(tally, others, threshold):
    votes = sum(tally.values()) + others
    reaches = [answer for answer, number in tally.items() if votes and number / votes >= threshold]
    assert len(reaches) <= 1
    assert winner(tally, max(votes, 1), threshold) == (reaches[0] if reaches else None)


@pytest.mark.parametrize(("threshold", "wins"), [(0.55, True), (0.56, False)])
def test_a_threshold_is_reached_by_its_very_share(threshold, wins):
    assert (winner({"7": 11, "8": 9}, 20, threshold) is not None) == wins


def test_an_answer_stands_when_most_votes_so_far_are_for_it():
    again = vote_again(MEMBER, ["7", "7", "8", "7", None], 0.6, 2)
    assert (again.tally, again.votes, again.voted) == ({"7": 6, "8": 2}, 10, 2)
    assert (again.problem, again.overturned, again.changed, again.retired) == (ASKED, 0, 0, "")
    assert again.agreement == 0.6


def test_later_votes_overturn_an_answer_once_they_outweigh_the_earlier_ones():
    second = vote_again(MEMBER, ["8"] * 5, 0.6, 2)
    assert second.problem.answer == "8"
    assert (second.overturned, second.changed, second.retired) == (2, 2, "")
    one_vote_less = vote_again(MEMBER, ["8"] * 4 + ["7"], 0.6, 2)
    assert one_vote_less.retired == "no_agreement"


def test_a_problem_without_a_majority_is_retired_until_there_is_one_again():
    retired = vote_again(MEMBER, ["8", "8", "9", None, "7"], 0.6, 2)
    assert (retired.retired, retired.changed, retired.problem.answer) == ("no_agreement", 2, "7")
    assert not standing([retired])
    still = vote_again(retired, ["8"] * 2 + ["9"] * 3, 0.6, 3)
    assert (still.retired, still.changed, still.voted) == ("no_agreement", 2, 3)
    back = vote_again(retired, ["7"] * 10, 0.6, 3)
    assert (back.problem.answer, back.retired, back.changed, back.overturned) == ("7", "", 3, 0)
    assert list(standing([back])) == [ASKED]
    other = vote_again(retired, ["8"] * 15, 0.6, 3)
    assert (other.problem.answer, other.retired, other.changed, other.overturned) == ("8", "", 3, 3)


@given(st.lists(st.sampled_from(["7", "8", "9", None]), min_size=1, max_size=30), st.integers(1, 5))
def test_votes_in_several_rounds_decide_as_they_would_in_one(answers, rounds):
    member = replace(MEMBER, tally={"7": 0}, votes=0)
    parts = [answers[place::rounds] for place in range(rounds)]
    parts = [part for part in parts if part]
    apart = member
    for number, part in enumerate(parts, 2):
        apart = vote_again(apart, part, 0.6, number)
    tally = count(answers, {"7": 0})
    assert apart.tally == tally
    assert apart.votes == len(answers)
    answer = winner(tally, len(answers), 0.6)
    assert (apart.retired == "") == (answer is not None)
    assert answer is None or apart.problem.answer == answer


def test_those_that_waited_longest_are_voted_on_first_and_retired_ones_last():
    members = [replace(MEMBER, problem=replace(ASKED, id=f"new/{n}"), voted=n) for n in (3, 1, 2)]
    computed = replace(MEMBER, problem=replace(ASKED, id="new/9", answer_source="computed"), voted=0)
    retired = replace(MEMBER, problem=replace(ASKED, id="new/0"), voted=0, retired="no_agreement")
    asked = up_again([retired, *members, computed], 9, seed=1)
    assert [member.problem.id for member in asked] == ["new/1", "new/2", "new/3", "new/0"]
    assert up_again([retired, *members, computed], 2, seed=1) == asked[:2]


def test_a_member_is_read_back_as_it_was_written(tmp_path):
    (path := tmp_path / "pool.jsonl").write_text(to_line(MEMBER.to_dict()))
    assert list(Rows(path, Member)) == [MEMBER]
    assert MEMBER.to_dict()["agreement"] == 0.6


@given(st.floats(0.01, 0.99), st.integers(0, 1000))
def test_the_most_that_fit_a_share_fit_it_and_one_more_does_not(share, others):
    most = most_beside(others, share)
    assert most == 0 or most / (most + others) <= share
    assert (most + 1) / (most + 1 + others) > share


@given(voted=st.integers(0, 30), others=st.integers(0, 30), share=st.floats(0.05, 0.95), seed=st.integers(0, 9))
def test_consensus_problems_are_no_more_than_their_share_of_those_drawn(recipe_with, voted, others, share, seed):
    recipe = recipe_with(f"seed={seed}", f"synthesize={{kind: self_instruct, max_consensus_share: {share}}}")
    sources = (
        ["consensus", "gold"] * min(voted, others) + ["consensus"] * (voted - others) + ["gold"] * (others - voted)
    )
    problems = [replace(ASKED, id=str(place), answer_source=source) for place, source in enumerate(sources)]
    kept = within_share(problems, recipe, 1)
    assert [problem for problem in kept if not problem.is_voted] == [one for one in problems if not one.is_voted]
    assert [int(problem.id) for problem in kept] == sorted(int(problem.id) for problem in kept)
    left = sum(problem.is_voted for problem in kept)
    assert left == min(voted, most_beside(others, share))
