"""Reading `mix.real`: rows become training examples, and only right ones that overlap nothing do."""

import json
from types import SimpleNamespace

import pytest

from star.errors import UserError
from star.overlap import Protected, Text
from star.prompts import PromptBuilder
from star.real import load_real
from star.recipe import load_recipe
from star.tasks import build_task

EXEMPLAR = "question: 1 + 2?\nanswer: 3\nrationale:\n1 + 2 = 3.\n#### 3\n"
NO_TEMPLATE = SimpleNamespace(chat_template=None, name_or_path="")
JSONL = {"kind": "jsonl", "train": "x.jsonl", "verifier": "numeric"}


@pytest.fixture
def load(tmp_path):
    """What becomes of these rows under a recipe with this task."""

    def load(rows, *overrides, task=JSONL, protected=None):
        path = tmp_path / "real.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        (tmp_path / "shots.txt").write_text(EXEMPLAR)
        settings = {
            "name": "x",
            "task": task,
            "model": {"path": "m"},
            "mix": {"real": {"path": str(path), "share": 0.5}},
        }
        (tmp_path / "r.yaml").write_text(json.dumps(settings))
        recipe = load_recipe(tmp_path / "r.yaml", overrides)
        prompts = PromptBuilder(build_task(recipe), recipe.prompt, NO_TEMPLATE)
        return load_real(recipe, prompts, protected or Protected())

    return load


@pytest.fixture
def complaint(load, tmp_path):
    """What is said about these rows, their file called FILE."""

    def complaint(*arguments, **settings):
        with pytest.raises(UserError) as caught:
            load(*arguments, **settings)
        return str(caught.value).replace(str(tmp_path / "real.jsonl"), "FILE")

    return complaint


def row(question="2 + 2?", answer="4", rationale="2 + 2 = 4.\n#### 4", **more):
    return {"question": question, "answer": answer, "rationale": rationale, **more}


def test_a_row_becomes_an_example_like_what_the_model_writes(load, tmp_path):
    [example] = load([row(rationale="2 + 2 = 4.\n#### 4\n\n")])
    assert (example.prompt, example.target) == ("Q: 2 + 2?\nA:", "2 + 2 = 4.\n#### 4")
    assert (example.attempt_id, example.iteration, example.rationalized) == (f"real/{tmp_path}/real.jsonl:1", 0, False)
    shots = f"prompt.exemplars={tmp_path}/shots.txt"
    [example] = load([row()], shots, "prompt.train_with=true")
    assert example.prompt == "Q: 1 + 2?\nA: 1 + 2 = 3.\n#### 3\n\nQ: 2 + 2?\nA:"
    assert example.target == " 2 + 2 = 4.\n#### 4"


def test_without_the_setting_there_are_no_examples(load):
    assert len(load([row(answer="wrong")], "mix.real=null")) == 0


def test_a_multiple_choice_row_has_its_choices_in_the_prompt(load):
    task = {"kind": "commonsenseqa"}
    choices = {"choices": ["bank", "library"], "answer": "b", "rationale": "Books are there (b)."}
    [example] = load([{"question": "Where?", **choices}], task=task)
    assert example.prompt == "Q: Where?\nAnswer Choices:\n(a) bank\n(b) library\nA:"
    assert example.target == "Books are there (b)."


def test_rows_of_gsm8k_and_math_are_read_as_they_are(load):
    solution = "48/2 = <<48/2=24>>24 clips.\n#### 24"
    [example] = load([{"question": "How many?", "answer": solution}], task={"kind": "gsm8k"})
    assert (example.prompt, example.target) == ("Q: How many?\nA:", "48/2 = 24 clips.\n#### 24")
    [example] = load([{"problem": "Half?", "solution": r"It is $\boxed{0.5}$."}], task={"kind": "math"})
    assert (example.prompt, example.target) == ("Problem: Half?\nSolution:", r"It is $\boxed{0.5}$.")
    [example] = load([row()], task={"kind": "gsm8k"})
    assert example.target == "2 + 2 = 4.\n#### 4"


def test_a_row_that_is_there_twice_is_one_example(load):
    rows = [row(), row(rationale="So 4.\n#### 4"), row(), row("3 + 1?"), row(rationale="2 + 2 = 4.\n#### 4 ")]
    assert [example.attempt_id.rpartition(":")[2] for example in load(rows)] == ["1", "2", "4"]


def test_rationales_that_do_not_give_their_answer_are_counted_and_the_first_shown(complaint):
    wrong = [row(str(i), rationale=f"#### {i}") for i in range(5, 10)]
    assert complaint([row(), *wrong]) == (
        "mix.real: 5 of 6 rationales of FILE do not give their answer:\n"
        "  FILE:2: the task reads '5' (wrong), and the answer is '4'\n"
        "  FILE:3: the task reads '6' (wrong), and the answer is '4'\n"
        "  FILE:4: the task reads '7' (wrong), and the answer is '4'\n"
        "  (and 2 more)\n"
        "mend them, or take them out of the file"
    )


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (row(rationale=" "), "FILE:2: field 'rationale' should be text or a number, and is ' '"),
        (row(answer="four"), "FILE:2: the ground truth 'four' is not a number; mend it, or take the row out"),
        (row(choices="a"), "FILE:2: field 'choices' should be a list of texts, and is 'a'"),
    ],
)
def test_a_malformed_row_is_an_error_that_names_its_line(complaint, bad, message):
    assert complaint([row(), bad]) == message


STORY = "one two three four five six seven eight nine ten eleven twelve thirteen"
PROTECTED = [Text("test:1", "2 + 2?", ""), Text("test:2", STORY, STORY)]


def test_rows_that_overlap_what_is_protected_are_refused_or_left_out(load, complaint):
    rows = [row(), row("5 - 1?"), row("3 + 1?", rationale=f"{STORY.upper()}\n#### 4")]
    protected = Protected(PROTECTED, 13)
    assert complaint(rows, protected=protected) == (
        "mix.real: 2 of 3 rows of FILE overlap held-out or protected problems:\n"
        "  FILE:1 is the same text as test:1: '2 + 2?'\n"
        f"  FILE:3 has 13 words in a row with test:2: {STORY!r}\n"
        "take them out of the file, or leave them out with audit.contamination=remove"
    )
    left = load(rows, "audit.contamination=remove", protected=protected)
    assert [example.attempt_id[-1] for example in left] == ["2"]
    assert left.removed.count == 2
    assert complaint(rows[:1], "audit.contamination=remove", protected=protected).endswith("or give others")


def test_the_longest_rows_are_found(load):
    rows = [row(f"{'so ' * (i % 7)}{i}?") for i in range(20)]
    assert {example.attempt_id.rpartition(":")[2] for example in load(rows).longest(2)} == {"7", "14"}
