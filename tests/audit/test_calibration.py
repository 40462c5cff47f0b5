"""The calibration of the vote, where the right value is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.audit.calibration import calibration
from star.vote import majority


def samples(answers, truth):
    return [(answer, answer == truth) for answer in answers]


def test_the_error_is_the_distance_between_confidence_and_truth():
    error, bins = calibration([samples("aaab", "a"), samples("aaab", "b"), samples("cccc", "c")])
    assert error == pytest.approx((2 * abs(0.75 - 0.5) + 1 * abs(1 - 1)) / 3)
    assert bins == [
        {"low": 0.7, "high": 0.8, "votes": 2, "right": 0.5},
        {"low": 0.9, "high": 1.0, "votes": 1, "right": 1.0},
    ]


def test_a_vote_that_is_right_as_often_as_it_agrees_has_no_error():
    problems = [samples("aabb", truth) for truth in "ab"]  # half agree, half of them are right
    assert calibration(problems)[0] == pytest.approx(0.0)


def test_a_sample_without_an_answer_weakens_the_vote_and_no_answer_at_all_is_none():
    [row] = calibration([samples([None, None, None, "a"], "a")])[1]
    assert (row["low"], row["right"]) == (0.2, 1.0)
    assert calibration([samples([None, None], "a")]) == calibration([]) == (None, [])


@given(st.lists(st.lists(st.sampled_from([None, "a", "b", "c"]), min_size=1, max_size=6), max_size=20))
def test_every_vote_is_in_one_bin_and_the_error_is_a_share(problems):
    error, bins = calibration([samples(answers, "a") for answers in problems])
    assert sum(row["votes"] for row in bins) == sum(any(answers) for answers in problems)
    assert error is None or 0 <= error <= 1


def test_of_equals_the_majority_is_what_was_said_first():
    assert majority(["b", "a", "a", "b"]) == "b"
    assert majority([None]) is None
