"""Data without training: one pass over the problems becomes a data set with its card, killed or not."""

import json
import shutil
import signal

import pytest

from scripts.torture import differences
from star.cli import WITHOUT_TRAINING, main
from star.files import read_json, read_rows
from star.recipe import load_recipe
from tests import apart
from tests.conftest import TINY
from tests.test_recipes import PAPER, RECIPES, name_of

SAMPLED = ("decoding.samples=3", "decoding.temperature=1.0", "selection.require_sound_steps=true",
           "selection.balance=problem", "audit.contamination=remove", "sampler.max_tokens_in_flight=4096")  # fmt: skip


@pytest.fixture(scope="session")
def curated(tmp_path_factory, cache):
    """A run directory of `star curate`. Read only."""
    folder = tmp_path_factory.mktemp("curated")
    (folder / "tiny.yaml").write_text(TINY)
    assert main(["curate", str(folder / "tiny.yaml"), *SAMPLED, "--runs", str(folder / "runs")]) == 0
    return folder / "runs" / "tiny"


def test_what_was_accepted_is_a_data_set_that_leads_back_to_its_problems(curated):
    from datasets import load_dataset

    rows = load_dataset(str(curated / "dataset"), split="train")
    examples = read_rows(curated / "iterations/001/train.jsonl")
    assert rows["attempt_id"] == [example["attempt_id"] for example in examples]
    assert set(rows["model"]) == {"base"}
    assert set(rows["verdict"]) == {"correct"}
    assert set(rows["times_learned"]) == {None}
    assert sum(rows["steps_wrong"]) == 0
    assert set(rows["kind"]) == {"plain", "hinted"}


def test_nothing_is_trained_and_the_card_says_so(curated):
    assert not list(curated.rglob("adapter*"))
    assert not list(curated.rglob("model-card.md"))
    card = (curated / "dataset/README.md").read_text()
    assert "nothing was trained" in card
    assert "Optimizer steps" not in card
    assert "no step of its working is certainly wrong" in card
    metrics = read_rows(curated / "metrics.jsonl")
    assert metrics[1]["examples"] > 0
    assert metrics[1]["accuracy"] == metrics[0]["accuracy"]


def test_it_is_a_run_that_all_other_commands_know(curated, tmp_path, capsys):
    example = read_rows(curated / "iterations/001/train.jsonl")[0]["attempt_id"]
    assert main(["verify-run", str(curated)]) == 0
    assert main(["status", str(curated)]) == 0
    assert main(["report", str(curated), "--out", str(tmp_path / "page.html")]) == 0
    assert main(["trace", str(curated), example]) == 0
    assert main(["replay", str(curated), example]) == 0
    assert main(["export", str(curated), "--dataset", str(tmp_path / "chat"), "--format", "trl-chat"]) == 0
    said = capsys.readouterr().out
    assert "finished: 1 iterations" in said
    assert "no better than the base model" not in said
    assert main(["export", str(curated), "--adapter", str(tmp_path / "adapter")]) == 2
    assert "no iteration with an adapter is finished" in capsys.readouterr().err


def test_it_is_published_by_nobody_but_who_pushes_it_and_then_as_a_data_set_alone(curated, tiny_recipe, capsys):
    assert main(["curate", str(tiny_recipe), *SAMPLED, "--runs", str(curated.parent)]) == 0  # finished: written anew
    said = capsys.readouterr().out
    assert f"nothing was published; to do so: star push {curated} --repo OWNER/NAME" in said
    assert main(["push", str(curated), "--repo", "me/sums", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "datasets/me/sums" in said
    assert "model " not in said
    assert main(["push", str(curated), "--repo", "me/sums", "--no-dataset", "--dry-run"]) == 2
    assert "has nothing but a data set" in capsys.readouterr().err


def test_it_goes_where_it_is_asked_to_in_the_format_that_is_asked_for(curated, tiny_recipe, tmp_path, capsys):
    command = ["curate", str(tiny_recipe), *SAMPLED, "--runs", str(curated.parent), "--out", str(tmp_path / "data")]
    assert main([*command, "--format", "trl"]) == 0
    rows = read_rows(tmp_path / "data/data/train.jsonl")
    assert [row["attempt_id"] for row in rows] == [
        row["attempt_id"] for row in read_rows(curated / "iterations/001/train.jsonl")
    ]
    assert main(command) == 2
    assert f"--out {tmp_path / 'data'}: the folder is not empty" in capsys.readouterr().err


def test_a_folder_that_is_taken_is_told_before_anything_is_sampled(tiny_recipe, tmp_path, capsys):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/mine").touch()
    runs = tmp_path / "runs"
    assert main(["curate", str(tiny_recipe), "--runs", str(runs), "--out", str(tmp_path / "data")]) == 2
    assert "if an earlier try of this command got there, it is whole" in capsys.readouterr().err
    assert not runs.exists()


@pytest.mark.parametrize("where", ["001.partial/train.jsonl", "tiny/.dataset"])
def test_killed_anywhere_the_same_command_makes_the_same_bytes(curated, tiny_recipe, tmp_path, where):
    runs, arguments = tmp_path / "runs", ["curate", str(tiny_recipe), *SAMPLED, "--runs", str(tmp_path / "runs")]
    killed = apart.star(f"kill@{where}", runs, *arguments)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert main(arguments) == 0
    assert differences(curated, runs / "tiny") == []


def test_metrics_that_a_kill_kept_from_being_written_come_with_the_same_command(curated, tiny_recipe, tmp_path):
    run = tmp_path / "runs/tiny"
    shutil.copytree(curated, run)
    lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    (run / "metrics.jsonl").write_text(lines[0])  # as it is between the end of the pass and its metrics
    assert main(["curate", str(tiny_recipe), *SAMPLED, "--runs", str(run.parent)]) == 0
    assert differences(curated, run) == []


def test_a_run_that_trains_is_not_continued_without_training(tiny_run, tiny_recipe, capsys):
    assert main(["curate", str(tiny_recipe), "--runs", str(tiny_run.parent)]) == 2
    assert "method: 'star' -> 'curate'" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["iterations=2", "verifier={}"])
def test_what_needs_training_is_refused_without_it(tiny_recipe, tmp_path, capsys, key):
    assert main(["run", str(tiny_recipe), "method=curate", "iterations=1", key, "--runs", str(tmp_path)]) == 2
    assert "method: curate" in capsys.readouterr().err


@pytest.mark.parametrize("path", [path for path in RECIPES if PAPER not in path.parents], ids=name_of)
def test_any_recipe_will_do_since_what_it_says_of_training_is_left_aside(path):
    recipe = load_recipe(path, WITHOUT_TRAINING)
    assert (recipe.method, recipe.iterations, recipe.verifier) == ("curate", 1, None)
    assert recipe.task == load_recipe(path).task


def test_servers_that_take_no_adapters_are_enough(tiny_recipe, tmp_path, capsys):
    servers = "sampler={kind: openai, openai: {urls: ['http://127.0.0.1:9/v1'], adapters: none}}"
    assert main(["curate", str(tiny_recipe), servers, "--dry-run", "--runs", str(tmp_path)]) == 0
    assert "everything checks out" in capsys.readouterr().out


def test_the_python_api_gives_no_adapter_for_it(curated):
    from star import run

    result = run(load_recipe(curated / "recipe.yaml"), curated)
    assert result.adapter is None
    assert json.dumps(result.metrics[1]["accuracy"]) == json.dumps(read_json(curated / "iterations/000/scores.json"))
