"""Whole runs of the tiny model that choose their problems."""

import json
import signal
import subprocess
import sys
import time

import pytest

from star.cli import main
from star.files import read_json, read_rows
from tests.test_loop import comparable, without_seconds

GROW = ("problems_per_iteration=40", "iterations=2", "curriculum={kind: grow, highest: 3}")


@pytest.fixture(scope="module")
def grown(tmp_path_factory, cache):
    """A finished run in a practice world. Read only."""
    from tests.conftest import TINY

    folder = tmp_path_factory.mktemp("grown")
    (folder / "tiny.yaml").write_text(TINY)
    assert main(["run", str(folder / "tiny.yaml"), "--runs", str(folder), *GROW]) == 0
    return folder / "tiny"


def rows(run, number, name):
    return read_rows(run / f"iterations/{number:03d}/{name}.jsonl")


def test_practice_problems_are_an_artefact_and_they_alone_are_tried(grown):
    asked = [rows(grown, number, "practice") for number in (1, 2)]
    for number, problems in enumerate(asked, 1):
        attempts = rows(grown, number, "attempts")
        assert [attempt["problem"] for attempt in attempts] == problems
        assert {problem["meta"]["level"] for problem in problems} >= {1, 2}
        manifest = read_json(grown / f"iterations/{number:03d}/MANIFEST.json")
        assert "practice.jsonl" in manifest["files"]
        assert "curriculum.json" in manifest["files"]
    ids = [problem["id"] for problems in asked for problem in problems]
    assert len(set(ids)) == len(ids) == 80
    held_out = {row["problem"]["question"] for row in rows(grown, 0, "evaluation-zero-shot")}
    assert not held_out & {problem["question"] for problems in asked for problem in problems}


def test_metrics_and_report_say_where_the_effort_went(grown):
    metrics = [json.loads(line) for line in (grown / "metrics.jsonl").read_text().splitlines()]
    assert "curriculum" not in metrics[0]
    for number, row in enumerate(metrics[1:], 1):
        said = row["curriculum"]
        assert said["kind"] == "grow"
        assert 1 <= said["level"] <= 3
        tried = [attempt["problem"]["group"] for attempt in rows(grown, number, "attempts")]
        assert said["by_group"] == {group: tried.count(group) / len(tried) for group in sorted(set(tried))}
        assert sum(said["by_expected"].values()) == pytest.approx(1)
    page = (grown / "report/index.html").read_text()
    assert "Where the attempts went" in page
    assert f"around level {metrics[-1]['curriculum']['level']}" in page


def test_an_example_from_a_practice_problem_is_traced_to_its_generator(grown, capsys):
    example = rows(grown, 2, "train")[0]
    assert main(["trace", str(grown), example["attempt_id"]]) == 0
    shown = capsys.readouterr().out
    assert "arithmetic:practice:level=" in shown
    assert "computed by the program that made the problem" in shown


def test_a_practice_world_that_is_killed_ends_with_the_same_files(grown, tiny_recipe, tmp_path):
    command = [sys.executable, "-m", "star", "run", str(tiny_recipe), "--runs", str(tmp_path), *GROW]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    path = tmp_path / "tiny/iterations/002.partial/practice.jsonl.journal"
    while not (path.exists() or path.with_suffix("").exists()) and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    again = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert again.returncode == 0, again.stdout + again.stderr
    assert comparable(tmp_path / "tiny") == comparable(grown)
    assert without_seconds(tmp_path / "tiny") == without_seconds(grown)


def test_what_is_learned_from_is_drawn_more_and_more(tiny_recipe, tmp_path):
    """After one iteration, fewer of the problems that the model always solves are drawn than are in the data."""
    settings = ("problems_per_iteration=40", "curriculum.kind=learnable", "task.train={1: 60, 2: 60}")
    assert main(["run", str(tiny_recipe), "--runs", str(tmp_path), *settings]) == 0
    run = tmp_path / "tiny"
    first, second = (json.loads(line)["curriculum"] for line in (run / "metrics.jsonl").read_text().splitlines()[1:])
    assert (first["kind"], first["expected"]) == ("learnable", 0.5)  # nothing is known yet
    assert second["expected"] != 0.5
    assert {row["problem"]["group"] for row in rows(run, 2, "attempts")} == set(second["by_group"])
    assert not (run / "iterations/001/practice.jsonl").exists()


def test_a_run_that_draws_all_alike_has_no_trace_of_a_curriculum(tiny_run):
    assert not list(tiny_run.glob("iterations/*/curriculum.json"))
    assert "curriculum" not in json.loads((tiny_run / "metrics.jsonl").read_text().splitlines()[-1])
