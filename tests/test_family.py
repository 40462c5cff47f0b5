"""The recipes of recipes/family/: short, on one budget, each as its method is; and their comparison."""

import json
import sys
from collections import Counter
from importlib.util import module_from_spec, spec_from_file_location
from itertools import groupby
from pathlib import Path

import pytest

from scripts.torture import differences
from star.audit.trace import trace
from star.cli import main
from star.files import read_json, read_rows
from star.recipe import difference, load_recipe
from star.records import Attempt
from star.replay import replay
from star.report.compare import Run
from star.tasks import build_task
from tests import apart
from tests.conftest import TINY

ROOT = Path(__file__).parents[1]
FAMILY = {path.stem: path for path in sorted((ROOT / "recipes/family").glob("*.yaml"))}
SMALL = [
    "iterations=1", "problems_per_iteration=24", "task.train={1: 60, 2: 10}", "task.held_out={1: 9}",
    "model.device=cpu", "decoding.max_new_tokens=40", "sampler.batch_size=16", "sampler.wave=16",
    "train.rank=4", "train.epochs=1", "audit.reference_texts=4", "stop.samples=null",
]  # fmt: skip
"""What makes a recipe of the family as small as the tests' own, whose starter it shares (`STARTER`)."""
STARTER = " ".join(TINY[TINY.index("{hidden_size") : TINY.index("decoding:")].split())
SWEEP = ["sweep.problems=6", "sweep.samples=3", "sweep.temperatures=[0.6, 1.0]"]


def script(name):
    spec = spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


figure = script("family_figure")


def command(name, runs):
    return ["run", str(FAMILY[name]), "--runs", str(runs), *SMALL, f"model.starter={STARTER}",
            *(SWEEP if name == "b-star" else [])]  # fmt: skip


@pytest.fixture(scope="session")
def small(tmp_path_factory, cache):
    """A function that runs a recipe of the family, small, to its end, once; returns the run directory."""
    runs = tmp_path_factory.mktemp("family")

    def small(name):
        if not (runs / f"family-{name}").exists():
            assert main(command(name, runs)) == 0
        return runs / f"family-{name}"

    return small


def first(run, name):
    return read_rows(run / f"iterations/001/{name}.jsonl")


@pytest.mark.parametrize("name", FAMILY)
def test_a_recipe_is_short_cites_its_paper_and_has_the_budget_of_all(name):
    lines = FAMILY[name].read_text().splitlines()
    assert len(lines) <= 40
    recipe, common = load_recipe(FAMILY[name]), load_recipe(FAMILY["common"])
    assert recipe.stop.samples == common.stop.samples > 0
    if name != "common":
        assert "https://arxiv.org/abs/" in "".join(line for line in lines if line.startswith("#"))
        changed = {key.partition(".")[0] for key, _, _ in difference(common, recipe)}
        assert not changed & {"task", "model", "sampler", "audit", "stop", "seed"}
        assert {key for key, _, _ in difference(common, recipe) if key.startswith("train.")} <= {"train.from_base"}


@pytest.mark.parametrize("name", [name for name in FAMILY if name not in ("common", "v-star")])
def test_a_recipe_runs_and_every_sample_it_draws_to_train_on_is_counted(name, small):
    run = small(name)
    row = json.loads((run / "metrics.jsonl").read_text().splitlines()[1])
    stages = [path.stem for path in run.glob("iterations/001/*.jsonl")]
    drawn = [s for s in stages if s in ("attempts", "rationalizations") or s.startswith("sweep-")]
    rows = [row for stage in drawn for row in first(run, stage)]
    assert row["samples"] == len(rows)
    assert row["sampled_tokens"] == sum(row["completion"]["num_tokens"] for row in rows)
    assert row["examples"] > 0
    assert (row["hinted"] > 0) == (name == "star")


def test_rft_learns_one_sound_rationale_for_each_list_of_equations(small):
    run = small("rft")
    task, attempts = build_task(load_recipe(run / "recipe.yaml")), map(Attempt.from_dict, first(run, "attempts"))
    trained = {row["attempt_id"] for row in first(run, "train")}
    several = 0
    for _, tries in groupby(attempts, key=lambda attempt: attempt.problem.id):
        sound = [one for one in tries if one.verdict.accepted and not one.steps_wrong]
        lists = [task.equations(one.problem, one.completion.text) for one in sound]
        learned = [key for one, key in zip(sound, lists, strict=True) if one.id in trained]
        assert sorted(learned) == sorted(set(lists))
        several += len(sound) > len(learned)
    assert several


def test_rest_em_learns_no_more_of_a_problem_than_its_cap(small):
    run = small("rest-em")
    most = load_recipe(run / "recipe.yaml").selection.max_per_problem
    assert max(Counter(row["attempt_id"].split("/")[2] for row in first(run, "train")).values()) <= most


