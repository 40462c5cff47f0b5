"""What may change under a run, what may not, and how a run begins where another one was."""

import json
import shutil

import pytest

from scripts.torture import differences
from star.cli import main
from star.files import write_text
from star.recipe import difference
from star.store.changes import changed_facts, changed_keys


@pytest.fixture
def run(tiny_run, tmp_path):
    """A copy of the finished tiny run, in a folder of its own."""
    shutil.copytree(tiny_run, tmp_path / "runs/tiny")
    return tmp_path / "runs/tiny"


def launch(recipe, run, *arguments) -> int:
    return main(["run", str(recipe), "--runs", str(run.parent), *arguments])


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and "report" not in path.parts}


def test_a_changed_recipe_is_refused_with_what_matters_and_what_does_not(run, tiny_recipe, capsys):
    before = files(run)
    assert launch(tiny_recipe, run, "train.lr=1e-4", "iterations=9", "sampler.wave=7", "keep=best") == 2
    message = capsys.readouterr().err
    assert "train.lr: 0.002 -> 0.0001\n" in message
    assert "iterations: 2 -> 9   (decides no result)" in message
    assert "keep: 'all' -> 'best'   (decides no result)" in message
    assert "sampler.wave: 16 -> 7   (changes nothing but rounding)" in message
    assert "--fork NEW --from-iteration N" in message
    assert files(run) == before


def test_what_decides_no_result_may_change_and_is_kept(run, tiny_recipe):
    assert launch(tiny_recipe, run, "train.micro_batch_size=2", "iterations=3") == 0
    record = json.loads((run / "run.json").read_text())
    assert record["changes"] == [
        {"iteration": 3, "key": "iterations", "before": 2, "after": 3},
        {"iteration": 3, "key": "train.micro_batch_size", "before": None, "after": 2},
    ]
    assert (run / "iterations/003/adapter").is_dir()


def test_changes_are_not_written_when_the_run_cannot_go_on(run, tiny_recipe):
    path = run / "run.json"
    path.write_text(path.read_text().replace('"dtype": "float32"', '"dtype": "bfloat16"'))
    before = files(run)
    assert launch(tiny_recipe, run, "sampler.wave=7", "iterations=3") == 2
    assert files(run) == before


def test_a_change_is_kept_once_whenever_it_is_killed(run, tiny_recipe, monkeypatch):
    def killed(path, text):
        if path.name == "recipe.yaml":
            raise KeyboardInterrupt
        write_text(path, text)

    with monkeypatch.context() as patch:
        patch.setattr("star.store.run.write_text", killed)
        assert launch(tiny_recipe, run, "sampler.wave=7") == 130
    assert launch(tiny_recipe, run, "sampler.wave=7") == 0
    [change] = json.loads((run / "run.json").read_text())["changes"]
    assert change["key"] == "sampler.wave"
    assert main(["verify-run", str(run)]) == 0


def test_every_class_of_change_is_about_keys_that_there_are(recipe_with):
    from star.recipe import NOT_DECIDING, ROUNDING

    changed = recipe_with(
        "name=y", "iterations=3", "keep=2", "train.checkpoint_every=7", "model.threads=1", "sampler.batch_size=3",
        "sampler.max_tokens_in_flight=4096", "sampler.wave=9", "train.micro_batch_size=1", "audit.specimens=3",
        "stop={patience: 1, min_new_solved: 1, max_forgotten: 1.0, max_duplicate_share: 1.0, min_distinct: 0.0, "
        "samples: 9}",
        "tracking=[tensorboard]", "project=other",
    )  # fmt: skip
    verifier = "verifier={kind: dpo}"
    lighter = recipe_with(verifier, "verifier.checkpoint_every=7", "verifier.micro_batch_size=1")
    servers = "sampler={kind: openai, openai: {urls: ['http://a/v1']}}"
    moved = recipe_with(
        servers, "sampler.openai.urls=['http://b/v1']", "sampler.openai.api_key_env=A_TOKEN",
        "sampler.openai.concurrency=1", "sampler.openai.timeout=1.0", "sampler.openai.patience=1.0",
    )  # fmt: skip
    tuned = recipe_with(
        "sampler={kind: vllm, vllm: {python: p, tensor_parallel_size: 2, gpu_memory_utilization: 0.5, "
        "max_model_len: 9, enforce_eager: true}}"
    )
    pairs = (
        (recipe_with(), changed),
        (recipe_with(servers), moved),
        (recipe_with(verifier), lighter),
        (recipe_with("sampler={kind: vllm, vllm: {}}"), tuned),
    )
    found = {key for old, new in pairs for key, _, _ in difference(old, new)}
    assert found == {*NOT_DECIDING, *ROUNDING} - {"version", "sampler.vllm"}  # the last is only ever a section


def test_changed_keys_are_those_of_the_recipe_but_its_name(recipe_with, tmp_path):
    assert changed_keys(recipe_with(), recipe_with("name=y"), tmp_path) == []


@pytest.mark.parametrize("key", ["problems_sha256", "reference_sha256", "base_model_sha256", "dtype", "verifier"])
def test_facts_that_decide_results_forbid_to_go_on(tmp_path, key):
    from star.errors import UserError

    with pytest.raises(UserError, match=rf"has changed since it began:\n  {key}: 1 -> 2\nput it back"):
        changed_facts({key: 1, "threads": 1, "world_size": 1}, {key: 2, "threads": 2, "world_size": 2}, tmp_path)


