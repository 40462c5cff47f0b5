"""The exported data set: what `datasets` reads of it, and that every row holds what the run wrote."""

import shutil

import pytest

from star.audit.trace import trace
from star.cards.columns import COLUMNS
from star.cli import main
from star.export import dataset
from star.export.dataset import dataset_rows
from star.export.rows import features
from star.files import file_sha256, read_json, read_rows
from star.store import Store


def load(folder, cache):
    import datasets

    return datasets.load_dataset(str(folder), split="train", cache_dir=str(cache))


@pytest.fixture(scope="module")
def exported(varied_run, tmp_path_factory):
    """The last iteration of the varied run, as a data set."""
    folder = tmp_path_factory.mktemp("export") / "data"
    assert main(["export", str(varied_run), "--dataset", str(folder)]) == 0
    return folder


def test_datasets_reads_it_with_the_features_that_were_declared(exported, varied_run, tmp_path):
    found = load(exported, tmp_path)
    assert found.features == features()
    assert found.column_names == [column.name for column in COLUMNS]
    trained = read_rows(varied_run / "iterations/003/train.jsonl")
    assert [(row["prompt"], row["completion"], row["attempt_id"]) for row in found] == [
        (row["prompt"], row["target"], row["attempt_id"]) for row in trained
    ]
    assert found.to_list() == list(dataset_rows(Store.existing(varied_run), 3))


def test_a_row_says_what_the_trace_says(exported, varied_run, tmp_path):
    found = [row for row in load(exported, tmp_path).to_list() if row["kind"] != "real"]
    for row in found[::13]:
        chain = trace(varied_run, row["attempt_id"])
        [use] = [use for use in chain["fate"]["trained_on"] if use["iteration"] == 3]
        assert row["times_learned"] == len(use["steps"])
        assert (row["question"], row["answer"]) == (chain["problem"]["question"], chain["problem"]["answer"])
        assert row["adapter_sha256"] == chain["model"]["adapter_sha256"]
        assert row["base_model_sha256"] == chain["model"]["base_model_sha256"]
        assert row["sampling_prompt"] == chain["prompt"]["text"]
        assert row["sampled_text"] == chain["completion"]["text"]
        assert row["seed"] == chain["sampling"]["seed"]
        assert row["temperature"] == 1.0
        assert row["top_p"] == 0.95
        assert row["verdict"] == chain["verdict"]["status"]
        assert row["verifier"] == chain["verdict"]["verifier"]
        assert row["steps_wrong"] == 0
        assert row["rationalized"] == (row["hint"] is not None) == (chain["hint"] is not None)
        assert "selection.max_per_problem: 1" in str(row["filters"])
        assert row["kept_hint"] == (chain["hint"]["kept_in_training"] if chain["hint"] else None)


def test_a_real_row_names_its_file_and_nothing_that_nobody_knows(exported, varied_run, tmp_path):
    real = [row for row in load(exported, tmp_path) if row["kind"] == "real"]
    assert real
    for row in real:
        known = {name for name, value in row.items() if value is not None}
        assert known == {
            "prompt", "completion", "attempt_id", "kind", "times_learned", "rationalized", "recipe_sha256", "source",
            "source_revision",
        }  # fmt: skip
        assert row["attempt_id"] == f"real/{row['source']}"
        assert row["source_revision"] == f"SHA-256 {file_sha256(varied_run.parent.parent / 'real.jsonl')}"
    assert f"| {len(real)} | written by people" in (exported / "README.md").read_text()


def test_rows_of_earlier_iterations_name_the_models_that_wrote_them(exported, tmp_path):
    pairs = {
        (row["iteration"], row["model"], row["adapter_sha256"] is None)
        for row in load(exported, tmp_path)
        if row["model"]
    }
    assert pairs == {(1, "base", True), (2, "iteration-001", False), (3, "iteration-002", False)}


def test_two_exports_are_the_same_bytes_whatever_the_size_of_a_batch(exported, varied_run, tmp_path, monkeypatch):
    assert main(["export", str(varied_run), "--dataset", str(tmp_path / "again")]) == 0
    files = [path.relative_to(exported) for path in sorted(exported.rglob("*")) if path.is_file()]
    assert [str(file) for file in files] == ["README.md", "data/train-00000-of-00001.parquet"]
    assert [file_sha256(exported / file) for file in files] == [
        file_sha256(tmp_path / "again" / file) for file in files
    ]
    monkeypatch.setattr(dataset, "ROWS", 7)
    assert main(["export", str(varied_run), "--dataset", str(tmp_path / "small")]) == 0
    assert load(tmp_path / "small", tmp_path / "a").to_list() == load(exported, tmp_path / "b").to_list()


def test_bare_ground_truths_have_a_problem_and_nothing_of_a_model(tiny_recipe, tmp_path):
    overrides = ["method=direct", "iterations=1", "task.train={1: 20}", "task.held_out={1: 5}"]
    assert main(["run", str(tiny_recipe), "--runs", str(tmp_path), *overrides]) == 0
    assert main(["export", str(tmp_path / "tiny"), "--dataset", str(tmp_path / "data")]) == 0
    found = load(tmp_path / "data", tmp_path / "cache").to_list()
    assert len(found) == 20
    assert {row["kind"] for row in found} == {"ground-truth"}
    assert all(f"#{row['answer']}" == row["completion"].strip() for row in found)
    assert (
        {row["model"] for row in found} == {row["seed"] for row in found} == {row["verdict"] for row in found} == {None}
    )
    assert "bare ground truths" in (tmp_path / "data/README.md").read_text()


def test_a_missing_attempt_is_an_error_and_leaves_nothing(tiny_run, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    path = run / "iterations/002/attempts.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    assert main(["export", str(run), "--dataset", str(tmp_path / "data")]) == 2
    assert "attempts.jsonl" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_what_is_asked_for_must_be_said_and_folders_must_be_free(tiny_run, tmp_path, capsys):
    assert main(["export", str(tiny_run)]) == 2
    assert "--dataset DIR, --adapter DIR, --merge DIR" in capsys.readouterr().err
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    for option in ("--dataset", "--adapter", "--merge"):
        assert main(["export", str(tiny_run), "--dataset", str(tmp_path / "new"), option, str(tmp_path / "full")]) == 2
        assert f"{option} {tmp_path / 'full'}: the folder is not empty" in capsys.readouterr().err
        assert main(["export", str(tiny_run), option, str(tmp_path / "full/file")]) == 2
        assert "this is a file" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_several_things_are_exported_by_one_command(tiny_run, tmp_path, capsys):
    folders = [argument for name in ("dataset", "adapter", "merge") for argument in (f"--{name}", str(tmp_path / name))]
    assert main(["export", str(tiny_run), "--iteration", "1", *folders]) == 0
    assert capsys.readouterr().out.count("iteration 1 of ") == 3
    stored = tiny_run / "iterations/001/adapter"
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        assert file_sha256(tmp_path / "adapter" / name) == file_sha256(stored / name)
    assert {path.name for path in tmp_path.glob("*/README.md")} == {"README.md"}
    assert len(list(tmp_path.glob("*/README.md"))) == 3
    assert read_json(tmp_path / "merge/config.json")["model_type"] == "llama"
