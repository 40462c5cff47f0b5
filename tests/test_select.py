"""Which attempts become training data."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.errors import UserError
from star.prompts import PromptBuilder
from star.records import Attempt, Completion, Example, Problem, Prompt, Verdict
from star.select import answers, carry, failures, select
from star.tasks import build_task


def attempt(
    problem="a", text=" 1 + 1 = 2\n#### 2", status="correct", sample=0, hinted=False, ended="eos", steps=(0, 0)
):
    question = Problem(problem, "gsm8k", f"What is {problem}?", "2")
    prompt = Prompt(problem, f"Q: {question.question}{' (2)' * hinted}\nA:", hinted)
    completion = Completion(problem, sample, text, 5, ended, 0, "base")
    return Attempt(question, prompt, completion, Verdict(status, "2"), *steps)


def chosen(recipe, plain, hinted=()):
    return list(select(plain, hinted, PromptBuilder(build_task(recipe), recipe.prompt, None), recipe, 1))


def failed(attempts, *settings):
    """The ids of the problems to rationalize."""
    problems = {attempt.problem.id: attempt.problem for attempt in attempts}
    return [problem.id for problem in failures(list(problems.values()), attempts, *settings)]


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


def test_a_rationale_with_a_wrong_step_is_not_learned_when_sound_steps_are_asked_for(recipe_with):
    attempts = [attempt("a", steps=(2, 1)), attempt("b", steps=(2, 0)), attempt("c", steps=(0, 0))]
    assert [e.attempt_id[-3] for e in chosen(recipe_with(), attempts)] == ["a", "b", "c"]
    sound = recipe_with("selection.require_sound_steps=true")
    assert [e.attempt_id[-3] for e in chosen(sound, attempts)] == ["b", "c"]
    hinted = [attempt("d", hinted=True, steps=(1, 1)), attempt("e", hinted=True, steps=(1, 0))]
    assert [e.attempt_id[-3] for e in chosen(sound, attempts, hinted)] == ["b", "c", "e"]


def test_an_unsound_sample_leaves_room_for_a_sound_one_of_the_same_problem(recipe_with):
    attempts = [attempt(sample=i, text=f"{i} #### 2", steps=(1, i == 0)) for i in range(3)]
    recipe = recipe_with("selection.require_sound_steps=true", "selection.max_per_problem=1")
    assert [e.target for e in chosen(recipe, attempts)] == ["1 #### 2"]


def test_a_problem_whose_rationale_is_unsound_is_rationalized_when_sound_steps_are_asked_for(recipe_with):
    attempts = [attempt("a", steps=(1, 1)), attempt("b", status="wrong"), attempt("c", steps=(1, 0))]
    assert failed(attempts, recipe_with("selection.require_sound_steps=true"), 1) == ["a", "b"]
    assert failed(attempts, recipe_with(), 1) == ["b"]


def test_calculator_annotations_are_learned_only_when_the_recipe_keeps_them(recipe_with):
    written = [attempt(text=" 1 + 1 = <<1+1=2>>2\n#### 2"), attempt(text=" 1 + 1 = 2\n#### 2", sample=1)]
    assert [e.target for e in chosen(recipe_with(), written)] == [" 1 + 1 = 2\n#### 2"]
    kept = chosen(recipe_with("task.annotations=keep"), written)
    assert [e.target for e in kept] == [" 1 + 1 = <<1+1=2>>2\n#### 2", " 1 + 1 = 2\n#### 2"]


def test_without_rationales_the_examples_are_the_bare_ground_truths_of_all_problems(recipe_with):
    recipe = recipe_with("method=direct")
    problems = [Problem("a", "gsm8k", "What?", "2"), Problem("b", "gsm8k", "Why?", "1,003")]
    prompts = PromptBuilder(build_task(recipe), recipe.prompt, None, direct=True)
    assert list(answers(problems, prompts, 3)) == [
        Example("Q: What?\nA:", " #### 2", "ground-truth/a", 3),
        Example("Q: Why?\nA:", " #### 1,003", "ground-truth/b", 3),
    ]


def test_nothing_accepted_is_an_error_with_examples_of_what_went_wrong(recipe_with):
    with pytest.raises(
        UserError, match=r"none of 2 attempts.*1 wrong, 1 no_answer[\s\S]*the answer is '2'[\s\S]*dry-run"
    ):
        chosen(recipe_with(), [attempt(status="wrong"), attempt("b", text="dunno", status="no_answer")])


def test_only_problems_without_any_accepted_attempt_are_rationalized(recipe_with):
    attempts = [attempt("a", status="wrong"), attempt("a", sample=1), attempt("b", status="timeout")]
    assert failed(attempts, recipe_with(), 1) == ["b"]
    assert failed(attempts, recipe_with("rationalization.probability=0"), 1) == []


def test_failures_are_the_problems_that_were_given_not_copies_of_them(recipe_with):
    problems = [Problem(name, "gsm8k", f"What is {name}?", "2") for name in "ab"]
    attempts = [attempt("a"), attempt("b", status="wrong")]
    [one] = failures(problems, attempts, recipe_with(), 1)
    assert one is problems[1]


@given(st.floats(0, 1))
def test_failures_are_rationalized_with_the_probability_asked_for(recipe_with, probability):
    attempts = [attempt(f"p{i}", status="wrong") for i in range(300)]
    kept = failed(attempts, recipe_with(f"rationalization.probability={probability!r}"), 1)
    assert abs(len(kept) / 300 - probability) < 0.15


@pytest.mark.parametrize(("keep", "expected"), [(1, {3}), (2, {2, 3}), (3, {1, 2, 3})])
def test_examples_of_the_last_iterations_are_carried_once(recipe_with, keep, expected):
    new = [Example("p", "t3", "x", 3)]
    old = [Example("p", "t2", "x", 2), Example("p", "t1", "x", 1), Example("p", "t3", "x", 2)]
    carried = list(carry(new, old, recipe_with(f"selection.keep_iterations={keep}"), 3))
    assert {e.iteration for e in carried} == expected
    assert len({e.target for e in carried}) == len(carried)
