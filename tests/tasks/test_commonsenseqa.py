"""CommonsenseQA from a folder: both formats of its rows, its hint, and how an answer is read."""

import json
from pathlib import Path

import pytest

from star.errors import UserError
from star.recipe import CommonsenseqaTask, load_recipe
from star.tasks import build_task, load_exemplars, load_problems
from star.tasks.base import HINT_MARK
from star.tasks.commonsenseqa import Commonsenseqa

REAL = Path("/work/shared/data/commonsenseqa")
TEXTS = ["bank", "library", "department store", "mall", "new york"]
SHOWN = "(a) bank\n(b) library\n(c) department store\n(d) mall\n(e) new york"


def original(key="D", stem="Where?", id="q1", labels="ABCDE"):
    """A row as in the files of the authors."""
    choices = [{"label": label, "text": text} for label, text in zip(labels, TEXTS, strict=False)]
    return {"answerKey": key, "id": id, "question": {"question_concept": "x", "choices": choices, "stem": stem}}


def from_hub(key="D", stem="Where?", id="q1"):
    """A row as the hub has it."""
    choices = {"label": list("ABCDE"), "text": TEXTS}
    return {"id": id, "question": stem, "question_concept": "x", "choices": choices, "answerKey": key}


@pytest.fixture
def load(tmp_path):
    """The task over these training rows, and its training problems."""

    def load(*rows, **settings):
        (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (tmp_path / "dev.jsonl").write_text(json.dumps(original(id="held", stem="Which?")) + "\n")
        task = Commonsenseqa(CommonsenseqaTask(kind="commonsenseqa", path=str(tmp_path), **settings))
        return task, task.problems("train")

    return load


@pytest.fixture
def judge(load):
    """The status of a completion, of a problem whose answer is d."""
    task, [problem] = load(original())
    return lambda text: task.judge(problem, text)


@pytest.mark.parametrize("row", [original, from_hub])
def test_rows_of_both_formats_become_the_same_problem(load, tmp_path, row):
    _, [problem] = load(row())
    assert (problem.id, problem.question, problem.answer, problem.choices) == ("q1", "Where?", "d", tuple(TEXTS))
    assert (problem.source, problem.task) == (f"{tmp_path}/train.jsonl:1", "commonsenseqa")


def test_the_dev_split_is_held_out_or_the_last_tenth_of_the_training_split(load):
    rows = [original(id=f"q{i}", stem=f"{i}?") for i in range(10)]
    task, train = load(*rows)
    assert [p.id for p in task.problems("held_out")] == ["held"]
    assert len(train) == 10
    task, train = load(*rows, held_out="train")
    assert [p.id for p in task.problems("held_out")] == ["q9"]
    assert len(train) == 9


@pytest.mark.parametrize("row", [original, from_hub])
def test_the_right_choice_is_marked_in_the_hinted_prompt_and_nothing_is_in_the_plain_one(load, row):
    task, [problem] = load(row())
    plain, hinted = (task.question(problem, hint) for hint in (False, True))
    assert plain == f"Q: Where?\nAnswer Choices:\n{SHOWN}\nA:"
    assert hinted == plain.replace("(d) mall", "(d) mall (CORRECT)")


@pytest.mark.parametrize("key", "ABCDE")
def test_every_letter_is_the_choice_at_its_place(load, key):
    task, [problem] = load(original(key))
    index = "ABCDE".index(key)
    assert f"({key.lower()}) {TEXTS[index]}{HINT_MARK}\n" in task.question(problem, True)
    assert [task.judge(problem, f"So ({letter}).").status for letter in "abcde"].index("correct") == index
    assert task.bare_answer(problem) == f"({key.lower()})."
    assert task.judge(problem, f" {task.bare_answer(problem)}").status == "correct"


@pytest.mark.parametrize(
    "text",
    [
        " Malls have doors. Therefore, the answer is mall (d).",
        " Malls have doors. Therefore, the answer is mall (d)",
        " the answer is (D). ",
        "(d)",
        " It could be (a). But doors are at a mall (d).",
        " The answer is not (a) but mall (d).",
        " The answer is (d), because the answer is mall (d).",
        "\n The answer is mall (d).",
        " The answer is mall (d).\nQ: Next?\nA: The answer is (a).",
    ],
)
def test_the_letter_that_ends_the_first_line_is_the_answer(judge, text):
    assert judge(text).status == "correct"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (" The answer is bank (a).", "wrong"),
        (" Malls have doors.\nThe answer is mall (d).", "no_answer"),
        (" The answer is mall.", "no_answer"),
        (" Options (d) and (e) remain to be seen", "no_answer"),
        (" The answer is (f).", "no_answer"),
        (" (dd).", "no_answer"),
        ("", "no_answer"),
    ],
)
def test_what_is_not_the_right_letter_at_the_end_is_wrong_or_no_answer(judge, text, status):
    assert judge(text).status == status


