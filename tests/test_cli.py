"""The command line: quick, clear, and wired to the right things."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from star.cli import main

ROOT = Path(__file__).parent.parent


def star(*arguments, **environment):
    command = [sys.executable, "-m", "star", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["run", "--help"], ["run", "missing.yaml"], ["status", "x"], ["compare", "x"]]
)
def test_help_and_recipe_errors_do_not_wait_for_torch(arguments):
    code = (
        "import sys; from star.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'datasets', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_recipe_with_errors_gives_one_message_exit_code_2_and_writes_nothing(tmp_path):
    recipe = tmp_path / "bad.yaml"
    recipe.write_text("name: bad\niterationz: 3\ntask: {kind: arithmetic}\nmodel: {starter: {}}\ntrain: {lr: -1}\n")
    done = star("run", recipe, "--runs", tmp_path / "runs")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert f"{recipe}:2: iterationz: unknown key; did you mean iterations?" in done.stderr
    assert f"{recipe}:5: train.lr = -1" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_overrides_may_stand_before_and_after_options(tiny_recipe, tmp_path, capsys):
    arguments = ["run", str(tiny_recipe), "seed=4", "--runs", str(tmp_path / "runs"), "--dry-run", "iterations=7"]
    assert main([*arguments, "--name", "other", "--limit", "5"]) == 0
    assert "other: 10 training and 10 held-out problems" in capsys.readouterr().out
    assert not (tmp_path / "runs").exists()
    with pytest.raises(SystemExit):
        main([*arguments, "--nope"])


def test_a_dry_run_shows_a_plain_prompt_a_hinted_prompt_and_a_training_example(tiny_recipe, capsys):
    assert main(["run", str(tiny_recipe), "--dry-run"]) == 0
    shown = capsys.readouterr().out
    for title in ("plain prompt", "hinted prompt", "training example"):
        assert title in shown
    assert "<eos>" in shown
    assert "nothing was run" in shown


def test_a_prompt_that_leaves_no_room_is_found_before_any_work(tiny_recipe, tmp_path, capsys):
    assert main(["run", str(tiny_recipe), "--runs", str(tmp_path), "decoding.max_new_tokens=90"]) == 2
    message = capsys.readouterr().err
    assert "too long for the model's context of 96 tokens" in message
    assert "decoding.max_new_tokens 90" in message
    assert not (tmp_path / "tiny").exists()


def test_an_exported_model_is_a_plain_one_and_writes_what_the_run_wrote(tiny_run, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from star.files import read_rows

    assert main(["export", str(tiny_run), "--merge", str(tmp_path / "merged")]) == 0
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "merged")
    for row in read_rows(tiny_run / "iterations/002/evaluation-zero-shot.jsonl")[:5]:
        ids = tokenizer(row["prompt"]["text"], return_tensors="pt")["input_ids"]
        out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=40, do_sample=False)
        assert tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True) == row["completion"]["text"]


def test_export_says_what_is_wrong(tiny_run, tmp_path, capsys):
    assert main(["export", str(tmp_path), "--merge", str(tmp_path / "m")]) == 2
    assert "not a run directory" in capsys.readouterr().err
    assert main(["export", str(tiny_run), "--merge", str(tmp_path / "m"), "--iteration", "9"]) == 2
    assert "has iterations 1, 2" in capsys.readouterr().err
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    assert main(["export", str(tiny_run), "--merge", str(tmp_path / "full")]) == 2
    assert "is not empty" in capsys.readouterr().err
