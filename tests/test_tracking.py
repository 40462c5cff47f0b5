"""Trackers get what metrics.jsonl has, once, whatever happens to the run; and nothing that happens to them ends it."""

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from star import tracking
from star.cli import main
from star.errors import UserError
from star.files import read_json, read_rows
from star.recipe import load_recipe
from star.store import Store
from star.tracking import flat, require_trackers, settings, tracked
from tests.command import star

ROOT = Path(__file__).parent.parent
ON = "tracking=[tensorboard]"


def scalars(run):
    """All scalars that TensorBoard finds in a run directory: name -> [(step, value)]."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    return {name: sorted((e.step, e.value) for e in events.Scalars(name)) for name in events.Tags()["scalars"]}


def flow(run, *overrides):
    """What a run that is finished, or goes on for nothing, gives its trackers."""
    recipe = load_recipe(run / "recipe.yaml", overrides or [ON])
    store = Store.existing(run)
    store.facts = store.read_run()
    return list(tracked(iter(()), recipe, store))


@pytest.fixture
def run(tiny_run, tmp_path):
    """A copy of the finished tiny run, which nobody has tracked."""
    return shutil.copytree(tiny_run, tmp_path / "tiny")


def test_a_run_that_is_taken_up_again_logs_every_iteration_once_by_the_names_of_the_metrics(run, tiny_recipe):
    shutil.rmtree(run / "iterations/002")
    flow(run)  # as a process does that ends here
    assert read_json(run / "tracking.json")["tensorboard"]["iteration"] == 1
    assert main(["run", str(tiny_recipe), "--runs", str(run.parent), ON]) == 0
    flow(run)
    found, rows = scalars(run), read_rows(run / "metrics.jsonl")
    expected = {}
    for row in rows:
        for name, value in flat(row).items():
            expected.setdefault(name, []).append((row["iteration"], value))
    assert "accuracy/zero-shot/all/accuracy" in expected
    assert {name for name in found if not name.startswith("training/")} == set(expected)
    for name, points in expected.items():
        assert [step for step, _ in found[name]] == [step for step, _ in points], name
        assert all(math.isclose(a, b, rel_tol=1e-6) for (_, a), (_, b) in zip(found[name], points, strict=True)), name
    log = [p for n in (1, 2) for p in read_rows(run / f"iterations/00{n}/adapter/training.jsonl")[1:]]
    assert [step for step, _ in found["training/loss"]] == list(range(1, len(log) + 1))
    assert [value for _, value in found["training/loss"]] == pytest.approx([point["loss"] for point in log])
    assert main(["verify-run", str(run)]) == 0


def test_only_the_main_process_tracks(run, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    flow(run)
    assert not (run / "tracking.json").exists()
    assert not (run / "tensorboard").exists()


def test_a_tracker_that_fails_is_told_once_and_gets_the_rest_when_it_works_again(run, capsys):
    (run / "tensorboard").write_text("a file where its folder should be")
    recipe, store = load_recipe(run / "recipe.yaml", [ON]), Store.existing(run)
    store.facts = store.read_run()
    assert len(list(tracked(iter([1, 2]), recipe, store))) == 2
    said = capsys.readouterr().out
    assert said.count("warning: tracking: tensorboard: FileExistsError") == 1
    (run / "tensorboard").unlink()
    flow(run)
    assert [step for step, _ in scalars(run)["accuracy/zero-shot/all/accuracy"]] == [0, 1, 2]


def test_a_kill_while_an_iteration_is_given_never_makes_it_given_twice(run):
    script = """
import os, sys
from accelerate.tracking import TensorBoardTracker
from tests.test_tracking import flow
from pathlib import Path
log = TensorBoardTracker.log
def log_and_die(self, values, step=None, **more):
    log(self, values, step=step, **more)
    if "examples" in values and step == 1:
        os.kill(os.getpid(), 9)
TensorBoardTracker.log = log_and_die
flow(Path(sys.argv[1]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(run)], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == -9
    flow(run)
    found = scalars(run)
    assert [step for step, _ in found["accuracy/zero-shot/all/accuracy"]] == [0, 1, 2]
    assert [step for step, _ in found["training/loss"]] == list(range(1, 16))


def test_an_error_amid_a_training_log_makes_no_point_given_twice(run, capsys):
    log = run / "iterations/001/adapter/training.jsonl"
    whole = log.read_bytes()
    lines = whole.splitlines(keepends=True)
    log.write_bytes(b"".join([*lines[:4], b"damaged\n"]))  # the first line is no point
    flow(run)
    assert "warning: tracking: tensorboard" in capsys.readouterr().out
    assert [step for step, _ in scalars(run)["training/loss"]] == [1, 2, 3]
    log.write_bytes(whole)
    flow(run)
    flow(run)
    found = scalars(run)
    assert [step for step, _ in found["training/loss"]] == list(range(1, 16))
    assert [step for step, _ in found["accuracy/zero-shot/all/accuracy"]] == [0, 1, 2]


def test_a_tracker_that_is_not_installed_is_an_error_before_anything_is_computed(tiny_recipe, tmp_path):
    with pytest.raises(UserError, match=r"pip install 'star-trainer\[no_such_tracker\]'"):
        require_trackers(["no_such_tracker"])
    (tmp_path / "wandb").mkdir()  # a folder where it would be imported from is no package
    if tracking.find_spec("wandb") is None:
        done = star("run", str(tiny_recipe), "tracking=[tensorboard, wandb]", cwd=tmp_path)
        assert done.returncode == 2
        assert "tracking: wandb: not installed; pip install 'star-trainer[wandb]'" in done.stderr
        assert not (tmp_path / "runs").exists()


def test_an_unknown_tracker_is_an_error_of_the_recipe(tiny_recipe):
    with pytest.raises(UserError, match=r"tracking.0"):
        load_recipe(tiny_recipe, ["tracking=[tensorbord]"])


def test_settings_are_dotted_keys_without_secrets_or_missing_values(recipe_with, monkeypatch):
    recipe = recipe_with("selection.max_per_problem=3", "decoding.stop=[a, b]", "project=of-hf_AbCdEfGhIjKl")
    monkeypatch.setenv("HF_TOKEN", "hf_AbCdEfGhIjKl")
    found = settings(recipe)
    assert found["selection.max_per_problem"] == 3
    assert json.loads(found["decoding.stop"]) == ["a", "b"]
    assert found["project"] == "of-***"
    assert "prompt.exemplars" not in found
    assert all(isinstance(value, (str, int, float, bool)) for value in found.values())


def test_names_have_nothing_in_them_that_a_tracker_refuses():
    assert flat({"groups": {"a/b": 1, "..": 2, "<é>\n": 3, "1 digit": 4}, "text": "no", "none": None}) == {
        "groups/a_b": 1, "groups/_": 2, "groups/_é__": 3, "groups/1 digit": 4,
    }  # fmt: skip
