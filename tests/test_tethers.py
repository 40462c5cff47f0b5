"""The settings that act on the audit, in whole runs of the tiny model."""

import json

import pytest

from star.cli import main
from star.files import read_rows


@pytest.fixture
def finish(tiny_recipe, tmp_path):
    """Runs the tiny recipe with overrides, to its end; returns the run directory."""

    def finish(*overrides):
        assert main(["run", str(tiny_recipe), "--runs", str(tmp_path), *overrides]) == 0
        return tmp_path / "tiny"

    return finish


def metrics(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def artefact(run, number, name):
    return read_rows(run / "iterations" / f"{number:03d}" / f"{name}.jsonl")


def test_a_run_that_gets_no_better_ends_with_a_reason_and_keeps_its_best_iteration(finish, capsys):
    rules = ("iterations=6", "stop.patience=1", "keep=best")
    run = finish(*rules)
    said = capsys.readouterr().out
    rows = metrics(run)
    accuracy = [row["accuracy"]["zero-shot"]["all"]["accuracy"] for row in rows[1:]]
    best = 1 + accuracy.index(max(accuracy))
    assert len(rows) - 1 == best + 1 < 6
    assert f"stopped after iteration {best + 1}: 1 iterations without a better held-out accuracy" in said
    assert f"the best is iteration {best}" in said
    assert (run / f"iterations/{best:03d}/adapter/adapter_model.safetensors").exists()
    finish(*rules)
    assert "stopped after iteration" in capsys.readouterr().out
    assert metrics(run) == rows
    assert not list(run.glob("iterations/*.partial"))
    finish("iterations=3", "keep=best")  # the rule may be taken back
    assert len(metrics(run)) == 4


def test_every_sample_is_trained_on_without_a_tether_and_the_truth_is_still_counted(finish):
    run = finish("selection.accept=all", "rationalization.probability=0")
    for row in metrics(run)[1:]:
        assert row["examples"] > row["solved"]
        plain = row["funnel"]["plain"]
        assert plain["sampled"] == 90 == plain["trained"] + plain.get("cut_off", 0) + plain.get("duplicate", 0)


def test_a_majority_is_trained_on_right_or_wrong(finish):
    run = finish(
        "selection.accept=majority", "rationalization.probability=0", "decoding.samples=3", "decoding.temperature=1.0"
    )
    trained = {row["attempt_id"] for row in artefact(run, 1, "train")}
    statuses = {}
    for row in artefact(run, 1, "attempts"):
        completion = row["completion"]
        name = f"base/plain/{completion['problem_id']}/{completion['sample_index']}"
        if name in trained:
            statuses.setdefault(row["verdict"]["status"], []).append(row["verdict"]["answer"])
    assert set(statuses) == {"correct", "wrong"}
    assert metrics(run)[1]["audit"]["vote_error"] is not None


def test_earlier_rationales_are_replayed_when_they_are_not_carried(finish):
    run = finish("selection.replay=0.25")
    second = artefact(run, 2, "train")
    old = [row for row in second if row["iteration"] == 1]
    assert abs(len(old) / len(second) - 0.25) < 0.02
    assert metrics(run)[2]["funnel"]["replayed"] == len(old)
    assert {(row["prompt"], row["target"]) for row in old} <= {
        (row["prompt"], row["target"]) for row in artefact(run, 1, "train")
    }


def test_rationalizations_are_capped_and_the_rest_is_said_to_be_dropped(finish):
    run = finish("selection.max_rationalized_share=0.2", "iterations=1")
    kinds = [row["rationalized"] for row in artefact(run, 1, "train")]
    assert 0 < sum(kinds) <= 0.2 * len(kinds)
    reasons = [row["reason"] for row in artefact(run, 1, "dropped")]
    assert reasons.count("rationalized_share") == metrics(run)[1]["rationalized"] - sum(kinds) > 0


def test_specimens_come_from_the_attempts_and_can_be_turned_off(tiny_run, tmp_path, finish):
    stored = {json.dumps(row, sort_keys=True) for name in ("attempts", "rationalizations") for row in
              artefact(tiny_run, 2, name)}  # fmt: skip
    shown = artefact(tiny_run, 2, "specimens")
    assert {row["kind"] for row in shown} >= {"accepted", "rationalized", "rejected"}
    assert all(json.dumps(row["attempt"], sort_keys=True) in stored for row in shown)
    assert artefact(finish("audit.specimens=0", "iterations=1"), 1, "specimens") == []


def test_the_history_of_problems_goes_on_from_iteration_to_iteration(tiny_run):
    first, second = (artefact(tiny_run, number, "history") for number in (1, 2))
    assert [row["id"] for row in first] == [row["id"] for row in second]
    assert {row["tried"] for row in first} == {1}
    assert {row["tried"] for row in second} == {2}
    solved = {row["id"] for row in first if row["solved_last"]}
    found = metrics(tiny_run)[2]["audit"]
    lost = [row for row in second if row["id"] in solved and not row["solved_last"]]
    assert found["forgotten"] == pytest.approx(len(lost) / len(solved))
    assert found["newly_solved"] == sum(row["first_solved"] == 2 for row in second)
