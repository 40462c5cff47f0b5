"""The paper's baselines: fine-tuning on bare answers, and the base model as it is."""

import json
import re
import shutil

import pytest

from star.cli import main
from star.files import file_sha256, read_rows

DIRECT = ["method=direct", "train.steps.start=40", "train.lr=1e-2", "--name", "direct"]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory, tiny_run):
    """The tiny recipe, whose base model is made already."""
    folder = tmp_path_factory.mktemp("direct")
    shutil.copy(tiny_run.parent.parent / "tiny.yaml", folder / "tiny.yaml")
    return folder / "tiny.yaml"


@pytest.fixture(scope="module")
def direct(recipe, tmp_path_factory):
    """The run directory of the tiny recipe without rationales. Read only."""
    runs = tmp_path_factory.mktemp("direct-runs")
    assert main(["run", str(recipe), "--runs", str(runs), *DIRECT]) == 0
    return runs / "direct"


def comparable(run):
    timed = {"timings.json", "MANIFEST.json", "metrics.json"}
    return {
        str(p.relative_to(run)): file_sha256(p)
        for p in run.glob("iterations/**/*")
        if p.is_file() and p.name not in timed
    }


def metrics(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_the_examples_are_the_bare_ground_truths_of_all_training_problems_and_nothing_is_sampled(direct):
    for number in (1, 2):
        folder = direct / f"iterations/{number:03d}"
        rows = read_rows(folder / "train.jsonl")
        assert len(rows) == 90
        for row in rows:
            left, right = row["prompt"].removeprefix("Q:").removesuffix("\nA:").split("+")
            assert row["target"].strip() == f"#{int(left) + int(right)}"
            assert row["attempt_id"].startswith("ground-truth/add-")
        assert not list(folder.glob("attempts*")) + list(folder.glob("rationalizations*"))
        assert (folder / "adapter/adapter_model.safetensors").is_file()


def test_the_trained_model_answers_without_a_rationale_and_its_answers_are_read(direct):
    rows = read_rows(direct / "iterations/002/evaluation-zero-shot.jsonl")
    assert all(re.fullmatch(r" ?#\d+", row["completion"]["text"]) for row in rows)
    assert {row["verdict"]["status"] for row in rows} <= {"correct", "wrong"}
    assert {row["completion"]["model"] for row in rows} == {"iteration-002"}


def test_metrics_table_and_report_do_without_attempts(direct, capsys):
    base, *trained = metrics(direct)
    assert (base["iteration"], [row["examples"] for row in trained]) == (0, [90, 90])
    assert not any("solved" in row for row in trained)
    assert main(["report", str(direct)]) == 0
    shown = capsys.readouterr().out
    assert "held-out accuracy" in shown
    assert " 90 " in shown
    assert '<th scope="row">2</th>' in (direct / "report/index.html").read_text()


def test_a_run_that_was_interrupted_ends_with_the_same_files(direct, recipe, tmp_path):
    shutil.copytree(direct, tmp_path / "direct")
    folder = tmp_path / "direct/iterations"
    (folder / "002").rename(folder / "002.partial")
    for name in ("metrics.json", "scores.json", "evaluation-zero-shot.jsonl"):
        (folder / "002.partial" / name).unlink()
    shutil.rmtree(folder / "002.partial/adapter")
    assert main(["run", str(recipe), "--runs", str(tmp_path), *DIRECT]) == 0
    assert comparable(tmp_path / "direct") == comparable(direct)
    assert len(metrics(tmp_path / "direct")) == 3


def test_a_run_with_rationales_is_not_continued_without_them(direct, recipe, capsys):
    assert main(["run", str(recipe), "--runs", str(direct.parent), "--name", "direct"]) == 2
    assert "method: 'direct' -> 'star'" in capsys.readouterr().err


def test_no_iterations_score_the_base_model_alone_and_more_can_be_asked_for_later(recipe, tiny_run, tmp_path, capsys):
    command = ["run", str(recipe), "--runs", str(tmp_path)]
    assert main([*command, "iterations=0"]) == 0
    assert [path.name for path in (tmp_path / "tiny/iterations").iterdir()] == ["000"]
    assert not list(tmp_path.rglob("adapter*"))
    [row] = metrics(tmp_path / "tiny")
    assert row["accuracy"] == metrics(tiny_run)[0]["accuracy"]
    assert "base" in capsys.readouterr().out
    assert (tmp_path / "tiny/report/index.html").is_file()
    assert main([*command, "iterations=1"]) == 0
    assert comparable(tmp_path / "tiny") == {n: h for n, h in comparable(tiny_run).items() if "iterations/002" not in n}


def test_a_run_of_the_base_model_alone_has_nothing_to_export(recipe, tmp_path, capsys):
    assert main(["run", str(recipe), "--runs", str(tmp_path), "iterations=0"]) == 0
    assert main(["export", str(tmp_path / "tiny"), "--merge", str(tmp_path / "merged")]) == 2
    assert "no iteration" in capsys.readouterr().err
