"""Problems in the style of MATH: boxed answers, levels, ground truths that cannot be read, exemplars and recipe."""

import json
import shutil
from pathlib import Path

import pytest

from star.cli import main
from star.errors import UserError
from star.recipe import MathTask
from star.tasks import load_exemplars
from star.tasks.math import Math
from star.verify import check_steps

ROOT = Path(__file__).parents[2]


@pytest.fixture
def load(tmp_path):
    """The task over these training rows, and its training problems."""

    def load(*rows, **settings):
        text = "".join(json.dumps({"problem": f"Problem {i}?", **row}) + "\n" for i, row in enumerate(rows))
        (tmp_path / "train.jsonl").write_text(text)
        held_out = {"problem": "Held out?", "solution": r"\boxed{7}", "level": "Level 1"}
        (tmp_path / "test.jsonl").write_text(json.dumps(held_out) + "\n")
        task = Math(MathTask(kind="math", path=str(tmp_path), timeout=20.0, **settings))
        return task, task.problems("train")

    return load


@pytest.mark.parametrize(
    ("solution", "answer"),
    [
        (r"We get $\boxed{12}$.", "12"),
        (r"$\boxed{\frac{\sqrt{2}}{x^{10}}}$", r"\frac{\sqrt{2}}{x^{10}}"),
        (r"$\boxed{\{1, 2\}}$", r"\{1, 2\}"),
        (r"$\boxed {(1,2]}$ and {more}", "(1,2]"),
        (r"$\fbox{3}$", "3"),
        (r"First $\boxed{1/2}$, that is $\boxed{0.5}$.", "1/2"),
        ("\\boxed{\n\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}\n}", "\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}"),
    ],
)
def test_the_ground_truth_is_what_the_solution_boxes_braces_balanced(load, solution, answer):
    _, [problem] = load({"solution": solution}, bad_gold="error")
    assert problem.answer == answer


def test_a_solution_that_boxes_two_different_answers_has_none(load):
    with pytest.raises(UserError, match=r"2 different boxed answers in the ground truth: \['1', '2'\]"):
        load({"solution": r"First $\boxed{1}$, finally $\boxed{2}$."}, bad_gold="error")


def test_a_solution_in_which_no_box_is_found_in_time_has_none(load):
    endless = r"\boxed{{}" * 20_000
    with pytest.raises(UserError, match=r"train.jsonl:1 \(id train-1\): to look for .* took too long in '.*'; mend it"):
        load({"solution": endless}, bad_gold="error")
    assert load({"solution": endless}, {"solution": r"\boxed{1}"}, bad_gold="skip")[1][0].answer == "1"


def test_an_answer_field_goes_before_the_solution(load):
    _, [problem] = load({"answer": "3", "solution": r"\boxed{4}"})
    assert problem.answer == "3"


def test_worked_solutions_are_those_of_rows_that_have_one(load, tmp_path):
    task, _ = load({"answer": "1"})
    rows = [{"answer": "1"}, {"answer": "1", "solution": " We get 1. "}, {"answer": "1", "solution": None}]
    text = "".join(json.dumps({"problem": f"Problem {i}?", **row}) + "\n" for i, row in enumerate(rows))
    (tmp_path / "test.jsonl").write_text(text)
    assert task.solutions(task.problems("held_out")) == [None, "We get 1.", None]


def test_ids_and_groups_come_from_the_row(load):
    _, problems = load(
        {"answer": "1", "level": "Level 5", "type": "Algebra", "unique_id": "test/algebra/1.json"},
        {"answer": "1", "level": 2, "subject": "Algebra"},
        {"answer": "1", "type": "Geometry", "id": 17},
        {"answer": "1"},
        {"answer": "1", "level": "Level ?"},
    )
    assert [p.group for p in problems] == ["level 5", "level 2", "Geometry", "all", "level ?"]
    assert [p.id for p in problems] == ["test/algebra/1.json", "train-2", "17", "train-4", "train-5"]


def test_the_hint_is_the_bare_answer(load):
    task, [problem] = load({"solution": r"Long. \boxed{\frac{1}{2}}"})
    assert task.question(problem, False) == "Problem: Problem 0?\nSolution:"
    assert task.question(problem, True) == "Problem: Problem 0? (the answer is \\frac{1}{2})\nSolution:"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (r"So $\boxed{\frac{1}{2}}$.", "correct"),
        (r"So $\boxed{0.5}$.", "correct"),
        (r"$\boxed{\frac{2}{4}}$, that is, $\boxed{1/2}$.", "correct"),
        (r"So $\boxed{\frac{1}{3}}$.", "wrong"),
        (r"$\boxed{\frac{1}{2}}$, or rather $\boxed{\frac{1}{3}}$.", "no_answer"),
        (r"$\boxed{\frac{1}{2}$", "no_answer"),
        (r"$\frac{1}{2}$", "no_answer"),
        (r"$\boxed{}$", "no_answer"),
    ],
)
def test_boxed_answers_are_compared_as_mathematics_and_two_that_differ_are_none(load, text, status):
    task, [problem] = load({"answer": r"\frac{1}{2}"})
    assert task.judge(problem, text).status == status


def test_the_bare_answer_is_boxed_and_read_as_the_answer(load):
    task, [problem] = load({"answer": r"\frac{1}{2}"})
    assert task.bare_answer(problem) == r"$\boxed{\frac{1}{2}}$"
    assert task.judge(problem, task.bare_answer(problem)).status == "correct"


