"""Exemplar files: read, checked against the task, and refused with file and number."""

import json

import pytest

from star.errors import UserError
from star.recipe import ArithmeticTask, CommonsenseqaTask, load_recipe
from star.tasks import build_task, load_exemplars, load_problems
from star.tasks.arithmetic import Arithmetic
from star.tasks.commonsenseqa import Commonsenseqa
from star.tasks.exemplars import BUILT_IN

TASK = Arithmetic(ArithmeticTask(kind="arithmetic", style="words"))
CHOICE = Commonsenseqa(CommonsenseqaTask(kind="commonsenseqa"))
FIRST = "question: What is 1 + 2?\nanswer: 3\nrationale:\n1 + 2 = 3.\n#### 3\n"
SECOND = "question: What is 12 + 34?\nanswer: 46\nrationale:\nTens: 4.\n\nUnits: 6.\n#### 46\n"


@pytest.fixture
def load(tmp_path):
    """Load exemplars from this text."""

    def load(text, shots=None, task=TASK):
        path = tmp_path / "shots.txt"
        path.write_text(text, encoding="utf-8")
        return load_exemplars(str(path), task, shots)

    return load


@pytest.fixture
def complaint(load, tmp_path):
    """What is said about this text, after the path of its file."""

    def complaint(text, shots=None, task=TASK):
        with pytest.raises(UserError) as caught:
            load(text, shots, task)
        return str(caught.value).replace(str(tmp_path / "shots.txt"), "FILE")

    return complaint


def test_blocks_become_problems_with_their_rationales_word_for_word(load):
    (first, short), (second, long) = load(f"{FIRST}---\n{SECOND}")
    assert (first.id, first.question, first.answer) == ("exemplar-1", "What is 1 + 2?", "3")
    assert (second.id, second.question, second.answer) == ("exemplar-2", "What is 12 + 34?", "46")
    assert short == "1 + 2 = 3.\n#### 3"
    assert long == "Tens: 4.\n\nUnits: 6.\n#### 46"


def test_blank_lines_between_blocks_and_foreign_line_ends_do_not_matter(load):
    spaced = load(f"\n{FIRST}\n--- \n\n{SECOND}\n".replace("\n", "\r\n"))
    assert spaced == load(f"{FIRST}---\n{SECOND}")


def test_a_question_may_have_several_lines(load):
    [(problem, _)] = load("question: First line.\nWhat is it?\nanswer: 3\nrationale:\n#### 3\n")
    assert problem.question == "First line.\nWhat is it?"


def test_lines_at_the_top_that_begin_with_a_hash_are_comments_and_later_ones_are_not(load):
    commented = load(f"# Adapted from a paper.\n\n  # CC BY 4.0: and question: no\n{FIRST}---\n{SECOND}")
    assert commented == load(f"{FIRST}---\n{SECOND}")
    [(_, rationale)] = load(FIRST.replace("1 + 2 = 3.\n", "# 1 + 2 = 3.\n"))
    assert rationale == "# 1 + 2 = 3.\n#### 3"


@pytest.mark.parametrize("choices", ["bank | library | mall", "bank|library |mall|"])
def test_a_line_of_choices_belongs_to_the_question(load, choices):
    block = f"question: Where do\nbooks live?\nchoices: {choices}\nanswer: b\nrationale:\nThey live there (b).\n"
    [(problem, rationale)] = load(block, task=CHOICE)
    assert (problem.question, problem.answer) == ("Where do\nbooks live?", "b")
    assert problem.choices == ("bank", "library", "mall")
    assert rationale == "They live there (b)."


@pytest.mark.parametrize(
    ("choices", "part"),
    [
        ("", "exemplar 1: the problem has no choices"),
        ("choices: \n", "exemplar 1: the problem has no choices"),
        ("choices: bank\n", "exemplar 1: the ground truth 'b' is none of its choices ['bank']"),
    ],
)
def test_an_answer_that_is_no_choice_is_an_error_that_names_the_exemplar(complaint, choices, part):
    block = f"question: Where?\n{choices}answer: b\nrationale:\nThere (b).\n"
    assert complaint(block, task=CHOICE) == f"FILE: {part}"


def test_shots_take_the_first_ones(load):
    text = f"{FIRST}---\n{SECOND}"
    assert load(text, 1) == load(text)[:1]
    assert load(text, 0) == []
    assert load(text, 2) == load(text)


def test_more_shots_than_exemplars_is_an_error_with_their_number(complaint):
    assert complaint(FIRST, 3) == "prompt.shots = 3: FILE has only 1 exemplars"


@pytest.mark.parametrize(
    "block",
    [
        "What is 1 + 2? 3\n",
        FIRST.replace("question:", "Question:"),
        FIRST.replace("answer: 3\n", ""),
        FIRST.replace("rationale:\n", ""),
        "answer: 3\nquestion: What is 1 + 2?\nrationale:\n#### 3\n",
        "question: What is 1 + 2?\nanswer: 3\nrationale:\n",
    ],
)
def test_a_malformed_block_is_an_error_that_names_its_number_and_shows_it(complaint, block):
    message = complaint(f"{SECOND}---\n{block}")
    assert message.startswith("FILE: exemplar 2 is not `question:`, `answer:`, `rationale:`; it is '")
    assert repr(block[:30])[1:-1] in message


@pytest.mark.parametrize(
    ("rationale", "found"),
    [
        ("#### 4", "'4' from it (wrong)"),
        ("It is 3.", "None from it (no_answer: no final answer)"),
        ("#### 3\n#### 4", "None from it (no_answer: different final answers: '3', '4')"),
        ("#### three", "'three' from it (no_answer: not a number)"),
    ],
)
def test_a_rationale_with_another_answer_is_an_error_that_names_file_and_exemplar(complaint, rationale, found):
    message = complaint(f"{SECOND}---\nquestion: What is 1 + 2?\nanswer: 3\nrationale:\n{rationale}\n")
    assert message == f"FILE: exemplar 2: its rationale should end in the answer '3', but the task reads {found}"


def test_a_file_without_exemplars_is_an_error_and_a_last_separator_is_not(complaint):
    assert complaint("\n---\n") == "FILE: the file has no exemplars"
    assert "has only 1 exemplars" in complaint(f"{FIRST}---\n", shots=2)


def test_an_unknown_name_is_an_error_that_lists_those_that_come_with_the_project():
    with pytest.raises(UserError) as caught:
        load_exemplars("no-such-exemplars", TASK)
    built_in = ", ".join(sorted(path.stem for path in BUILT_IN.glob("*.txt")))
    assert str(caught.value) == (
        "prompt.exemplars = 'no-such-exemplars': there is no such file; "
        f"give a text file, or one of those that come with the project: {built_in}"
    )


def test_an_exemplar_is_left_out_of_the_held_out_problems(tmp_path):
    held_out = [{"question": "what is  1 + 2?", "answer": "3"}, {"question": "Other?", "answer": "4"}]
    for name, rows in (("train", [{"question": "Train?", "answer": "5"}]), ("test", held_out)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "shots.txt").write_text(FIRST)
    data = {"train": str(tmp_path / "train.jsonl"), "held_out": str(tmp_path / "test.jsonl")}
    settings = {
        "name": "demo",
        "task": {"kind": "jsonl", **data},
        "model": {"path": "m"},
        "prompt": {"exemplars": str(tmp_path / "shots.txt")},
    }
    (tmp_path / "recipe.yaml").write_text(json.dumps(settings))
    recipe = load_recipe(tmp_path / "recipe.yaml")
    kept = load_problems(recipe, build_task(recipe))
    assert [p.question for p in kept.held_out] == ["Other?"]
