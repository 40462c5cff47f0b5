"""Which problems the loop reaches, on histories whose right values are known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.audit.coverage import coverage, easiest_decile
from star.history import ProblemHistory

H = ProblemHistory
PAST = [
    H("kept", "easy", 2, 2, 2, True, 1),
    H("lost", "easy", 2, 1, 2, True, 2),
    H("left alone", "easy", 1, 1, 1, True, 1),
    H("learned", "hard", 2, 0, 2),
    H("hopeless", "hard", 2, 0, 2),
    H("lost before", "hard", 2, 1, 2, False, 1),
]
NOW = [
    H("kept", "easy", 3, 3, 3, True, 1),
    H("lost", "easy", 3, 1, 3, False, 2),
    H("left alone", "easy", 1, 1, 1, True, 1),
    H("learned", "hard", 3, 1, 3, True, 3),
    H("hopeless", "hard", 3, 0, 3),
    H("lost before", "hard", 3, 1, 3, False, 1),
    H("fresh", "hard", 1, 1, 3, True, 3),
]


def test_problems_are_newly_solved_or_forgotten_by_what_they_were_when_last_tried():
    found = coverage(PAST, NOW, 3)
    assert (found.new, found.forgotten) == ({"learned", "fresh"}, {"lost"})
    assert found.signals() == {"ever_solved": 6 / 7, "newly_solved": 2, "forgotten": 1 / 2}


def test_coverage_is_told_by_group_and_by_difficulty_before_the_iteration():
    found = coverage(PAST, NOW, 3)
    assert {name: (c["tried"], c["solved"], c["new"]) for name, c in found.by_group.items()} == {
        "easy": (2, 1, 0),
        "hard": (4, 2, 2),
    }
    assert {name: (c["tried"], c["solved"]) for name, c in found.by_difficulty.items()} == {
        "always": (1, 1),
        "sometimes": (2, 0),
        "never": (2, 1),
        "new": (1, 1),
    }


def test_nothing_is_forgotten_before_anything_was_solved():
    assert coverage([], [H("a", "g", 1, 1, 1, True, 1)], 1).signals() == {
        "ever_solved": 1.0,
        "newly_solved": 1,
        "forgotten": None,
    }
    assert coverage([], [], 1).signals()["ever_solved"] is None


def histories(solved, tried=4):
    return [H(f"p{i}", "g", tried, count, 1, count > 0) for i, count in enumerate(solved)]


@pytest.mark.parametrize(
    ("solved", "examples", "expected"),
    [
        ([4] + [1] * 9, {"p0": 5, "p1": 5}, 0.5),  # one problem is the easiest tenth
        ([1] * 10, {"p3": 7}, 0.1),  # all are equally easy: a tenth of them, whichever
        ([4, 4] + [0] * 8, {"p0": 3, "p1": 1}, 0.5),  # half of the two that share the first place
        ([4] + [3] * 19, {"p0": 4, **{f"p{i}": 1 for i in range(1, 20)}}, (4 + 1) / 23),
        ([0] * 10, {}, None),
    ],
)
def test_the_easiest_tenth_is_known(solved, examples, expected):
    found = easiest_decile(examples, histories(solved), 1)
    assert found == (None if expected is None else pytest.approx(expected))


def test_problems_that_this_iteration_did_not_try_are_no_part_of_it():
    rows = [*histories([4] + [1] * 9), *(H(f"old{i}", "g", 1, 1, 0, True) for i in range(90))]
    assert easiest_decile({"p0": 5, "p1": 5}, rows, 1) == pytest.approx(0.5)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60))
def test_even_training_data_give_a_tenth(solved):
    rows = histories(solved)
    assert easiest_decile({row.id: 3 for row in rows}, rows, 1) == pytest.approx(0.1)
