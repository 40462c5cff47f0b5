"""GSM8K from a folder; without one, what to do."""

import json
from pathlib import Path

import pytest

from star.errors import UserError
from star.files import file_sha256
from star.recipe import Gsm8kTask
from star.tasks import load_exemplars
from star.tasks.gsm8k import Gsm8k

REAL = Path("/work/shared/data/gsm8k")


@pytest.fixture
def folder(tmp_path):
    """A folder with 20 training and 2 test problems."""

    def write(name, rows):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    write("train", ({"question": f"Question {i}?", "answer": f"Think.\nMore.\n#### 1,{i:03}"} for i in range(20)))
    write("test", [{"question": "Clips?", "answer": "48/2 = 24\n#### 72"}, {"question": "Zero?", "answer": "#### 0"}])
    return tmp_path


def gsm8k(path, **settings):
    return Gsm8k(Gsm8kTask(kind="gsm8k", path=str(path), **settings))


def complaint(task, split="train"):
    with pytest.raises(UserError) as caught:
        task.problems(split)
    return str(caught.value)


def test_the_ground_truth_is_what_follows_the_marker(folder):
    first, second = gsm8k(folder).problems("held_out")
    assert (first.id, first.question, first.answer) == ("test-1", "Clips?", "72")
    assert (first.source, first.task, first.answer_source) == (f"{folder}/test.jsonl:1", "gsm8k", "gold")
    assert second.answer == "0"


def test_problems_are_grouped_by_the_steps_of_the_gold_solution(folder):
    assert [p.group for p in gsm8k(folder).problems("held_out")] == ["1 step", "0 steps"]
    assert {p.group for p in gsm8k(folder).problems("train")} == {"2 steps"}


def test_a_thousands_separator_in_the_ground_truth_does_not_matter(folder):
    task = gsm8k(folder)
    problem = task.problems("train")[7]
    assert problem.answer == "1,007"
    for text in ("#### 1007", "#### 1,007", "#### $1,007.00", "####1007."):
        assert task.judge(problem, f"Think. {text}").status == "correct", text
    assert task.judge(problem, "#### 1008").status == "wrong"
    assert task.judge(problem, "#### 1007 clips").status == "no_answer"
    assert task.judge(problem, "1007").status == "no_answer"


def test_the_hint_is_the_bare_answer_and_not_the_gold_solution(folder):
    task = gsm8k(folder)
    problem = task.problems("held_out")[0]
    assert task.question(problem, hinted=False) == "Q: Clips?\nA:"
    assert task.question(problem, hinted=True) == "Q: Clips? (72)\nA:"


def test_holding_out_from_train_takes_its_last_tenth_and_never_the_test_set(folder):
    task = gsm8k(folder, held_out="train")
    train, held_out = task.problems("train"), task.problems("held_out")
    assert [p.id for p in held_out] == ["train-19", "train-20"]
    assert [p.id for p in train] == [f"train-{i}" for i in range(1, 19)]


def test_the_files_that_were_read_are_recorded_with_their_hashes(folder):
    task = gsm8k(folder)
    assert task.data_files() == {}
    task.problems("train")
    assert task.data_files() == {f"{folder}/train.jsonl": file_sha256(folder / "train.jsonl")}


@pytest.mark.parametrize("held_out", ["test", "train"])
def test_worked_solutions_of_held_out_problems_are_read_from_their_rows(folder, held_out):
    task = gsm8k(folder, held_out=held_out)
    problems = task.problems("held_out")
    wanted = {
        "test": ["48/2 = 24\n#### 72", "#### 0"],
        "train": ["Think.\nMore.\n#### 1,018", "Think.\nMore.\n#### 1,019"],
    }
    assert task.solutions(problems) == wanted[held_out]
    assert task.solutions(problems[::-1]) == wanted[held_out][::-1]
    assert task.data_files()[f"{folder}/{held_out}.jsonl"] == file_sha256(folder / f"{held_out}.jsonl")


@pytest.mark.parametrize("annotations", ["strip", "keep"])
def test_calculator_annotations_are_stripped_from_rationales_unless_the_recipe_keeps_them(folder, annotations):
    task = gsm8k(folder, annotations=annotations)
    written = "48/2 = <<48/2=24>>24 clips, a << b >> c, x <<y\n#### 24"
    stripped = "48/2 = 24 clips, a  c, x <<y\n#### 24"
    assert task.clean(written) == (written if annotations == "keep" else stripped)


@pytest.mark.parametrize("annotations", ["strip", "keep"])
def test_the_exemplars_of_the_project_fit_the_task_and_have_annotations_to_keep(folder, annotations):
    task = gsm8k(folder, annotations=annotations)
    exemplars = load_exemplars("gsm8k", task)
    assert all("<<" in rationale for _, rationale in exemplars)
    assert all(("<<" in task.clean(rationale)) == (annotations == "keep") for _, rationale in exemplars)


def test_the_bare_answer_is_read_as_the_answer(folder):
    task = gsm8k(folder)
    problem = task.problems("train")[7]
    assert task.bare_answer(problem) == "#### 1,007"
    assert task.judge(problem, task.bare_answer(problem)).status == "correct"


@pytest.mark.skipif(not REAL.is_dir(), reason=f"{REAL} is not here")
def test_every_problem_of_the_real_data_set_loads():
    task = gsm8k(REAL)
    assert [len(task.problems(split)) for split in ("train", "held_out")] == [7473, 1319]
    assert sum("," in problem.answer for problem in task.problems("train")) == 79
    assert not task.skipped


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ('{"question": "x"', ":21: not valid JSON"),
        ('{"question": "x"}', ":21: no field 'answer'; its fields are 'question'"),
        ('{"question": "x", "answer": "72"}', ":21 (id train-21): no final answer after #### in the ground truth '72'"),
        ('{"question": "x", "answer": "#### 1\\n#### 2"}', ":21 (id train-21): 2 final answers after #### in the gr"),
        ('{"question": "x", "answer": "#### many"}', ":21 (id train-21): the ground truth 'many' is not a number"),
    ],
)
def test_a_bad_row_is_an_error_that_names_file_and_line(folder, line, part):
    path = folder / "train.jsonl"
    path.write_text(path.read_text() + line + "\n")
    assert complaint(gsm8k(folder)).startswith(f"{path}{part}")


def test_a_folder_without_the_file_is_an_error_that_names_it(folder):
    (folder / "test.jsonl").unlink()
    assert complaint(gsm8k(folder), "held_out").startswith(f"{folder}/test.jsonl: there is no such data file; ")
