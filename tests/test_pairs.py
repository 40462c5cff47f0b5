"""Pairs for a verifier: right over wrong, of the same problem, each once, as many as asked for."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.files import to_line
from star.pairs import pairs
from star.prompts import PromptBuilder
from star.records import Attempt, Completion, Problem, Prompt, Verdict
from star.tasks import build_task

STATUSES = ("correct", "wrong", "no_answer", "timeout", "error")


@pytest.fixture(scope="module")
def drawn(recipe_with, tmp_path_factory):
    """A function from attempts, a list for each iteration, to the pairs of the last one."""
    folder = tmp_path_factory.mktemp("pairs")

    def draw(*iterations, cap="null", overrides=(), protected=()):
        recipe = recipe_with(f"verifier={{pairs_per_problem: {cap}}}", *overrides)
        prompts = PromptBuilder(build_task(recipe), recipe.prompt, None)
        files = [folder / f"{number}.jsonl" for number in range(len(iterations))]
        for file, attempts in zip(files, iterations, strict=True):
            file.write_text("".join(to_line(attempt.to_dict()) for attempt in attempts))
        found = pairs(files, prompts, recipe, len(iterations), lambda texts: [text in protected for text in texts])
        return list(found)

    return draw


def attempt(problem, sample, status, text=None, model="base", finish="eos", wrong_steps=0):
    return Attempt(
        Problem(problem, "gsm8k", f"What is {problem}?", "3"),
        Prompt(problem, "exemplars and a question"),
        Completion(problem, sample, text or f"{status} {sample} of {model}", 5, finish, 0, model),
        Verdict(status),
        steps_wrong=wrong_steps,
    )


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(STATUSES)), max_size=25), st.integers(1, 5))
def test_every_pair_is_right_over_wrong_at_one_problem_and_no_more_than_asked_for(drawn, verdicts, cap):
    attempts = {a.id: a for a in (attempt(p, i, status) for i, (p, status) in enumerate(verdicts))}
    found = drawn(list(attempts.values()), cap=cap)
    counts = {kind: Counter(a.problem.id for a in attempts.values() if a.verdict.status in kind)
              for kind in (("correct",), ("wrong", "no_answer"))}  # fmt: skip
    right, wrong = counts.values()
    of_problem = Counter()
    for pair in found:
        chosen, rejected = attempts[pair.chosen_id], attempts[pair.rejected_id]
        assert chosen.verdict.status == "correct"
        assert rejected.verdict.status in ("wrong", "no_answer")
        assert chosen.problem.id == rejected.problem.id
        assert (pair.chosen, pair.rejected) == (chosen.completion.text, rejected.completion.text)
        assert chosen.problem.question in pair.prompt
        assert "exemplars" not in pair.prompt
        of_problem[chosen.problem.id] += 1
    assert of_problem == {p: n for p in "abc" if (n := min(cap, right[p] * wrong[p]))}
    assert len({(pair.chosen_id, pair.rejected_id) for pair in found}) == len(found)
    assert found == drawn(list(attempts.values()), cap=cap)


def test_attempts_of_all_iterations_are_paired_wherever_they_are_in_them(drawn):
    first = [attempt("a", 0, "wrong"), attempt("b", 0, "correct")]
    second = [attempt("b", 0, "wrong", model="iteration-001"), attempt("a", 0, "correct", model="iteration-001")]
    assert [(pair.chosen_id, pair.rejected_id) for pair in drawn(first, second)] == [
        ("iteration-001/plain/a/0", "base/plain/a/0"),
        ("base/plain/b/0", "iteration-001/plain/b/0"),
    ]


def test_targets_that_read_the_same_count_once(drawn):
    attempts = [attempt("a", i, status, text=f"{status} text") for i, status in enumerate(["correct", "wrong"] * 3)]
    assert len(drawn(attempts)) == 1


def test_what_was_cut_off_or_is_unsound_is_no_right_attempt(drawn):
    cut = [attempt("a", 0, "correct", finish="length"), attempt("a", 1, "wrong")]
    unsound = [attempt("a", 0, "correct", wrong_steps=1), attempt("a", 1, "wrong")]
    assert drawn(cut) == []
    assert len(drawn(unsound)) == 1
    assert drawn(unsound, overrides=["selection.require_sound_steps=true"]) == []


def test_protected_text_is_neither_preferred_nor_rejected(drawn):
    attempts = [attempt("a", i, status) for i, status in enumerate(["correct", "wrong", "correct", "wrong"])]
    found = drawn(attempts, protected=["correct 0 of base", "wrong 1 of base"])
    assert [(pair.chosen, pair.rejected) for pair in found] == [("correct 2 of base", "wrong 3 of base")]
