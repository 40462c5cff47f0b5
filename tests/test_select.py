"""Which attempts become training data."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.errors import UserError
from star.prompts import PromptBuilder
from star.recipe import load_recipe
from star.records import Attempt, Completion, Example, Problem, Prompt, Verdict
from star.select import carry, failures, select
from star.tasks import build_task


@pytest.fixture(scope="module")
def recipe_with(tmp_path_factory):
    path = tmp_path_factory.mktemp("select") / "r.yaml"
    path.write_text("name: x\ntask: {kind: gsm8k}\nmodel: {path: gpt2}\n")
    return lambda *overrides: load_recipe(path, overrides)


def attempt(problem="a", text=" 1 + 1 = 2\n#### 2", status="correct", sample=0, hinted=False, ended="eos"):
    question = Problem(problem, "gsm8k", f"What is {problem}?", "2")
    prompt = Prompt(problem, f"Q: {question.question}{' (2)' * hinted}\nA:", hinted)
    completion = Completion(problem, sample, text, 5, ended, 0, "base")
    return Attempt(question, prompt, completion, Verdict(status, "2"))


def chosen(recipe, plain, hinted=()):
    return select(plain, hinted, PromptBuilder(build_task(recipe), recipe.prompt, None), recipe, 1)


def test_accepted_attempts_become_hint_free_examples_and_the_rest_do_not(recipe_with):
    examples = chosen(recipe_with(), [attempt("a"), attempt("b", status="wrong")], [attempt("b", hinted=True)])
    assert [(e.prompt, e.rationalized, e.attempt_id) for e in examples] == [
        ("Q: What is a?\nA:", False, "base/plain/a/0"),
        ("Q: What is b?\nA:", True, "base/hinted/b/0"),
    ]


def test_exact_duplicates_are_dropped_and_the_cap_counts_what_is_left(recipe_with):
    attempts = [
        attempt(sample=i, text=text) for i, text in enumerate([" x #### 2", " x #### 2\n", " y #### 2", " z #### 2"])
    ]
    assert len(chosen(recipe_with(), attempts)) == 3
    capped = chosen(recipe_with("selection.max_per_problem=2"), attempts)
    assert [e.target for e in capped] == [" x #### 2", " y #### 2"]


def test_a_completion_that_was_cut_off_is_not_learned(recipe_with):
    examples = chosen(recipe_with(), [attempt("a", ended="length"), attempt("b", ended="stop")])
    assert [e.attempt_id for e in examples] == ["base/plain/b/0"]


def test_nothing_accepted_is_an_error_with_examples_of_what_went_wrong(recipe_with):
    with pytest.raises(
        UserError, match=r"none of 2 attempts.*1 wrong, 1 no_answer[\s\S]*the answer is '2'[\s\S]*dry-run"
    ):
        chosen(recipe_with(), [attempt(status="wrong"), attempt("b", text="dunno", status="no_answer")])


def test_only_problems_without_any_accepted_attempt_are_rationalized(recipe_with):
    attempts = [attempt("a", status="wrong"), attempt("a", sample=1), attempt("b", status="timeout")]
    assert [p.id for p in failures(attempts, recipe_with(), 1)] == ["b"]
    assert failures(attempts, recipe_with("rationalization.probability=0"), 1) == []


@given(st.floats(0, 1))
def test_failures_are_rationalized_with_the_probability_asked_for(recipe_with, probability):
    attempts = [attempt(f"p{i}", status="wrong") for i in range(300)]
    kept = failures(attempts, recipe_with(f"rationalization.probability={probability!r}"), 1)
    assert abs(len(kept) / 300 - probability) < 0.15


@pytest.mark.parametrize(("keep", "expected"), [(1, {3}), (2, {2, 3}), (3, {1, 2, 3})])
def test_examples_of_the_last_iterations_are_carried_once(recipe_with, keep, expected):
    new = [Example("p", "t3", "x", 3)]
    old = [Example("p", "t2", "x", 2), Example("p", "t1", "x", 1), Example("p", "t3", "x", 2)]
    carried = carry(new, old, recipe_with(f"selection.keep_iterations={keep}"), 3)
    assert {e.iteration for e in carried} == expected
    assert len({e.target for e in carried}) == len(carried)
