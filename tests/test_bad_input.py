"""Bad input, row by row: each is one clear error and exit code 2, and leaves every byte as it was.

A row is a real command line with what its message must have in it: file, key or line, value, remedy.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

RECIPE = "name: x\ntask: {kind: arithmetic}\nmodel: {starter: {}}\n"


def star(*arguments, cwd, **environment):
    """`star ARGUMENTS` in the folder `cwd`, as a user starts it."""
    command = [sys.executable, "-m", "star", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), **environment}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=120, check=False)


def contents(folder):
    """Every file and folder below a folder, with the bytes of the files."""
    return {path: path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


def refused(folder, *arguments, parts, code=2, **environment):
    """Assert that the command fails as bad input does; returns its message."""
    before = contents(folder)
    done = star(*arguments, cwd=folder, **environment)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("error: ") == 1, done.stderr
    assert [part for part in parts if part not in done.stderr] == [], done.stderr
    assert len(done.stderr) < 2000
    assert contents(folder) == before
    return done.stderr


# Recipe

RECIPES = {
    "unknown key": ("iterationz: 3\n", [], ["r.yaml:4: iterationz: unknown key; did you mean iterations?"]),
    "wrong type": ("iterations: many\n", [], ["r.yaml:4: iterations = 'many': Input should be a valid integer"]),
    "lr is the word nan": ("train: {lr: nan}\n", [], ["r.yaml:4: train.lr = 'nan': Input should be a valid number"]),
    "lr is nan": ("train: {lr: .nan}\n", [], ["r.yaml:4: train.lr = nan: Input should be a finite number"]),
    "lr is negative": ("train:\n  lr: -1\n", [], ["r.yaml:5: train.lr = -1: Input should be greater than 0"]),
    "lr is true": ("train: {lr: true}\n", [], ["r.yaml:4: train.lr = True: Input should be a valid number"]),
    "duplicate key": ("seed: 1\nname: y\n", [], ['r.yaml:5: found duplicate key "name"', "keep one of them"]),
    "YAML syntax": ("train: {lr: 1\n", [], ["r.yaml:5: not valid YAML: ", "expected ',' or '}'"]),
    "unknown task": (
        "",
        ["task.kind=arithmetics"],
        ["'task.kind=arithmetics'", "expected one of arithmetic, ", "did you mean arithmetic?"],
    ),
    "unknown sampler": (
        "sampler: {kind: vllm}\n",
        [],
        ["r.yaml:4: sampler.kind = 'vllm': Input should be 'local' or 'generate'"],
    ),
    "unknown verifier": (
        "",
        ["task={kind: jsonl, train: t.jsonl, verifier: magic}", "model={path: m}"],
        ["task.verifier = 'magic': Input should be 'exact', 'choice', 'label', 'numeric' or 'symbolic'"],
    ),
    "contradictory settings": (
        "train: {epochs: 1, steps: {start: 4}}\n",
        [],
        ["r.yaml:4: train: give steps or epochs, not both"],
    ),
    "override of an unknown key": (
        "",
        ["train.learning_rate=1"],
        ["override 'train.learning_rate=1': train.learning_rate: unknown key; valid keys: ", " lr, "],
    ),
    "newer version": (
        "version: 2\ntrain: {future: 1}\n",
        ["and=more"],
        ["r.yaml:4: version = 2: this star reads up to version 1; upgrade"],
    ),
    "several at once": ("seed: x\n", ["limit=0"], ["2 problems", "r.yaml:4: seed = 'x'", "'limit=0': limit = 0"]),
    "password in a URL": (
        "prompt: {exemplars: 'https://me:s3cret@host/x'}\n",
        [],
        ["r.yaml:4: prompt.exemplars = 'https://***@host/x': holds credentials in a URL", "take it out"],
    ),
}


@pytest.mark.parametrize("row", RECIPES)
def test_recipe(tmp_path, row):
    more, overrides, parts = RECIPES[row]
    (tmp_path / "r.yaml").write_text(RECIPE + more)
    message = refused(tmp_path, "run", "r.yaml", *overrides, parts=parts)
    assert ("future" in message, "s3cret" in message) == (False, False)  # a newer version is the only error


def test_recipe_that_is_not_there(tmp_path):
    (tmp_path / "recipe.yaml").touch()
    parts = ["recipe recipes.yaml: there is no such file; did you mean recipe.yaml?"]
    refused(tmp_path, "run", "recipes.yaml", parts=parts)
