"""New problems through the whole loop, with a sampler that is made up: what is kept, voted on, drawn and trained on."""

import re
import shutil
from pathlib import Path

import pyarrow.parquet
import pytest

from star.audit.trace import trace
from star.cli import main
from star.files import Rows, file_sha256, read_json, read_rows
from star.preflight import check
from star.recipe import load_recipe
from star.records import Attempt, Example, Problem
from star.report.trace import print_trace
from star.synthesize.novelty import rouge_l
from star.synthesize.pool import Member
from star.synthesize.votes import voted_pool
from tests.apart import apart
from tests.synthesize.writing import Sloppy, Turncoat, whole_run
from tests.test_loop import comparable

ROOT = Path(__file__).parents[2]
VOTED = ("synthesize.answers=consensus", "synthesize.max_consensus_share=0.4")


def rows(folder: Path, number: int, name: str) -> list[dict]:
    return read_rows(folder / f"iterations/{number:03d}/{name}.jsonl")


def pool(folder: Path, number: int) -> list[Member]:
    return list(Rows(folder / f"iterations/{number:03d}/pool.jsonl", Member))


def drafts(folder: Path, number: int) -> list[dict]:
    return [draft for row in rows(folder, number, "written") for draft in row["drafts"]]


def test_the_answer_of_a_written_sum_is_computed_and_every_problem_leads_to_the_text_it_was_read_in(writing):
    folder = writing()
    for number in (1, 2):
        members = pool(folder, number)
        assert members
        for member in members:
            first, second, answer = map(int, [*re.findall(r"\d+", member.problem.question), member.problem.answer])
            assert first + second == answer
            assert (member.problem.answer_source, member.votes) == ("computed", 0)
            file, _, line = member.problem.source.rpartition(":")
            row = read_rows(folder / file)[int(line) - 1]
            assert member.problem.question in row["text"]
            assert member.problem.id.startswith(row["id"])
            assert member.problem.parents == tuple(row["parents"])
    assert [member.problem for member in pool(folder, 2)][: len(pool(folder, 1))] == [
        m.problem for m in pool(folder, 1)
    ]
    assert rows(folder, 1, "votes") == []


def test_nothing_in_the_pool_is_more_like_what_came_before_than_the_recipe_allows(writing):
    folder = writing()
    given = [row["problem"]["question"] for row in rows(folder, 1, "attempts")][:12]
    for member in pool(folder, 2):
        nearest = max(rouge_l(question, member.problem.question) for question in given)
        assert nearest <= 0.7
        assert member.similarity == pytest.approx(nearest)
        given.append(member.problem.question)
    found = drafts(folder, 1)
    assert {draft["reason"] for draft in found} >= {"", "not_new", "protected"}
    assert all(draft["similarity"] > 0.7 for draft in found if draft["reason"] == "not_new")


def test_a_prompt_lists_training_problems_and_then_those_of_the_pool_too(writing):
    folder = writing()
    first, second = (rows(folder, number, "written") for number in (1, 2))
    assert all(len(row["parents"]) == 4 and not any(id.startswith("new/") for id in row["parents"]) for row in first)
    assert all(sum(id.startswith("new/001/") for id in row["parents"]) == 1 for row in second)
    known = {row["problem"]["id"]: row["problem"]["question"] for row in rows(folder, 1, "attempts")}
    for row in (*first, *second):
        listed = [f"Problem {place}: {known[id]}\n" for place, id in enumerate(row["parents"], 1)]
        assert row["prompt"] == f"Come up with a series of problems:\n\n{''.join(listed)}Problem 5:"
    assert len({row["prompt"] for row in first}) == len(first)
    checked = check(load_recipe(folder / "recipe.yaml"))
    assert dict(checked.examples())["prompt for new problems"] == first[0]["prompt"]
    assert {row["model"] for row in first} == {"base"}
    assert {row["model"] for row in second} == {"iteration-001"}


def test_what_stands_in_the_pool_is_attempted_and_trained_on_like_any_problem(writing):
    folder = writing()
    for number in (1, 2):
        asked = [Problem.from_dict(row["problem"]) for row in rows(folder, number, "attempts")]
        assert asked[12:] == [member.problem for member in pool(folder, number)]
        examples = [Example.from_dict(row) for row in rows(folder, number, "train")]
        assert any("/new/" in example.attempt_id for example in examples)
        assert {example.answer_source for example in examples} == {"computed"}


def test_a_consensus_answer_is_what_most_votes_say_and_is_never_called_gold(writing):
    folder = writing(*VOTED)
    votes = {row["id"]: row for row in rows(folder, 1, "votes")}
    members = pool(folder, 1)
    assert members
    for member in members:
        answers = [sample["answer"] for sample in votes[member.problem.id]["samples"]]
        assert len(answers) == member.votes == 5
        assert answers.count(member.problem.answer) >= 3
        assert (member.problem.answer_source, member.problem.group) == ("consensus", "new, consensus")
        first, second = map(int, re.findall(r"\d+", member.problem.question))
        assert member.truth == str(first + second)
    lost = set(votes) - {member.problem.id for member in members}
    counts = read_json(folder / "iterations/001/synthesis.json")
    assert counts["rejected"].get("no_agreement", 0) == len(lost)
    assert counts["consensus"] == counts["known"] == len(members)


