"""The quality filter in a whole run of the tiny model."""

import pytest

from scripts.torture import differences
from star.audit.trace import trace
from star.cli import main
from star.files import read_json, read_rows
from tests import apart

SETTINGS = (
    "iterations=1", "decoding.temperature=0.7", "decoding.samples=8", "selection.quality={keep: 0.7}",
    "rationalization.probability=0.5",
)  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory, tiny_run):
    """A run that ranks its rationales; `tiny_run` has pretrained the starter."""
    from tests.conftest import TINY

    folder = tmp_path_factory.mktemp("ranked")
    (folder / "tiny.yaml").write_text(TINY)
    assert main(["run", str(folder / "tiny.yaml"), "--runs", str(folder), *SETTINGS]) == 0
    return folder / "tiny"


def test_what_is_ranked_low_is_dropped_with_its_score_and_all_say_so(run, capsys):
    place = run / "iterations/001"
    quality, dropped = read_json(place / "quality.json"), read_rows(place / "dropped.jsonl")
    assert quality["auc"] >= quality["needed"]
    low = [row for row in dropped if row["reason"] == "quality"]
    assert len(low) == quality["low"] > 0
    assert all(row["score"] < quality["threshold"] for row in low)
    metrics = read_rows(run / "metrics.jsonl")[1]
    assert metrics["quality"]["auc"] == quality["auc"]
    assert sum(metrics["funnel"][kind].get("quality", 0) for kind in ("plain", "hinted")) == len(low)
    page = (run / "report/index.html").read_text()
    assert f"dropped {quality['low']}" in page
    assert "right, but ranked low" in page
    told = trace(run, low[0]["attempt_id"])
    assert told["fate"]["reason"] == "quality"
    assert {"name": "quality", "setting": "selection.quality.keep: 0.7", "passed": False} in [
        {key: one[key] for key in ("name", "setting", "passed")} for one in told["filters"]
    ]


def test_a_kill_behind_the_classifier_resumes_to_the_same_bytes(run, tmp_path):
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text((run.parent / "tiny.yaml").read_text())
    arguments = ["run", str(recipe), "--runs", str(tmp_path / "runs"), *SETTINGS]
    killed = apart.star("kill@dropped.jsonl", tmp_path / "runs", *arguments)
    assert killed.returncode == -9, killed.stderr
    assert (tmp_path / "runs/tiny/iterations/001.partial/quality.json").exists()
    assert main(arguments) == 0
    assert differences(run, tmp_path / "runs/tiny") == []
