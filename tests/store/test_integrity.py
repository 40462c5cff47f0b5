"""Nothing that is not what was written is ever loaded, and `verify-run` finds all of it."""

import json
import shutil

import pytest

from scripts.torture import differences
from star.cli import main
from star.files import file_sha256
from star.store.retention import WEIGHTS, retire


@pytest.fixture
def run(tiny_run, tmp_path):
    shutil.copytree(tiny_run, tmp_path / "runs/tiny")
    return tmp_path / "runs/tiny"


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_whole_run_is_intact(run, capsys):
    assert main(["verify-run", str(run)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if "intact" in line] == ["run", "000", "001", "002"]


@pytest.mark.parametrize(
    "name", ["001/adapter/adapter_model.safetensors", "000/scores.json", "002/train.jsonl", "001/attempts.jsonl"]
)
def test_a_flipped_bit_anywhere_is_found_with_both_hashes(run, capsys, name):
    path = run / "iterations" / name
    old = file_sha256(path)
    flip(path)
    assert main(["verify-run", str(run)]) == 1
    shown = capsys.readouterr().out
    assert f"{path}: its SHA-256 is {file_sha256(path)}, not {old}" in shown
    assert "1 problems" in shown


def test_what_is_missing_or_added_or_cut_is_found(run, capsys):
    (run / "iterations/001/scores.json").unlink()
    (run / "iterations/001/extra").touch()
    path = run / "iterations/002/train.jsonl"
    path.write_bytes(path.read_bytes()[:-5])
    shutil.rmtree(run / "iterations/000")
    (run / "metrics.jsonl").write_text("")
    assert main(["verify-run", str(run)]) == 1
    shown = capsys.readouterr().out
    assert "scores.json: missing (" in shown
    assert "extra: not in the manifest" in shown
    assert f"{path}: {path.stat().st_size} bytes, not {path.stat().st_size + 5}" in shown
    assert "iteration 0 is missing before it" in shown
    assert "metrics.jsonl: not the metrics" in shown


def test_an_iteration_of_another_run_is_found(run, capsys):
    manifest = run / "iterations/001/MANIFEST.json"
    content = json.loads(manifest.read_text())
    content["run"]["base_model_sha256"] = "another"
    manifest.write_text(json.dumps(content))
    assert main(["verify-run", str(run)]) == 1
    assert "base_model_sha256 is 'another', that of the run is" in capsys.readouterr().out
    assert main(["export", str(run), "--merge", str(run / "merged"), "--iteration", "1"]) == 2
    assert "001: its adapter belongs to a base model with hash another" in capsys.readouterr().err


def test_an_unfinished_iteration_is_checked_and_not_changed(run, capsys):
    partial = run / "iterations/002.partial"
    (run / "iterations/002").rename(partial)
    journal = partial / "rest.jsonl.journal"
    journal.write_text('{"torn')
    (partial / "rest.jsonl.journal.seals").touch()
    assert main(["verify-run", str(run)]) == 1  # its metrics are still in metrics.jsonl
    assert journal.read_text() == '{"torn'
    assert "intact, unfinished" in capsys.readouterr().out
    flip(partial / "attempts.jsonl")
    assert main(["verify-run", str(run)]) == 1
    assert "002.partial/attempts.jsonl: its SHA-256 is" in capsys.readouterr().out


def test_a_folder_that_is_no_run_is_an_error_of_the_user(tmp_path, capsys):
    assert main(["verify-run", str(tmp_path)]) == 2
    assert "not a run directory" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["adapter/adapter_model.safetensors", "metrics.json"])
def test_a_run_does_not_go_on_from_a_damaged_iteration(run, tiny_recipe, capsys, name):
    flip(path := run / "iterations/002" / name)
    assert main(["run", str(tiny_recipe), "--runs", str(run.parent), "iterations=3"]) == 2
    message = capsys.readouterr().err
    assert f"{path}: its SHA-256 is {file_sha256(path)}, not " in message
    assert "--fork NEW --from-iteration 1" in message
    assert not (run / "iterations/003").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": 3}', '{"files": {"a": {"bytes": "1", "sha256": "x"}}}'])
def test_a_run_does_not_go_on_from_an_iteration_whose_manifest_is_damaged(run, tiny_recipe, capsys, text):
    (path := run / "iterations/002/MANIFEST.json").write_text(text)
    assert main(["run", str(tiny_recipe), "--runs", str(run.parent), "iterations=3"]) == 2
    assert f"{path}: damaged: " in capsys.readouterr().err
    assert main(["verify-run", str(run)]) == 1
    assert f"{path}: damaged: " in capsys.readouterr().out


def test_a_damaged_adapter_is_not_exported(run, tmp_path, capsys):
    flip(run / "iterations/002/adapter/adapter_model.safetensors")
    assert main(["export", str(run), "--merge", str(tmp_path / "merged")]) == 2
    assert "adapter_model.safetensors: its SHA-256 is" in capsys.readouterr().err
    assert not (tmp_path / "merged").exists()


