"""Problems from JSONL files: what is read, and what a bad file is told."""

import json
from pathlib import Path

import pytest

from star.errors import UserError
from star.files import file_sha256
from star.recipe import JsonlFields, JsonlTask, load_recipe
from star.tasks import build_task, load_problems
from star.tasks.jsonl import Jsonl
from star.verify import Extractor


@pytest.fixture
def write(tmp_path):
    """Write rows (dicts, or lines as text or bytes) to a file; returns its path."""

    def write(*rows, name="train.jsonl"):
        lines = (json.dumps(row) if isinstance(row, dict) else row for row in rows)
        data = (line if isinstance(line, bytes) else line.encode() for line in lines)
        (tmp_path / name).write_bytes(b"".join(line + b"\n" for line in data))
        return str(tmp_path / name)

    return write


@pytest.fixture
def load(tmp_path):
    """Training and held-out problems of a recipe whose task is `jsonl` with these settings."""

    def load(*overrides, **settings):
        recipe = {"name": "demo", "task": {"kind": "jsonl", **settings}, "model": {"path": "m"}}
        (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
        loaded = load_recipe(tmp_path / "recipe.yaml", overrides)
        problems = load_problems(loaded, build_task(loaded))
        return problems.train, problems.held_out

    return load


def jsonl(train, held_out="held_out.jsonl", **settings):
    return Jsonl(JsonlTask(kind="jsonl", train=train, held_out=held_out, **settings))


def row(question="What?", answer="42", **more):
    return {"question": question, "answer": answer, **more}


def complaint(task, split="train"):
    with pytest.raises(UserError) as caught:
        task.problems(split)
    return str(caught.value)


# What is read


def test_a_row_becomes_a_problem_that_says_where_it_came_from(write):
    path = write(row(" What? \n", 42), "", row("Why?", 1.5))
    first, second = jsonl(path).problems("train")
    assert (first.id, first.question, first.answer, first.source) == ("train-1", "What?", "42", f"{path}:1")
    assert (second.id, second.answer, second.source) == ("train-3", "1.5", f"{path}:3")  # blank lines are counted
    assert (first.task, first.answer_source, first.group) == ("jsonl", "gold", "all")


def test_fields_say_which_keys_hold_what(write):
    path = write({"q": "What?", "gold": "42", "key": 7, "level": "hard"})
    fields = JsonlFields(question="q", answer="gold", id="key", group="level")
    [problem] = jsonl(path, fields=fields).problems("train")
    assert (problem.id, problem.question, problem.answer, problem.group) == ("7", "What?", "42", "hard")


def test_a_gold_pattern_finds_the_answer_in_the_field(write):
    [problem] = jsonl(write(row(answer="6 * 7 = 42\n#### 1,042")), gold_pattern=r"#### (.*)").problems("train")
    assert problem.answer == "1,042"


def test_a_thousands_separator_in_the_ground_truth_does_not_matter_to_the_numeric_verifier(write):
    task = jsonl(write(row(answer="1,042")), verifier="numeric")
    [problem] = task.problems("train")
    assert task.judge(problem, "so #### 1042").status == "correct"
    assert task.judge(problem, "so #### $1,042.00").status == "correct"
    assert task.judge(problem, "so #### 42").status == "wrong"


def test_choices_are_read_from_the_row(write):
    task = jsonl(write(row(answer="B", choices=["bank", "mall"])), verifier="choice")
    [problem] = task.problems("train")
    assert problem.choices == ("bank", "mall")
    assert task.judge(problem, "#### mall").status == "correct"


def test_the_files_that_were_read_are_recorded_with_their_hashes(write):
    train, held_out = write(row()), write(row("Why?"), name="test.jsonl")
    task = jsonl(train, held_out)
    assert [p.id for split in ("train", "held_out") for p in task.problems(split)] == ["train-1", "held_out-1"]
    assert task.data_files() == {path: file_sha256(Path(path)) for path in (train, held_out)}


def test_of_a_folder_the_files_of_the_splits_are_read(write, tmp_path):
    write(row()), write(row("Why?"), name="test.jsonl"), write(row("When?"), name="dev.jsonl")
    folder = str(tmp_path)
    task = jsonl(folder, folder)
    assert [p.question for split in ("train", "held_out") for p in task.problems(split)] == ["What?", "Why?"]
    assert [p.question for p in jsonl(folder, folder, held_out_split="dev").problems("held_out")] == ["When?"]
    assert complaint(jsonl(folder, train_split="all")).startswith(f"{folder}/all.jsonl: there is no such data file; ")


# Splitting


def test_without_a_held_out_file_a_share_is_held_out_and_the_splits_are_disjoint(write):
    path = write(*(row(f"Question {i}?") for i in range(400)))
    task = jsonl(path, None, held_out_share=0.25)
    train, held_out = ({p.question for p in task.problems(split)} for split in ("train", "held_out"))
    assert not train & held_out
    assert len(train | held_out) == 400
    assert 60 < len(held_out) < 140


def test_the_split_depends_on_the_question_alone(write):
    rows = [row(f"Question {i}?") for i in range(100)]
    before = jsonl(write(*rows), None).problems("held_out")
    moved = [row(r["question"].upper() + " ", "other") for r in reversed(rows)]
    after = jsonl(write(row("New?"), *moved, name="other.jsonl"), None).problems("held_out")
    assert before
    assert {p.question.casefold() for p in before} == {p.question.casefold() for p in after} - {"new?"}


def test_a_larger_share_holds_out_more_and_keeps_what_was_held_out(write):
    path = write(*(row(f"Question {i}?") for i in range(100)))
    small, large = ({p.id for p in jsonl(path, None, held_out_share=s).problems("held_out")} for s in (0.1, 0.4))
    assert small < large


# Prompts


def test_placeholders_inside_a_question_or_an_answer_are_left_alone(write):
    task = jsonl(write(row("What is {answer} of {question}, {0} and {{x}}?", r"{question} \1")))
    [problem] = task.problems("train")
    assert task.question(problem, hinted=False) == "Q: What is {answer} of {question}, {0} and {{x}}?\nA:"
    assert task.question(problem, hinted=True) == (
        "Q: What is {answer} of {question}, {0} and {{x}}? ({question} \\1)\nA:"
    )


def test_templates_come_from_the_recipe_and_keep_their_other_braces(write):
    task = jsonl(write(row("x")), prompt="{json} {question} {}", hint="{question}={answer}{", stop=["END"])
    [problem] = task.problems("train")
    assert task.question(problem, hinted=False) == "{json} x {}"
    assert task.question(problem, hinted=True) == "x=42{"
    assert task.stop == ("END",)


# Judging


def test_an_answer_pattern_that_takes_too_long_is_a_timeout_and_not_wrong(write):
    task = jsonl(write(row()))
    task.extractor = Extractor(r"((?:a|aa)+)$", timeout=0.05)
    verdict = task.judge(task.problems("train")[0], "a" * 60 + "!")
    assert (verdict.status, verdict.answer, verdict.detail) == ("timeout", None, "the answer pattern took too long")


def test_two_different_final_answers_are_no_answer(write):
    task = jsonl(write(row()))
    [problem] = task.problems("train")
    verdict = task.judge(problem, "#### 42\n#### 41")
    assert (verdict.status, verdict.detail) == ("no_answer", "different final answers: '42', '41'")
    assert task.judge(problem, "42").detail == "no final answer"
    assert task.judge(problem, "#### 42\n#### 42").status == "correct"


# Bad data


@pytest.mark.parametrize(
    ("bad", "part"),
    [
        ('{"question": ', ":2: not valid JSON: Expecting value"),
        ("[" * 100_000, ":2: not valid JSON: "),
        ("[1]", ":2: expected a JSON object, found list"),
        (b'{"question": "\xff"}', ":2: not UTF-8 text: invalid start byte at byte 14"),
        ({"question": "Why?"}, ":2: no field 'answer'; its fields are 'question'"),
        ("{}", ":2: no field 'question'; its fields are none"),
        (row(["x"]), ":2: field 'question' should be text or a number, and is ['x']"),
        (row(answer=True), ":2: field 'answer' should be text or a number, and is True"),
        (row(answer=None), ":2: field 'answer' should be text or a number, and is None"),
        (row(""), ":2: field 'question' should be text or a number, and is ''"),
        (row("Why?", " "), ":2: field 'answer' should be text or a number, and is ' '"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_bad_line_is_an_error_that_names_file_and_line(write, bad, part):
    path = write(row(), bad)
    assert complaint(jsonl(path)).startswith(path + part)


@pytest.mark.parametrize(
    ("bad", "settings", "part"),
    [
        (row(answer="one"), {"verifier": "numeric"}, "the ground truth 'one' is not a number"),
        (row(answer="C"), {"verifier": "choice"}, "the problem has no choices"),
        (row(answer="c", choices=["x", "y"]), {"verifier": "choice"}, "'c' is none of its choices ['x', 'y']"),
        (row(answer="42"), {"gold_pattern": "#### (.*)"}, "no final answer in the ground truth '42'"),
        (
            row(answer="#### 1\n#### 2"),
            {"gold_pattern": "#### (.*)"},
            "2 different final answers in the ground truth '#### 1",
        ),
    ],
)
def test_a_ground_truth_that_cannot_be_parsed_is_an_error_that_names_line_and_id(write, bad, settings, part):
    path = write({**bad, "key": "seven"})
    message = complaint(jsonl(path, fields=JsonlFields(id="key"), **settings))
    assert message.startswith(f"{path}:1 (id seven): ")
    assert part in message


@pytest.mark.parametrize("held_out", [None, "held_out.jsonl"])
def test_rows_with_a_bad_ground_truth_are_left_out_and_counted_once_when_the_recipe_says_so(write, held_out):
    path = write(row("One?", "1"), row("Two?", "two"), row("Three?", "3"))
    if held_out:
        held_out = write(row("Four?", "4"), name=held_out)
    task = jsonl(path, held_out, verifier="numeric", bad_gold="skip")
    problems = [p for split in ("train", "held_out", "train") for p in task.problems(split)]
    assert {p.question for p in problems} == {"One?", "Three?"} | ({"Four?"} if held_out else set())
    [skipped] = task.skipped
    assert skipped.startswith(f"{path}:2 (id {'train' if held_out else 'row'}-2): the ground truth 'two' is not a numb")
    with pytest.raises(UserError, match=r"is not a number; mend it, or leave such rows out with task.bad_gold=skip$"):
        jsonl(path, held_out, verifier="numeric").problems("train")


@pytest.mark.parametrize("name", ["id", "group"])
def test_an_id_or_group_that_is_missing_is_an_error(write, name):
    message = complaint(jsonl(path := write(row()), fields=JsonlFields(**{name: "key"})))
    assert message.startswith(f"{path}:1: no field 'key'; its fields are 'question', 'answer'; add it, or say with ")
    assert message.endswith(f" task.fields.{name} what it is called")


@pytest.mark.parametrize("lines", [[], ["", "  "]])
def test_a_file_without_problems_is_an_error(write, lines):
    assert "train.jsonl: the file has no problems; give one with a JSON object" in complaint(jsonl(write(*lines)))


def test_a_missing_file_is_an_error_that_names_it_and_the_key(tmp_path):
    path = str(tmp_path / "nowhere.jsonl")
    assert complaint(jsonl(path)).startswith(f"{path}: there is no such data file; give ")
    assert complaint(jsonl("unused", path), "held_out").endswith(" as task.held_out=PATH")


@pytest.mark.parametrize("key", ["answer_pattern", "gold_pattern"])
def test_a_bad_pattern_is_an_error_that_shows_it(key):
    with pytest.raises(ValueError, match=rf"{key}\n.*not a regular expression: missing \)"):
        jsonl("train.jsonl", **{key: "("})
    with pytest.raises(ValueError, match=rf"{key}\n.*has no group; put \( \) around the answer"):
        jsonl("train.jsonl", **{key: "####.*"})


def test_a_duplicate_id_is_an_error_that_names_both_lines(write, load):
    train = write(row("a", key="k1"), row("b", key="k2"), row("c", key="k1"))
    held_out = write(row("d", key="k3"), name="test.jsonl")
    with pytest.raises(UserError) as caught:
        load(train=train, held_out=held_out, fields={"id": "key"})
    assert str(caught.value) == f"{train}:3: id 'k1' was already used at {train}:1; ids must be unique"


def test_an_id_in_both_splits_is_an_error_that_names_both_files(write, load):
    train, held_out = write(row("a", key="k1")), write(row("b", key="k1"), name="test.jsonl")
    with pytest.raises(UserError) as caught:
        load(train=train, held_out=held_out, fields={"id": "key"})
    assert str(caught.value) == f"{held_out}:1: id 'k1' was already used at {train}:1; ids must be unique"


@pytest.mark.parametrize("again", ["Where is New York?", "where is  NEW york? ", "Where is New\u00a0York?"])
def test_a_held_out_question_that_is_trained_on_is_an_error_whatever_its_case_and_spacing(write, load, again):
    train = write(row("Else?"), row("Where is New York?"))
    held_out = write(row(again, "other"), row("Third?"), name="test.jsonl")
    with pytest.raises(UserError) as caught:
        load(train=train, held_out=held_out)
    message = str(caught.value)
    assert message.startswith("1 of 2 training problems overlap held-out or protected ones")
    assert f"{train}:2 (id train-2) is the same text as {held_out}:1 (id held_out-1)" in message
    assert "\nRemove them from one of the two" in message


def test_a_split_that_is_empty_is_an_error(write, load):
    with pytest.raises(UserError, match=r"task jsonl: there are no held-out problems"):
        load(train=write(row()), held_out_share=1e-9)
    with pytest.raises(UserError, match=r"task jsonl: there are no training problems"):
        load(train=write(row()), held_out_share=1 - 1e-9)


def test_the_limit_takes_the_first_problems_of_each_group_of_each_split(write, load):
    rows = [row(f"{level} {i}", level=level) for i in range(4) for level in ("easy", "hard")]
    train, held_out = write(*rows), write(row("x", level="easy"), name="test.jsonl")
    kept, _ = load("limit=2", train=train, held_out=held_out, fields={"group": "level"})
    assert [p.question for p in kept] == ["easy 0", "hard 0", "easy 1", "hard 1"]