def test_b_star_samples_at_the_temperature_that_its_sweep_chose_and_drops_what_is_under_its_threshold(small):
    run = small("b-star")
    found, recipe = read_json(run / "iterations/001/sweep.json"), load_recipe(run / "recipe.yaml")
    assert {(line["temperature"], line["threshold"]) for line in found["table"]} == {
        (temperature, threshold) for temperature in (0.6, 1.0) for threshold in recipe.sweep.thresholds
    }
    assert found["score"] == max(line["score"] for line in found["table"])
    assert found["samples"] == 2 * 6 * 3
    attempts = list(map(Attempt.from_dict, first(run, "attempts")))
    assert {one.problem.id for one in attempts} >= {row["problem"]["id"] for row in first(run, "sweep-0.6")}
    for one in (attempts[0], attempts[-1]):
        assert trace(run, one.id)["sampling"]["decoding"]["temperature"] == found["temperature"]
        assert replay(run, one.id).differences == []
    by_id = {one.id: one for one in attempts}
    dropped = {row["attempt_id"]: row["reason"] for row in first(run, "dropped")}
    under = {id for id, reason in dropped.items() if reason == "under_threshold"}
    assert under == {id for id, one in by_id.items() if one.verdict.accepted and one.soundness < found["threshold"]}


def test_what_a_sweep_chose_is_in_metrics_report_and_card(small, tmp_path):
    run = small("b-star")
    found = read_json(run / "iterations/001/sweep.json")
    row = json.loads((run / "metrics.jsonl").read_text().splitlines()[1])
    assert row["sweep"] == {name: found[name] for name in ("temperature", "threshold", "score", "samples", "tokens")}
    page = (run / "report/index.html").read_text()
    assert "how each iteration chose to sample" in page
    assert f"{found['score']:.3f}" in page
    assert main(["export", str(run), "--dataset", str(tmp_path / "data")]) == 0
    card = (tmp_path / "data/README.md").read_text()
    assert f"temperature {found['temperature']} (chosen by this iteration, see `sweep`)" in card
    assert f"sweep.thresholds: {found['threshold']} in this iteration" in card


def test_a_run_killed_in_its_sweep_ends_with_the_same_files(small, tmp_path):
    whole = small("b-star")
    runs = tmp_path / "runs"
    killed = apart.star("kill@sweep-1.jsonl", runs, *command("b-star", runs))
    assert killed.returncode == -9, killed.stderr
    assert (runs / "family-b-star/iterations/001.partial/sweep-0.6.jsonl").exists()
    assert main(command("b-star", runs)) == 0
    assert differences(whole, runs / "family-b-star") == []


def made_up(name, correct, samples, **last):
    """A run with these right answers of 100 in its iterations, each of which draws `samples`."""
    rows = []
    for number, count in enumerate(correct):
        score = {"correct": count, "total": 100, "accuracy": count / 100, "low": 0.0, "high": 1.0}
        row = {"iteration": number, "accuracy": {"zero-shot": {"all": score, "groups": {}}}, "seconds": {"a": 60}}
        rows.append(row | {"audit": {"distinct_2": None, "false_positives": None}})
        if number:
            rows[-1] |= {"samples": samples, "examples": 10, "audit": {"distinct_2": 0.5, "false_positives": 0.125}}
    return Run(name, rows)


def test_the_best_is_told_first_with_all_that_its_iterations_took(capsys):
    runs = [made_up("slow", [40, 45, 50], 500), made_up("fast", [40, 80], 1000)]
    figure.print_table(runs)
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines[2][:2] == ["base", "40.0"]
    assert lines[3] == ["fast", "80.0", "0.0", "to", "100.0", "1,000", "10", "0.500", "12.5", "2.0"]
    assert lines[4] == ["slow", "50.0", "0.0", "to", "100.0", "1,000", "20", "0.500", "12.5", "3.0"]
    assert figure.over_samples(runs[0], {0: "a", 2: "b"}) == {0: "a", 1000: "b"}


@pytest.mark.parametrize(("other", "verdict"), [(1050, "equal within 5%"), (1051, "NOT equal"), (900, "NOT equal")])
def test_it_is_told_whether_budgets_are_equal(other, verdict):
    assert verdict in figure.on_budget([made_up("a", [1, 2], 1000), made_up("b", [1, 2], other)])


def test_the_comparison_is_drawn_from_run_directories(small, tmp_path, monkeypatch, capsys):
    runs = [str(small(name)) for name in ("rft", "b-star")]
    monkeypatch.setattr(sys, "argv", ["family_figure.py", *runs, "--out", str(tmp_path / "out.png")])
    assert figure.main() == 0
    assert "b-star" in capsys.readouterr().out
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    monkeypatch.setattr(sys, "argv", ["family_figure.py", "nowhere", "--out", str(tmp_path / "out.png")])
    assert figure.main() == 2
    assert "there is no such folder" in capsys.readouterr().err.replace("\n", " ")