def test_a_later_iteration_votes_again_and_counts_all_votes(writing):
    folder = writing(*VOTED)
    before, after = ({member.problem.id: member for member in pool(folder, number)} for number in (1, 2))
    again = [row for row in rows(folder, 2, "votes") if row["again"]]
    assert {row["id"] for row in again} == set(before)
    assert {row["model"] for row in again} == {"iteration-001"}
    for row in again:
        member = after[row["id"]]
        said = [sample["answer"] for sample in row["samples"]]
        assert (member.votes, member.voted) == (10, 2)
        for answer, votes in member.tally.items():
            assert votes == before[row["id"]].tally.get(answer, 0) + said.count(answer)
    assert read_json(folder / "iterations/002/synthesis.json")["again"] == len(again)


def test_the_pool_follows_from_the_votes_as_they_are_recorded_and_nothing_is_compared_again(writing):
    folder = writing(*VOTED)
    recipe = load_recipe(folder / "recipe.yaml")
    writer = check(recipe).writer
    writer.task.verifier = None  # whatever it says may be another thing the next time
    written, votes = rows(folder, 2, "written"), rows(folder, 2, "votes")
    assert list(voted_pool(pool(folder, 1), written, votes, writer, recipe, 2)) == pool(folder, 2)


@pytest.mark.parametrize("strict", [True, False])
def test_what_has_a_wrong_step_has_no_vote_unless_the_recipe_says_so(writing, strict):
    folder = writing(
        *VOTED, "iterations=1", f"synthesize.vote.require_sound_steps={str(strict).lower()}", sampler=Sloppy()
    )
    found = read_json(folder / "iterations/001/synthesis.json")
    assert all(sample["steps_wrong"] == 1 for row in rows(folder, 1, "votes") for sample in row["samples"])
    assert found["consensus"] == (0 if strict else len(rows(folder, 1, "votes")))
    assert (found["estimated_error"], found["true_error"]) == ((None, None) if strict else (0.0, 1.0))


def test_what_a_later_model_overturns_is_not_trained_on_any_more(writing):
    folder = writing(*VOTED, "iterations=3", "selection.keep_iterations=3", sampler=Turncoat())
    first, second, third = (
        {member.problem.id: member for member in pool(folder, number) if member.written == 1} for number in (1, 2, 3)
    )
    assert first
    assert all(member.problem.answer != member.truth and not member.retired for member in first.values())
    assert {member.retired for member in second.values()} == {"no_agreement"}  # half of the votes for each answer
    assert all(member.problem.answer == member.truth and member.overturned == 3 for member in third.values())
    found = [row["synthesis"] for row in read_rows(folder / "metrics.jsonl")[1:]]
    assert [one["true_error"] for one in found] == [1.0, 0.0, 0.0]
    assert [(one["retired"], one["overturned"]) for one in found] == [(0, 0), (len(first), 0), (0, len(first))]
    trained = [
        {
            (row["iteration"], row["answer_source"])
            for row in rows(folder, number, "train")
            if "/new/001/" in row["attempt_id"]
        }
        for number in (1, 2, 3)
    ]
    assert trained[0] == {(1, "consensus")}
    assert trained[1] == set()
    assert trained[2]
    assert trained[2] <= {(3, "consensus")}


def test_consensus_problems_are_capped_among_those_drawn_and_those_trained_on(writing):
    folder = writing(*VOTED)
    for number in (1, 2):
        asked = [row["problem"]["answer_source"] for row in rows(folder, number, "attempts")]
        assert 0 < asked.count("consensus") / len(asked) <= 0.4
        sources = [row["answer_source"] for row in rows(folder, number, "train")]
        assert sources.count("consensus") / len(sources) <= 0.4
        attempts = {a.id: a for a in map(Attempt.from_dict, rows(folder, number, "attempts"))}
        for row in rows(folder, number, "train"):
            assert row["answer_source"] == attempts[row["attempt_id"]].problem.answer_source


def test_the_metrics_say_how_often_the_vote_is_wrong_where_the_answer_can_be_computed(writing):
    folder = writing(*VOTED)
    for number, row in enumerate(read_rows(folder / "metrics.jsonl")[1:], 1):
        found, members = row["synthesis"], pool(folder, number)
        stands = [member for member in members if not member.retired]
        wrong = sum(member.problem.answer != member.truth for member in stands)
        assert found["true_error"] == wrong / len(stands)
        assert found["agreement"] == pytest.approx(sum(member.agreement for member in stands) / len(stands))
        assert found["estimated_error"] == pytest.approx(1 - found["agreement"])
        assert found["written"] == len(drafts(folder, number)) == found["kept"] + sum(found["rejected"].values())
        assert found["yield"] == found["kept"] / found["written"]
        new = [member for member in members if member.written == number]
        assert found["kept"] == len(new)
        assert found["similarity"] == pytest.approx(sum(member.similarity for member in new) / len(new))