@pytest.mark.parametrize("text", ["(a) or (d).", "(d) or (a).", "(d), or maybe (a)", "both (d) and (a)"])
@pytest.mark.parametrize("before", ["The answer is", "It could be", "Answer:", "Doors are at a mall. It must be"])
def test_two_letters_are_no_answer(judge, before, text):
    verdict = judge(f" {before} {text}")
    assert verdict.status == "no_answer"
    assert verdict.detail.startswith("different final answers: '")


@pytest.mark.parametrize("text", ["The answer is not (d).", "It isn't (d)", "The answer is bank (d).", "A bank (d)."])
def test_a_letter_that_is_denied_or_contradicted_is_no_answer(judge, text):
    assert judge(f" {text}").status == "no_answer"


def test_a_ground_truth_that_is_no_choice_names_file_line_and_id_and_may_be_skipped(load, tmp_path):
    rows = [original(id="good"), original("D", id="bad", labels="ABC")]
    part = f"{tmp_path}/train.jsonl:2 (id bad): the ground truth 'D' is none of its choices ['A', 'B', 'C']"
    with pytest.raises(UserError) as caught:
        load(*rows)
    assert str(caught.value) == f"{part}; mend it, or leave such rows out with task.bad_gold=skip"
    task, problems = load(*rows, bad_gold="skip")
    assert [p.id for p in problems] == ["good"]
    assert task.skipped == [part]


@pytest.mark.parametrize(
    ("row", "part"),
    [
        ({"id": "x", "answerKey": "A", "question": "Where?"}, ":1: 'choices' should be a list of labels and texts"),
        ({"id": "x", "answerKey": "A", "question": {"stem": "?", "choices": ["bank"]}}, ":1: 'choices' should be a li"),
        ({"id": "x", "answerKey": "A", "question": {"stem": "?", "choices": [{"label": "A"}]}}, ":1: no field 'text'"),
        ({**original(), "answerKey": ""}, ":1: field 'answerKey' should be text or a number, and is ''"),
        ({"answerKey": "A"}, ":1: no field 'id'"),
        ({**from_hub(), "choices": {"label": None, "text": ["x"]}}, ":1: 'choices' should be a list of labels and"),
        ({**from_hub(), "choices": {"label": ["A", "B"], "text": ["x"]}}, ":1: 'choices' should be a list of labels"),
        ({**from_hub(), "choices": {"label": ["A", "A"], "text": ["x", "y"]}}, ":1: choices need labels of their own"),
    ],
)
def test_a_malformed_row_is_an_error_that_names_file_and_line(load, tmp_path, row, part):
    with pytest.raises(UserError) as caught:
        load(row)
    assert str(caught.value).startswith(f"{tmp_path}/train.jsonl{part}")


@pytest.mark.parametrize("choices", [["long" * 9999], {"label": ["long" * 9999] * 2, "text": ["a", "b"]}])
def test_choices_that_are_wrong_and_long_are_shown_in_part(load, choices):
    with pytest.raises(UserError, match=r"train\.jsonl:1: .*choices.*longlong.* characters\)") as caught:
        load({**from_hub(), "choices": choices})
    assert len(str(caught.value)) < 500


def test_a_duplicate_id_is_an_error_that_names_both_lines(load, tmp_path):
    load(original(id="one", stem="a"), original(id="two", stem="b"), original(id="one", stem="c"))
    path = tmp_path / "recipe.yaml"
    path.write_text(f"name: x\ntask: {{kind: commonsenseqa, path: {tmp_path}}}\nmodel: {{path: m}}\n")
    recipe = load_recipe(path)
    with pytest.raises(UserError) as caught:
        load_problems(recipe, build_task(recipe))
    train = tmp_path / "train.jsonl"
    assert str(caught.value) == f"{train}:3: id 'one' was already used at {train}:1; ids must be unique"


def test_the_exemplars_of_the_project_fit_the_task_and_show_a_mark_only_with_the_hint(load):
    task, _ = load(original())
    exemplars = load_exemplars("commonsenseqa", task)
    assert len(exemplars) == 10
    assert {problem.answer for problem, _ in exemplars} == set("abcde")
    for problem, rationale in exemplars:
        assert len(problem.choices) == 5
        assert "CORRECT" not in task.question(problem, False) + rationale
        assert task.question(problem, True).count("(CORRECT)") == 1


@pytest.mark.skipif(not REAL.is_dir(), reason=f"{REAL} is not here")
def test_every_problem_of_the_real_data_set_loads_and_its_answer_is_the_choice_of_its_row():
    task = Commonsenseqa(CommonsenseqaTask(kind="commonsenseqa", path=str(REAL)))
    for split, name, count in (("train", "train", 9741), ("held_out", "dev", 1221)):
        problems = task.problems(split)
        rows = [json.loads(line) for line in (REAL / f"{name}.jsonl").read_text().splitlines()]
        right = [next(c["text"] for c in r["question"]["choices"] if c["label"] == r["answerKey"]) for r in rows]
        assert [p.choices["abcde".index(p.answer)] for p in problems] == [text.strip() for text in right]
        assert len(problems) == count
        hinted = [task.question(p, True) for p in problems]
        assert all(
            f"({p.answer}) {text.strip()}{HINT_MARK}" in h for p, text, h in zip(problems, right, hinted, strict=True)
        )
