"""How likely the model solves a problem, by its attempts so far."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.curriculum.effort import CLASSES, effort
from star.curriculum.estimate import Tally, estimate, posterior_mean
from star.history import ProblemHistory
from star.records import Problem


def problem(id, group="g"):
    return Problem(id, "t", "q", "a", group=group)


def history(id, group, tried, solved):
    return ProblemHistory(id, group, tried, solved, last=1)


def test_nothing_is_known_before_the_first_attempt():
    assert estimate([], [], prior=2).of(problem("a")) == 0.5


def test_a_problem_that_was_never_tried_is_like_its_group_and_a_new_group_is_like_all():
    now = [history("a", "easy", 10, 10), history("b", "hard", 10, 0)]
    found = estimate(now, [], prior=2)
    assert found.of(problem("other", "easy")) == pytest.approx((10 + 2 * 0.5) / 12)
    assert found.of(problem("other", "hard")) == pytest.approx((0 + 2 * 0.5) / 12)
    assert found.of(problem("other", "new")) == 0.5


def test_attempts_at_a_problem_count_more_the_more_there_are():
    now = [history("once", "g", 1, 0), history("often", "g", 20, 0), history("rest", "g", 100, 90)]
    found = estimate(now, [], prior=2)
    group = found.of(problem("untried"))
    assert found.of(problem("often")) < found.of(problem("once")) < group
    assert found.of(problem("once")) == pytest.approx(2 * group / 3)


def test_only_the_attempts_since_then_count():
    before = [history("a", "g", 9, 0)]
    now = [history("a", "g", 12, 3), history("b", "g", 3, 3)]
    found = estimate(now, before, prior=2)
    assert found.tallies == {"a": Tally(3, 3), "b": Tally(3, 3)}
    stale = estimate(now, now, prior=2)
    assert stale.tallies == {}
    assert stale.of(problem("a")) == 0.5


@given(st.integers(0, 50), st.integers(0, 50), st.floats(0.01, 0.99), st.floats(0.01, 100))
def test_a_mean_lies_between_what_was_expected_and_what_was_seen(solved, failed, expected, prior):
    mean = posterior_mean(Tally(solved + failed, solved), expected, prior)
    seen = solved / (solved + failed) if solved + failed else expected
    assert min(seen, expected) - 1e-9 <= mean <= max(seen, expected) + 1e-9
    assert 0 < mean < 1


def test_shares_of_the_effort_come_to_one_and_name_groups_and_classes():
    found = estimate([history("a", "easy", 1000, 1000), history("b", "hard", 1000, 0)], [], prior=2)
    said = effort([problem("x", "easy"), problem("y", "hard"), problem("z", "hard"), problem("w", "new")], found)
    assert said["by_group"] == {"easy": 0.25, "hard": 0.5, "new": 0.25}
    assert said["by_expected"] == {"hopeless": 0.5, "sometimes": 0.25, "mastered": 0.25}
    assert said["expected"] == pytest.approx((0.999 + 2 * 0.001 + 0.5) / 4, abs=1e-3)
    assert list(CLASSES) == sorted(CLASSES, key=CLASSES.__getitem__)
