"""Calibration of the vote, on votes whose right value is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.audit.calibration import BINS, calibration


def problem(answers, right):
    return [(None if answer == "-" else answer, answer == right) for answer in answers]


def test_a_vote_that_is_as_often_right_as_its_samples_agree_has_no_error():
    votes = [problem("aaab", "a")] * 3 + [problem("aaab", "b")]
    error, bins = calibration(votes)
    assert error == 0
    assert bins == [{"low": 0.7, "high": 0.8, "votes": 4, "confidence": 0.75, "right": 3}]


def test_the_error_is_the_mean_distance_over_bins_weighted_by_votes():
    votes = [problem("aaaa", "b")] * 2 + [problem("aabc", "a")] * 2 + [problem("aabc", "c")] * 4
    error, bins = calibration(votes)
    assert error == pytest.approx((2 * abs(1 - 0) + 6 * abs(0.5 - 2 / 6)) / 8)
    assert [(one["votes"], one["right"]) for one in bins] == [(6, 2), (2, 0)]


def test_over_and_underconfidence_in_one_bin_even_out():
    assert calibration([problem("aa", "a"), problem("aa", "b")])[0] == 0.5
    assert calibration([problem("ab", "a"), problem("ab", "b")])[0] == 0


def test_no_answer_agrees_with_none_and_one_sample_or_no_answer_is_no_vote():
    assert calibration([problem("a---", "a")])[1][0]["confidence"] == 0.25
    assert calibration([problem("a", "a"), problem("--", "a"), []]) == (None, [])


def test_of_equals_the_first_answer_is_the_majority():
    assert calibration([problem("abab", "a")])[1][0]["right"] == 1
    assert calibration([problem("abab", "b")])[1][0]["right"] == 0


@given(st.integers(2, 60), st.data())
def test_a_share_is_in_the_bin_that_says_so(samples, data):
    agree = data.draw(st.integers(1, samples))
    votes = [("a", True)] * agree + [(None, False)] * (samples - agree)
    error, (only,) = calibration([votes])
    assert only["low"] - 1e-9 <= only["confidence"] <= only["high"] + 1e-9
    assert agree * BINS > round(only["low"] * BINS) * samples
    assert error == pytest.approx(1 - agree / samples)


@given(st.lists(st.lists(st.tuples(st.sampled_from([None, "a", "b", 3]), st.booleans()), max_size=5), max_size=9))
def test_the_error_is_a_share_and_all_votes_are_counted(problems):
    error, bins = calibration(problems)
    voted = sum(len(votes) > 1 and any(answer is not None for answer, _ in votes) for votes in problems)
    assert sum(one["votes"] for one in bins) == voted
    assert (error is None) == (not voted)
    assert error is None or 0 <= error <= 1