BAD = {"solution": "We get 12."}


def test_a_solution_without_a_box_is_an_error_that_names_line_and_id_and_says_how_to_go_on(load, tmp_path):
    with pytest.raises(UserError) as caught:
        load({"answer": "1"}, {**BAD, "id": "x7"})
    assert str(caught.value) == (
        f"{tmp_path}/train.jsonl:2 (id x7): no \\boxed{{}} in the ground truth 'We get 12.'; "
        "mend it, or leave such rows out with task.bad_gold=skip"
    )
    with pytest.raises(UserError, match=r"train\.jsonl:1 \(id train-1\): neither a field 'answer' nor a 'solution'"):
        load({"level": 1}, bad_gold="skip")


@pytest.mark.parametrize("held_out", ["test", "train"])
def test_rows_without_ground_truth_are_skipped_and_counted_once_when_the_recipe_says_so(load, held_out):
    task, _ = load({"answer": "1"}, BAD, *({"answer": "2"} for _ in range(18)), bad_gold="skip", held_out=held_out)
    train, other = task.problems("train"), task.problems("held_out")
    assert len(train) == (19 if held_out == "test" else 18)
    assert len(other) == 1
    assert len(task.skipped) == 1
    assert ":2 (id train-2): no \\boxed{}" in task.skipped[0]


RECIPE = """\
name: tiny-math
iterations: 0
task: {{kind: math, path: {data}, bad_gold: skip}}
model: {{path: {model}, device: cpu, threads: 1}}
decoding: {{max_new_tokens: 4}}
"""


def test_what_is_skipped_is_shown_before_the_run_and_recorded_with_it(load, tmp_path, random_models, capsys):
    load({"answer": "1"}, BAD, BAD, bad_gold="skip")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE.format(data=tmp_path, model=random_models["llama"]))
    assert main(["run", str(recipe), "--runs", str(tmp_path / "runs")]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "note: 2 problems are left out, because their ground truth cannot be verified; the first: " in shown
    record = json.loads((tmp_path / "runs/tiny-math/run.json").read_text())
    assert record["problems_skipped"] == 2
    assert sorted(record["data_files"]) == [f"{tmp_path}/test.jsonl", f"{tmp_path}/train.jsonl"]
    assert record["verifier"].startswith("symbolic")
    [line] = (tmp_path / "runs/tiny-math/metrics.jsonl").read_text().splitlines()
    assert json.loads(line)["accuracy"]["zero-shot"]["groups"].keys() == {"level 1"}


@pytest.fixture
def exemplars(load):
    """The task, and its exemplars that come with the project."""
    task, _ = load({"answer": "1"})
    return task, load_exemplars("math", task)


ANSWERS = {
    "104": ("104.0", "105"),
    "720": (r"6 \cdot 5!", "72"),
    r"\frac{5}{9}": ("10/18", r"\frac{9}{5}"),
    r"36\sqrt{3}": (r"18\sqrt{12}", "36"),
    "(-2,4)": ("-2 < x < 4", "[-2,4]"),
}
"""The answer of each exemplar, written in another way, and another answer."""


def test_each_exemplar_boxes_its_answer_and_only_what_means_the_same_is_taken_for_it(exemplars):
    task, shown = exemplars
    assert [problem.answer for problem, _ in shown] == list(ANSWERS)
    for problem, rationale in shown:
        boxed = rf"\boxed{{{problem.answer}}}"
        texts = [rationale, *(rationale.replace(boxed, rf"\boxed{{{a}}}") for a in ANSWERS[problem.answer])]
        verdicts = task.judge_all([(problem, text) for text in [*texts, rationale.replace(boxed, problem.answer)]])
        assert [verdict.status for verdict in verdicts] == ["correct", "correct", "wrong", "no_answer"]


def test_no_step_of_an_exemplar_is_wrong(exemplars):
    found = [check_steps(rationale) for _, rationale in exemplars[1]]
    assert sum(steps.checked for steps in found) >= 5
    assert not any(steps.wrong for steps in found)


def test_the_shipped_recipe_shows_its_prompts_on_rows_of_a_folder(load, tmp_path, random_models, capsys):
    row = {"problem": r"What is $\frac{1}{2} + \frac{1}{3}$?", "solution": r"It is $\boxed{\frac{5}{6}}$."}
    load(row, BAD, bad_gold="skip")
    model = shutil.copytree(random_models["llama"], tmp_path / "model")
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 8192}))
    recipe = str(ROOT / "recipes/math.yaml")
    assert main(["run", recipe, "--dry-run", f"task.path={tmp_path}", f"model.path={model}"]) == 0
    shown = "".join(capsys.readouterr().out.split())
    for part in (
        "note: 1 problems are left out",
        "math: 1 training and 1 held-out problems",
        r"and the solution is $\boxed{(-2,4)}$. Problem: What is $\frac{1}{2} + \frac{1}{3}$? Solution:",
        r"Problem: What is $\frac{1}{2} + \frac{1}{3}$? (the answer is \frac{5}{6}) Solution:",
        r"what is the value of $x^2 - 5x$? Solution:[learned:] Expanding the left side",
        "everything checks out",
    ):
        assert part.replace(" ", "") in shown