def test_other_facts_are_told_and_kept(run, tiny_recipe, capsys):
    path = run / "run.json"
    record = json.loads(path.read_text())
    record["versions"]["torch"] = "1.0"
    path.write_text(json.dumps(record))
    assert launch(tiny_recipe, run) == 0
    assert "warning: since this run began, versions: {" in capsys.readouterr().out
    [change] = json.loads(path.read_text())["changes"]
    assert (change["iteration"], change["key"], change["before"]["torch"]) == (3, "versions", "1.0")


def test_a_fork_with_the_same_recipe_ends_with_the_same_bits(run, tiny_recipe, tmp_path):
    assert launch(tiny_recipe, run, "--fork", "other", "--from-iteration", "1") == 0
    other = run.parent / "other"
    found = differences(run, other)
    assert sorted(found) == ["recipe.yaml: other bytes", "run.json: other bytes"]
    parent = json.loads((other / "run.json").read_text())["parent"]
    assert (parent["run"], parent["iteration"], parent["changes"]) == (str(run), 1, [])
    assert main(["verify-run", str(other)]) == 0


def test_a_fork_may_change_the_recipe_and_says_what(run, tiny_recipe):
    arguments = ["train.lr=1e-3", "--fork", "other", "--from-iteration", "1"]
    assert launch(tiny_recipe, run, *arguments) == 0
    other = run.parent / "other"
    assert json.loads((other / "run.json").read_text())["parent"]["changes"] == [
        {"key": "train.lr", "before": 0.002, "after": 0.001}
    ]
    ours, theirs = ((folder / "iterations/002/train.jsonl").read_bytes() for folder in (run, other))
    assert ours == theirs  # sampled from the same iteration 1 ...
    ours, theirs = ((folder / "iterations/002/adapter/training.jsonl").read_bytes() for folder in (run, other))
    assert ours != theirs  # ... and trained on otherwise
    before = files(other)
    assert launch(tiny_recipe, run, *arguments) == 0  # the same command goes on, here with nothing to do
    assert files(other) == before


def test_a_fork_says_what_is_wrong_and_writes_nothing(run, tiny_recipe, capsys):
    for arguments, message in (
        (["--fork", "other", "--from-iteration", "7"], "--from-iteration 7: not finished in"),
        (["--fork", "tiny", "--from-iteration", "1"], "there is a run already, and it is no fork of this one"),
        (["--fork", "other"], "belong together"),
        (["--fork", "a/b", "--from-iteration", "1"], "name"),
        (["--fork", "other", "--from-iteration", "1", "--name", "none"], "not a run directory"),
    ):
        before = files(run)
        assert launch(tiny_recipe, run, *arguments) == 2
        assert message in capsys.readouterr().err
        assert files(run) == before
        assert not list(run.parent.glob("*/iterations/*.tmp"))
    assert not (run.parent / "other").exists()


def test_a_fork_is_refused_another_base_model(run, tiny_recipe, capsys):
    arguments = ["model.starter.seed=1", "model.starter.steps=1", "--fork", "other", "--from-iteration", "1"]
    assert launch(tiny_recipe, run, *arguments) == 2
    assert "base_model_sha256" in capsys.readouterr().err


def test_a_fork_goes_on_when_its_parent_has_removed_the_adapter_meanwhile(run, tiny_recipe):
    arguments = ["--fork", "other", "--from-iteration", "1"]
    assert launch(tiny_recipe, run, *arguments, "iterations=1") == 0
    (run / "iterations/001/RETIRED.json").write_text('{"files": ["adapter/adapter_model.safetensors"]}')
    (run / "iterations/001/adapter/adapter_model.safetensors").unlink()
    assert launch(tiny_recipe, run, *arguments) == 0
    assert (run.parent / "other/iterations/002").is_dir()


def test_a_fork_whose_copies_are_not_complete_is_no_run_to_go_on_with(run, tiny_recipe, capsys):
    arguments = ["--fork", "other", "--from-iteration", "1"]
    assert launch(tiny_recipe, run, *arguments, "train.lr=1e-3") == 0
    other = run.parent / "other"
    shutil.rmtree(other / "iterations/001")
    before = files(other)
    assert launch(tiny_recipe, run, "--name", "other", "train.lr=1e-3") == 2
    assert "give --fork other --from-iteration 1 once more" in capsys.readouterr().err
    assert files(other) == before
    assert launch(tiny_recipe, run, *arguments, "train.lr=1e-3") == 0
    assert main(["verify-run", str(other)]) == 0


def test_a_fork_of_a_run_with_a_gap_is_refused(run, tiny_recipe, capsys):
    shutil.rmtree(run / "iterations/000")
    assert launch(tiny_recipe, run, "--fork", "other", "--from-iteration", "1") == 2
    assert "not finished in" in capsys.readouterr().err
    assert not (run.parent / "other").exists()


def test_what_is_copied_from_a_run_that_is_read_only_may_be_written(run, tiny_recipe):
    for path in (run, *run.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    assert launch(tiny_recipe, run, "--fork", "other", "--from-iteration", "1", "iterations=1") == 0
    assert all(path.stat().st_mode & 0o200 for path in (run.parent / "other").rglob("*"))


def test_a_fork_that_trains_on_an_adapter_cannot_give_it_another_rank(run, tiny_recipe, capsys):
    arguments = ["train.rank=8", "train.from_base=false", "iterations=1", "--fork", "other", "--from-iteration"]
    assert launch(tiny_recipe, run, *arguments, "1") == 2
    assert "train.rank: 4 -> 8: with train.from_base=false" in capsys.readouterr().err
    assert not (run.parent / "other").exists()
    assert launch(tiny_recipe, run, *arguments, "0") == 0
    config = json.loads((run.parent / "other/iterations/001/adapter/adapter_config.json").read_text())
    assert config["r"] == 8
