"""A user's own problems with each verifier: what the recipe says is what counts as right."""

import json
import re

import pytest

from star.errors import UserError
from star.recipe import JsonlTask
from star.records import Problem
from star.tasks.jsonl import Jsonl


@pytest.fixture
def one(tmp_path):
    """The task with these settings and its one problem, from this row."""

    def one(row, **settings):
        (tmp_path / "train.jsonl").write_text(json.dumps({"question": "What?", **row}) + "\n")
        task = Jsonl(JsonlTask(kind="jsonl", train=str(tmp_path), held_out=str(tmp_path), **settings))
        [problem] = task.problems("train")
        return task, problem

    return one


def statuses(task, problem, *answers):
    return [task.judge(problem, f"So.\n#### {answer}").status for answer in answers]


def test_labels_are_a_closed_set(one):
    task, problem = one({"answer": "Yes"}, verifier="label", labels=["yes", "no"])
    assert statuses(task, problem, "yes", '"YES."', "**Yes**") == ["correct"] * 3
    assert statuses(task, problem, "no", "maybe", "yes and no") == ["wrong", "no_answer", "no_answer"]
    with pytest.raises(UserError, match=r"train\.jsonl:1 \(id train-1\): the ground truth 'x' is none of the labels"):
        one({"answer": "x"}, verifier="label", labels=["yes", "no"])


def test_a_number_may_have_a_unit_of_the_recipe_and_no_other(one):
    task, problem = one({"answer": "5 cm"}, verifier="numeric", units=["cm|centimeters", "miles"])
    assert statuses(task, problem, "5", "5.0 centimeters") == ["correct", "correct"]
    assert statuses(task, problem, "5 miles", "5 inches", "6 cm") == ["wrong", "no_answer", "wrong"]
    assert statuses(*one({"answer": "5"}, verifier="numeric"), "5", "5 cm") == ["correct", "no_answer"]


def test_the_tolerance_is_exact_at_its_edge(one):
    task, problem = one({"answer": "0.3"}, verifier="numeric", tolerance=0.1)
    assert statuses(task, problem, "0.4", "0.2", "0.4000001") == ["correct", "correct", "wrong"]
    assert statuses(*one({"answer": "0.3"}, verifier="numeric"), "0.3000001") == ["wrong"]


def test_symbolic_answers_are_compared_as_mathematics(one):
    task, problem = one({"answer": "(x+1)^2"}, verifier="symbolic", timeout=20.0)
    assert statuses(task, problem, "x^2+2x+1", "$(1+x)^2$", "x^2+1") == ["correct", "correct", "wrong"]


def test_statements_of_one_answer_in_two_ways_agree_as_the_verifier_compares_them(one):
    text = "#### 1/2\nThat is,\n#### 0.5"
    task, problem = one({"answer": "0.5"}, verifier="numeric")
    assert task.judge(problem, text).status == "correct"
    task, problem = one({"answer": "0.5"}, verifier="exact")
    assert task.judge(problem, text).detail == "different final answers: '1/2', '0.5'"


CHOICES = {"answer": "B", "choices": ["a bank", "{answer}", "a mall"]}
SHOWN = "(a) a bank\n(b) {answer}\n(c) a mall"


def test_choices_are_shown_a_line_each_and_the_right_one_is_marked_in_the_hint_alone(one):
    templates = {"prompt": "Q: {question}\n{choices}\nA:", "hint": "{question}\n{choices}\nA:"}
    task, problem = one(CHOICES, verifier="choice", **templates)
    assert task.question(problem, hinted=False) == f"Q: What?\n{SHOWN}\nA:"
    assert task.question(problem, hinted=True) == "What?\n(a) a bank\n(b) {answer} (CORRECT)\n(c) a mall\nA:"
    assert statuses(task, problem, "(b)", "B", "a mall", "d") == ["correct", "correct", "wrong", "no_answer"]


def test_a_hint_may_name_the_answer_and_show_the_choices_too(one):
    task, problem = one(CHOICES, verifier="choice", hint="{question} ({answer})\n{choices}")
    assert task.question(problem, hinted=True) == "What? (B)\n(a) a bank\n(b) {answer} (CORRECT)\n(c) a mall"


@pytest.mark.parametrize("choices", ["a bank", [1, 2], ["x", " "], {"a": "x"}])
def test_choices_that_are_no_list_of_texts_are_an_error(one, choices):
    with pytest.raises(UserError, match=r"train\.jsonl:1: field 'choices' should be a list of texts, and is "):
        one({"answer": "a", "choices": choices}, verifier="choice")


def test_a_bare_answer_reads_as_the_recipe_says(one):
    task, problem = one({"answer": "{question}"}, direct="The answer: {answer}", answer_pattern="answer: (.*)")
    assert task.bare_answer(problem) == "The answer: {question}"
    assert task.judge(problem, task.bare_answer(problem)).status == "correct"


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"hint": "{question}"}, "hint has neither {answer} nor {choices}"),
        ({"prompt": "{question} {answer}"}, "prompt has {answer}, which would show it to the model"),
        ({"direct": "####"}, "direct has no {answer}"),
        ({"verifier": "label"}, "verifier: label needs labels"),
        ({"labels": ["x"]}, "labels belong to verifier: label"),
        ({"units": ["cm"]}, "units belong to verifier: numeric or symbolic"),
        ({"verifier": "symbolic", "tolerance": 0.1}, "tolerance belongs to verifier: numeric"),
    ],
)
def test_settings_that_contradict_each_other_are_an_error(settings, part):
    with pytest.raises(ValueError, match=re.escape(part)):
        JsonlTask(kind="jsonl", train="x", **settings)


def test_a_text_that_states_its_answer_in_many_ways_has_none():
    task = Jsonl(JsonlTask(kind="jsonl", train="problems.jsonl", verifier="symbolic", timeout=1.0))
    problem = Problem("x", "jsonl", "What?", "2")
    bombs = "\n".join(f"#### 9^{{9^{{9{i}}}}}" for i in range(10))
    assert task.judge(problem, bombs).status == "no_answer"


def test_labels_that_are_the_same_to_a_reader_are_an_error_that_names_them():
    with pytest.raises(UserError, match=r"task.labels = \['Yes', 'yes.'\]: the labels 'Yes' and 'yes.' are the same"):
        Jsonl(JsonlTask(kind="jsonl", train="problems.jsonl", verifier="label", labels=["Yes", "yes."]))
