"""Accuracy and its uncertainty."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star import evaluate
from star.evaluate import majority_is_right, pass_at, wilson_interval
from star.records import STATUSES, Attempt, Completion, Problem, Prompt, Verdict

IDS = itertools.count()


def attempt(status, group="all", steps=(0, 0), problem=None, answer=None):
    """One at a problem of its own, unless it is named."""
    id = problem or f"p{next(IDS)}"
    return Attempt(
        Problem(id=id, task="t", question="q", answer="a", group=group),
        Prompt(id, "q"),
        Completion(id, 0, "text", 1, "eos", 0, "base"),
        Verdict(status, answer),
        *steps,
    )


def accuracy(attempts):
    return evaluate.accuracy(attempts, lambda attempt: attempt.verdict.answer)


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
        # With no or every success the other end is z^2 / (n + z^2) from it, and with half of them the interval is
        # 1/2 +- z / (2 sqrt(n + z^2)), where z^2 = 3.8415
        (0, 10, 0.0000, 0.2775),
        (10, 10, 0.7225, 1.0000),
        (1, 1, 0.2065, 1.0000),
        (5, 10, 0.2366, 0.7634),
    ],
)
def test_the_interval_has_the_known_values(correct, total, low, high):
    assert wilson_interval(correct, total) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n) | st.sampled_from([0, n]), st.just(n))))
def test_the_interval_contains_the_proportion_and_stays_between_0_and_1(counts):
    correct, total = counts
    low, high = wilson_interval(correct, total)
    assert 0 <= low < high <= 1
    assert low - 1e-12 <= correct / total <= high + 1e-12


@given(st.integers(1, 1000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_of_the_failures_mirrors_that_of_the_successes(counts):
    correct, total = counts
    low, high = wilson_interval(correct, total)
    assert wilson_interval(total - correct, total) == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_more_problems_narrow_the_interval():
    widths = [high - low for low, high in (wilson_interval(n // 2, n) for n in (10, 100, 1000))]
    assert widths == sorted(widths, reverse=True)


def test_accuracy_is_given_over_all_and_by_group():
    score = accuracy([attempt("correct", "2 digits"), attempt("wrong", "2 digits"), attempt("correct", "1 digit")])
    assert (score["all"]["correct"], score["all"]["total"]) == (2, 3)
    assert score["all"]["accuracy"] == pytest.approx(2 / 3)
    assert list(score["groups"]) == ["1 digit", "2 digits"]
    assert score["groups"]["1 digit"]["accuracy"] == 1
    assert score["groups"]["2 digits"]["accuracy"] == 0.5
    assert (score["groups"]["2 digits"]["low"], score["groups"]["2 digits"]["high"]) == wilson_interval(1, 2)


def test_one_right_attempt_counts_as_the_number_one():
    assert json.dumps(accuracy([attempt("correct")])["all"]).startswith('{"correct": 1, "total": 1, ')


def test_only_a_correct_verdict_counts_as_correct():
    score = accuracy(attempt(status) for status in STATUSES)
    assert (score["all"]["correct"], score["all"]["total"]) == (1, len(STATUSES))


def test_false_positives_are_right_answers_with_a_wrong_step_and_still_count_as_correct():
    score = accuracy(
        [
            attempt("correct", "a", (3, 1)),
            attempt("correct", "a", (3, 0)),
            attempt("wrong", "b", (3, 2)),
            attempt("correct", "b", (2, 2)),
        ]
    )
    assert score["all"]["false_positives"] == 2
    assert {name: group["false_positives"] for name, group in score["groups"].items()} == {"a": 1, "b": 1}
    assert score["all"]["correct"] == 3


@given(st.lists(st.tuples(st.sampled_from(STATUSES), st.sampled_from(["a", "b", "c"])), min_size=1))
def test_the_groups_add_up_to_the_whole(outcomes):
    score = accuracy(attempt(*outcome) for outcome in outcomes)
    for count in ("correct", "total"):
        assert sum(group[count] for group in score["groups"].values()) == score["all"][count]


def tries(problem, *answers):
    """Samples of one problem, whose answer is 1."""
    return [attempt("correct" if a == "1" else "wrong", problem=problem, answer=a) for a in answers]


def test_samples_of_a_problem_give_pass_and_majority_at_powers_of_two():
    score = accuracy(
        [*tries("a", "1", "1", "2", "3"), *tries("b", "2", "2", "1", "2"), *tries("c", "5", "6", "7", "8")]
    )
    assert score["all"]["accuracy"] == 3 / 12
    assert score["pass_at"] == {"1": pytest.approx(3 / 12), "2": pytest.approx((5 / 6 + 1 / 2) / 3), "4": 2 / 3}
    assert score["majority_at"] == {"1": 1 / 3, "2": 1 / 3, "4": 1 / 3}


def test_samples_of_one_problem_do_not_narrow_the_interval():
    several = accuracy([one for i in range(10) for one in tries(f"p{i}", *["1" if i < 5 else "2"] * 8)])
    once = accuracy([one for i in range(10) for one in tries(f"q{i}", "1" if i < 5 else "2")])
    assert several["all"]["low"] == pytest.approx(once["all"]["low"])
    assert "pass_at" not in once


@given(st.integers(1, 30).flatmap(lambda n: st.tuples(st.integers(1, n), st.integers(0, n), st.just(n))))
def test_pass_at_is_the_share_of_draws_with_a_right_sample(case):
    k, correct, total = case
    if total <= 8:
        draws = list(itertools.combinations([True] * correct + [False] * (total - correct), k))
        assert pass_at(k, correct, total) == pytest.approx(sum(map(any, draws)) / len(draws))
    assert 0 <= pass_at(k, correct, total) <= 1
    assert pass_at(1, correct, total) == pytest.approx(correct / total)


@pytest.mark.parametrize(
    ("answers", "right"),
    [
        (["1", "2", "1"], True),
        (["2", "1", "2"], False),
        ([None, None, "1"], True),
        ([None], False),
        (["2", "1"], False),
    ],
)
def test_the_majority_is_right_if_the_most_frequent_answer_is(answers, right):
    assert majority_is_right(answers, [answer == "1" for answer in answers]) is right
