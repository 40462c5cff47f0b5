"""`star init`: three questions, and a recipe that runs."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from star.cli import main
from star.errors import UserError
from star.files import read_json
from star.init import write_recipe
from star.recipe import load_recipe
from tests.command import star


@pytest.fixture
def sums(tmp_path, monkeypatch) -> Path:
    """A JSONL file in the folder that we are in."""
    monkeypatch.chdir(tmp_path)
    rows = [{"problem": f"{a}+{b}", "answer": a + b, "level": f"{a}"} for a in range(1, 10) for b in range(1, 10)]
    path = tmp_path / "my sums.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_on_a_terminal_it_asks_again_after_a_wrong_answer_and_takes_defaults(sums):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "star", "init"]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True)
    os.close(theirs)
    os.write(ours, b"no such.jsonl\nmy sums.jsonl\n\n\n")
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(ours)
    assert process.wait() == 0, shown.decode()
    assert b"no such.jsonl: there is no such file" in shown
    assert b"81 problems; first: '1+1', answer '2'" in shown
    recipe = load_recipe("my-sums.yaml")
    assert recipe.task.fields.model_dump() == {"question": "problem", "answer": "answer", "id": None, "group": "level"}
    assert (recipe.task.verifier, recipe.prompt.chat) == ("numeric", True)


def test_the_recipe_runs_as_it_is_and_trains_on_what_a_model_can(sums, tiny_run, random_models, capsys):
    """A random model can nothing; the tiny model of the test runs can add, if it is asked as it knows it."""
    assert main(["init", "--data", str(sums), "--model", str(random_models["llama"]), "--yes"]) == 0
    assert main(["run", "my-sums.yaml", "iterations=0", "limit=1", "decoding.max_new_tokens=8"]) == 0
    base = read_json(tiny_run / "run.json")["base_model"]
    assert main(["init", "--data", str(sums), "--model", base, "--yes", "--out", "tiny.yaml"]) == 0
    overrides = [
        "name=tiny", "iterations=1", r'task.prompt="Q:{question}\nA:"', r'task.hint="Q:{question} {answer}\nA:"',
        "task.answer_pattern='#([0-9]+)'",
        "rationalization.probability=0", "decoding.max_new_tokens=40", "train.rank=2", "model.device=cpu",
        "limit=2", "train.epochs=0.5",
    ]  # fmt: skip
    assert main(["run", "tiny.yaml", *overrides]) == 0
    assert read_json(Path("runs/tiny/iterations/001/metrics.json"))["solved"] > 0


@pytest.mark.parametrize("name", ["2024", "true", "null", "1e3"])
def test_a_file_may_be_called_like_a_number_or_a_truth_value(sums, name):
    sums.rename(sums.with_name(f"{name}.jsonl"))
    assert load_recipe(write_recipe(f"{name}.jsonl", "gpt2", None, None, True)).name == name


def test_a_recipe_whose_task_cannot_be_built_is_not_written(sums):
    rows = [{"question": f"q{i}", "answer": answer} for i, answer in enumerate(["yes", "?"])]
    sums.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(UserError, match="nothing but punctuation"):
        write_recipe(str(sums), "gpt2", "label", None, True)
    assert not Path("my-sums.yaml").exists()


def test_nothing_is_overwritten(sums):
    Path("my-sums.yaml").write_text("mine")
    with pytest.raises(UserError, match=r"my-sums\.yaml: is there already.*--out FILE"):
        write_recipe("my sums.jsonl", "gpt2", None, None, True)
    assert Path("my-sums.yaml").read_text() == "mine"


def test_an_end_of_input_and_wrong_options_are_one_error(sums):
    for arguments, message in (
        ((), "no answer to: Your problems"),
        (("--data", sums, "--model", "./nope", "--yes"), "there is no such folder or file"),
        (("--data", sums, "--verifier", "choice", "--yes"), "needs a field `choices`"),
        (("--data", sums, "--yes", "--out", "no/folder/r.yaml"), "there is no folder no/folder"),
    ):
        done = star("init", *arguments, cwd=sums.parent)
        assert (done.returncode, "Traceback" in done.stderr) == (2, False)
        assert message in done.stderr
    assert [path.name for path in sums.parent.iterdir()] == [sums.name]