@pytest.mark.parametrize(
    ("keep", "kept"), [("all", {"001", "002", "003"}), ("best", {"001", "003"}), ("2", {"001", "002", "003"})]
)
def test_adapters_are_kept_as_the_recipe_says_and_everything_else_always(run, tiny_recipe, keep, kept, capsys):
    for number in ("001", "002"):  # the first is the best
        path = run / "iterations" / number / "metrics.json"
        metrics = json.loads(path.read_text())
        metrics["accuracy"]["zero-shot"]["all"]["accuracy"] = 1.0 if number == "001" else 0.1
        path.write_text(json.dumps(metrics))
        manifest = json.loads((path.parent / "MANIFEST.json").read_text())
        manifest["files"]["metrics.json"] = {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
        (path.parent / "MANIFEST.json").write_text(json.dumps(manifest))
    assert main(["run", str(tiny_recipe), "--runs", str(run.parent), "iterations=3", f"keep={keep}"]) == 0
    weights = "adapter/adapter_model.safetensors"
    assert {path.parent.parent.name for path in run.glob(f"iterations/*/{weights}")} == kept
    assert len(list(run.glob("iterations/*/train.jsonl"))) == 3
    assert len(list(run.glob("iterations/*/attempts.jsonl"))) == 3
    assert main(["verify-run", str(run)]) == 0
    assert ("adapter not kept" in capsys.readouterr().out) == (len(kept) < 3)
    if keep == "best":
        assert main(["export", str(run), "--merge", str(run / "m"), "--iteration", "2"]) == 2
        assert "its adapter was not kept" in capsys.readouterr().err
        assert main(["run", str(tiny_recipe), "--runs", str(run.parent), "--fork", "f", "--from-iteration", "2"]) == 2
        assert "did not keep its adapter" in capsys.readouterr().err


DAMAGED = [
    *(("run.json", text) for text in ("", "[]", '{"parent": 3}', '{"changes": 3}')),
    *(("iterations/002/RETIRED.json", text) for text in ("", "[]", "{}", '{"files": 3}', '{"files": ["train.jsonl"]}')),
    ("iterations/002/MANIFEST.json", '{"files": {}, "iteration": 2, "run": []}'),
]


@pytest.mark.parametrize(("name", "text"), DAMAGED)
def test_a_damaged_record_is_an_error_that_names_it(run, tiny_recipe, capsys, name, text):
    (run / name).write_text(text)
    for command in (
        ["run", str(tiny_recipe), "--runs", str(run.parent), "iterations=3"],
        ["export", str(run), "--merge", str(run / "merged")],
    ):
        assert main(command) == 2
        assert f"{run / name}: damaged: " in capsys.readouterr().err
    assert main(["verify-run", str(run)]) == 1
    assert f"{run / name}: damaged: " in capsys.readouterr().out
    assert not (run / "iterations/003").exists()


@pytest.mark.parametrize("name", ["run.json", "recipe.yaml"])
def test_a_run_does_not_go_on_without_the_record_of_what_it_was_started_with(run, tiny_recipe, capsys, name):
    (run / name).unlink()
    assert main(["run", str(tiny_recipe), "--runs", str(run.parent), "train.lr=1e-4", "iterations=3"]) == 2
    assert f"{run / name}: missing" in capsys.readouterr().err
    assert not (run / name).exists()
    assert main(["verify-run", str(run)]) == 1
    assert str(run / name) in capsys.readouterr().out


def test_a_run_whose_own_recipe_was_changed_does_not_go_on_with_it(run, tiny_recipe, capsys):
    path = run / "recipe.yaml"
    path.write_text(path.read_text().replace("lr: 0.002", "lr: 0.003"))
    assert main(["run", str(tiny_recipe), "--runs", str(run.parent), "train.lr=0.003", "iterations=3"]) == 2
    assert f"{path}: damaged: the hash of this recipe is" in capsys.readouterr().err


@pytest.mark.parametrize("line", ['{"x', "{}", "[]"])
def test_a_report_of_damaged_metrics_is_refused_and_the_next_run_mends_them(run, tiny_recipe, capsys, line):
    path = run / "metrics.jsonl"
    whole = path.read_bytes()
    path.write_text(f"{line}\n")
    assert main(["report", str(run)]) == 2
    assert f"{path}:1: damaged line" in capsys.readouterr().err
    assert main(["run", str(tiny_recipe), "--runs", str(run.parent)]) == 0
    assert path.read_bytes() == whole


def test_a_report_shows_a_recipe_that_is_no_text_any_more(run):
    (run / "recipe.yaml").write_bytes(b"\xff")
    assert main(["report", str(run)]) == 0


def test_a_folder_beside_the_iterations_is_named_and_not_in_the_way(run, tiny_recipe, capsys):
    shutil.copytree(run / "iterations/001", strange := run / "iterations/001_copy")
    assert main(["run", str(tiny_recipe), "--runs", str(run.parent)]) == 0
    assert main(["verify-run", str(run)]) == 1
    assert f"{strange}: no part of a run" in capsys.readouterr().out


def test_an_iteration_in_the_place_of_another_is_not_used(run, tiny_recipe, capsys):
    folder = run / "iterations"
    for old, new in (("001", "x"), ("002", "001"), ("x", "002")):
        (folder / old).rename(folder / new)
    assert main(["run", str(tiny_recipe), "--runs", str(run.parent), "iterations=3"]) == 2
    assert "001/MANIFEST.json: that of iteration 2" in capsys.readouterr().err
    assert main(["verify-run", str(run)]) == 1


def test_a_kill_while_weights_are_removed_leaves_an_intact_run(run):
    folder = run / "iterations/001"
    (folder / "RETIRED.json.tmp").write_text("")
    assert main(["verify-run", str(run)]) == 0
    (folder / "RETIRED.json.tmp").write_text('{"files": ["adapter/adapter_model.safetensors"]}')
    (folder / "RETIRED.json.tmp").rename(folder / "RETIRED.json")
    assert main(["verify-run", str(run)]) == 0
    flip(folder / "adapter/adapter_model.safetensors")
    assert main(["verify-run", str(run)]) == 1


def test_a_seal_file_that_is_missing_is_found(run, tiny_recipe, capsys):
    partial = run / "iterations/002.partial"
    (run / "iterations/002").rename(partial)
    (partial / "attempts.jsonl").rename(partial / "attempts.jsonl.journal")
    assert main(["verify-run", str(run)]) == 1
    assert "attempts.jsonl.journal.seals: missing" in capsys.readouterr().out
    for name in ("metrics.json", "train.jsonl", "rationalizations.jsonl"):
        (partial / name).unlink()
    assert main(["run", str(tiny_recipe), "--runs", str(run.parent)]) == 2
    assert "delete attempts.jsonl.journal and attempts.jsonl.journal.seals" in capsys.readouterr().err
    (partial / "attempts.jsonl.journal").unlink()
    assert main(["run", str(tiny_recipe), "--runs", str(run.parent)]) == 0
    assert main(["verify-run", str(run)]) == 0


def test_what_an_error_says_to_delete_is_made_again(run, tiny_run, tiny_recipe, capsys):
    (run / "iterations/002").rename(partial := run / "iterations/002.partial")
    flip(partial / "adapter/adapter_model.safetensors")
    assert main(["run", str(tiny_recipe), "--runs", str(run.parent)]) == 2
    assert f"\ndelete {partial / 'adapter'}, and the same command" in capsys.readouterr().err
    shutil.rmtree(partial / "adapter")
    assert main(["run", str(tiny_recipe), "--runs", str(run.parent)]) == 0
    assert differences(tiny_run, run) == []


def test_an_error_names_an_iteration_before_it_whose_adapter_was_kept(run, tiny_recipe, capsys):
    (run / "iterations/001/RETIRED.json").write_text('{"files": ["adapter/adapter_model.safetensors"]}')
    (run / "iterations/001/adapter/adapter_model.safetensors").unlink()
    flip(run / "iterations/002/adapter/adapter_model.safetensors")
    assert main(["run", str(tiny_recipe), "--runs", str(run.parent), "iterations=3"]) == 2
    assert "--fork NEW --from-iteration 0" in capsys.readouterr().err
    assert main(["run", str(tiny_recipe), "--runs", str(run.parent), "--fork", "new", "--from-iteration", "0"]) == 0


def test_an_adapter_that_the_next_iteration_will_need_is_not_removed(tmp_path):
    finished = [tmp_path / f"00{number}" for number in (0, 1, 3)]  # the second is being made again
    for folder in finished:
        (folder / "adapter").mkdir(parents=True)
        (folder / WEIGHTS).touch()
    retire(finished, 3, "best")
    assert (tmp_path / "001" / WEIGHTS).exists()
    retire([*finished[:2], tmp_path / "002", finished[2]], 3, "best")
    assert not (tmp_path / "001" / WEIGHTS).exists()


def test_an_interrupted_export_leaves_nothing_that_looks_like_a_model(run, tmp_path, monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device")

    command = ["export", str(run), "--merge", str(tmp_path / "merged")]
    with monkeypatch.context() as patch:
        patch.setattr("star.export.put_in_place", full)
        assert main(command) == 2
    assert "the same command goes on" in capsys.readouterr().err
    assert not (tmp_path / "merged").exists()
    assert main(command) == 0
    assert (tmp_path / "merged/model.safetensors").is_file()
    assert not list(tmp_path.glob(".merged*"))