def test_a_trace_names_the_share_of_consensus_only_where_something_was_voted_on(writing):
    for overrides, is_named in (((), False), (VOTED, True)):
        folder = writing(*overrides)
        told = trace(folder, rows(folder, 2, "train")[0]["attempt_id"])["filters"]
        assert any("consensus_share" in str(one) for one in told) == is_named


def test_a_trace_leads_to_the_text_that_a_problem_was_read_in_and_to_the_votes_for_its_answer(writing, capsys):
    folder = writing(*VOTED)
    [id, *_] = (row["attempt_id"] for row in rows(folder, 2, "train") if row["answer_source"] == "consensus")
    chain = trace(folder, id)
    problem, written = chain["problem"], chain["problem"]["written"]
    [member] = [one for one in pool(folder, 2) if one.problem.id == problem["id"]]
    assert problem["answer_source_in_words"] == "what most of several attempts agree on"
    assert problem["question"] in written["text"]
    file, _, line = problem["source"].rpartition(":")
    assert (problem["revision"], problem["line"]) == (f"SHA-256 {file_sha256(folder / file)}", int(line))
    assert (written["tally"], written["votes"]) == (member.tally, member.votes)
    print_trace(chain)
    shown = capsys.readouterr().out
    assert f"votes           {member.tally[problem['answer']]} for {problem['answer']}" in shown
    assert f"written by      {written['model']}, seed {written['seed']}, in {written['id']}" in shown


def test_exported_rows_and_their_card_say_which_answers_were_voted_on(writing, tmp_path, capsys):
    folder = writing(*VOTED)
    assert main(["export", str(folder), "--dataset", str(tmp_path / "data")]) == 0
    found = pyarrow.parquet.read_table(tmp_path / "data/data/train-00000-of-00001.parquet").to_pylist()
    voted = [row for row in found if row["answer_source"] == "consensus"]
    assert len(voted) == [row["answer_source"] for row in rows(folder, 2, "train")].count("consensus") > 0
    members = {member.problem.id: member for member in pool(folder, 2)}
    for row in voted:
        problem = members[row["problem_id"]].problem
        assert (row["answer"], row["group"], row["parents"]) == (problem.answer, problem.group, list(problem.parents))
    card = (tmp_path / "data/README.md").read_text()
    assert "whose answer is what most of several samples say (`answer_source: consensus`)" in card
    assert "| iterations/002/written.jsonl" in card or "`iterations/002/written.jsonl`" in card
    assert card.count("written.jsonl") <= 4


def test_the_report_says_what_became_of_new_problems_and_that_nobody_knows_answers_voted_on(writing):
    folder = writing(*VOTED)
    page, last = (folder / "report/index.html").read_text(), read_rows(folder / "metrics.jsonl")[-1]
    found, tried = last["synthesis"], last["consensus"]
    assert f"{found['kept']} of {found['written']} questions were kept; {found['pool']} are in use" in page
    assert f"Nobody knows the answers of {found['consensus']} of them" in page
    assert f"{tried['agree']} of {tried['attempts']} attempts at them agree, which no other number counts" in page
    assert last["problems"] == 12  # those of the task alone
    assert tried["attempts"] == len(rows(folder, 2, "attempts")) - 12
    assert "New problems" not in (writing("synthesize={kind: none}") / "report/index.html").read_text()


def test_a_run_without_new_problems_has_no_trace_of_them(writing):
    folder = writing("synthesize={kind: none}")
    for number in (1, 2):
        names = {path.name for path in (folder / f"iterations/{number:03d}").iterdir()}
        assert not names & {"written.jsonl", "votes.jsonl", "pool.jsonl", "synthesis.json"}
    assert all("synthesis" not in row for row in read_rows(folder / "metrics.jsonl"))


@pytest.mark.parametrize("prompt", ["new/001/00005", "a vote"])
def test_a_run_killed_while_it_writes_or_votes_ends_with_the_same_files(writing, writing_recipe, tmp_path, prompt):
    whole, folder = writing(*VOTED), tmp_path / "writing"
    if prompt == "a vote":
        prompt = rows(whole, 2, "votes")[-1]["id"]
        shutil.copytree(whole, folder)
        shutil.rmtree(folder / "iterations/002")
    assert apart(whole_run, writing_recipe, folder, prompt, VOTED).returncode == -9
    assert list(folder.glob("iterations/*.partial/*.journal"))
    assert apart(whole_run, writing_recipe, folder, "", VOTED).returncode == 0
    assert comparable(folder) == comparable(whole)
