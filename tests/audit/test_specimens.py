"""A few attempts of each kind."""

import pytest

from star.audit.specimens import KINDS, specimens
from star.tasks import build_task


@pytest.fixture
def shown(recipe_with):
    def shown(attempts, count=5, new=(), forgotten=(), trained=(), dropped=None, leaks=None):
        marks = {"new": new, "forgotten": forgotten, "trained": trained, "dropped": dropped or {}, "leaks": leaks or {}}
        return list(specimens(attempts, build_task(recipe_with()), count, **marks))

    return shown


def ids(rows, kind):
    return {row["attempt"]["problem"]["id"] for row in rows if row["kind"] == kind}


def test_an_attempt_is_shown_under_every_kind_that_it_is_of(attempt, shown):
    rows = shown(
        [
            attempt("a"),
            attempt("b", "#### 3"),
            attempt("c", " 1 + 1 = 3, so\n#### 2", steps=(1, 1)),
            attempt("d", "dunno"),
            attempt("d", hinted=True),
        ],
        new={"a", "d"},
        forgotten={"b"},
        leaks={attempt("d", hinted=True).id: "mentions the hint"},
    )
    assert {kind: ids(rows, kind) for kind in KINDS} == {
        "accepted": {"a", "c"},
        "rationalized": {"d"},
        "rejected": {"b", "d"},
        "newly_solved": {"a"},
        "forgotten": {"b"},
        "false_positive": {"c"},
        "hint_leak": {"d"},
    }
    [false] = [row for row in rows if row["kind"] == "false_positive"]
    assert false["wrong_steps"] == ["1 + 1 = 3"]
    [leak] = [row for row in rows if row["kind"] == "hint_leak"]
    assert leak["leak"] == "mentions the hint"


def test_a_specimen_says_whether_it_was_trained_on_or_why_not(attempt, shown):
    attempts = [attempt("a"), attempt("a", sample=1)]
    rows = shown(attempts, trained={attempts[0].id}, dropped={attempts[1].id: "duplicate"})
    assert {row["attempt"]["completion"]["sample_index"]: (row["trained_on"], row["reason"]) for row in rows} == {
        0: (True, ""),
        1: (False, "duplicate"),
    }


def test_no_more_than_asked_for_are_shown_and_the_choice_does_not_depend_on_the_order(attempt, shown):
    attempts = [attempt(f"p{i}") for i in range(40)]
    chosen = ids(shown(attempts, 3), "accepted")
    assert len(chosen) == 3
    assert ids(shown(attempts[::-1], 3), "accepted") == chosen
    assert chosen != {"p0", "p1", "p2"}
    assert shown(attempts, 0) == []
