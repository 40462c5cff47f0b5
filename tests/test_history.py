"""What is known of each training problem."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.history import ProblemHistory, continue_history, difficulty
from star.records import Attempt, Completion, Problem, Prompt, Verdict


def attempt(problem, right, steps=(0, 0)):
    return Attempt(
        Problem(problem, "t", "q", "a", group=f"group of {problem}"),
        Prompt(problem, "q"),
        Completion(problem, 0, "text", 1, "eos", 0, "base"),
        Verdict("correct" if right else "wrong"),
        *steps,
    )


def test_an_iteration_adds_to_what_was_known_and_new_problems_come_last(recipe_with):
    past = [ProblemHistory("a", "g", 2, 1, 1, True, 1), ProblemHistory("b", "g", 1, 0, 1)]
    tries = [attempt("c", True), attempt("a", False), attempt("a", False)]
    assert list(continue_history(past, tries, recipe_with(), 4)) == [
        ProblemHistory("a", "g", 4, 1, 4, False, 1),
        ProblemHistory("b", "g", 1, 0, 1),
        ProblemHistory("c", "group of c", 1, 1, 4, True, 4),
    ]


def test_an_unsound_rationale_solves_nothing_when_sound_steps_are_asked_for(recipe_with):
    [row] = continue_history([], [attempt("a", True, (2, 1))], recipe_with("selection.require_sound_steps=true"), 1)
    assert (row.tried, row.solved, row.first_solved) == (1, 0, None)


@given(st.lists(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans())), max_size=6))
def test_counts_are_those_of_all_attempts(recipe_with, iterations):
    rows = []
    for number, tries in enumerate(iterations, 1):
        before = [row.id for row in rows]
        rows = list(continue_history(rows, [attempt(*one) for one in tries], recipe_with(), number))
        assert [row.id for row in rows[: len(before)]] == before
    everything = [one for tries in iterations for one in tries]
    assert {row.id: (row.tried, row.solved) for row in rows} == {
        id: (sum(a == id for a, _ in everything), sum(a == id and right for a, right in everything))
        for id in {id for id, _ in everything}
    }
    for row in rows:
        assert ProblemHistory.from_dict(row.to_dict()) == row


@pytest.mark.parametrize(
    ("solved", "tried", "expected"),
    [(0, 3, "never"), (1, 3, "rarely"), (1, 2, "sometimes"), (2, 3, "sometimes"), (3, 4, "mostly"), (3, 3, "always")],
)
def test_difficulty_is_the_share_of_attempts_that_solve_a_problem(solved, tried, expected):
    assert difficulty(ProblemHistory("a", "g", tried, solved, 1)) == expected
    assert difficulty(None) == "new"
