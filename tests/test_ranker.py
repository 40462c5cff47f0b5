"""A run with a learned verifier: what it leaves behind, what it says, and that it goes on wherever it was killed."""

import shutil
import signal
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from scripts.torture import differences
from star.cli import main
from star.errors import UserError
from star.evaluate import best_of_at
from star.files import read_json, read_rows
from star.recipe import load_recipe
from star.report.compare import load_runs, measures, print_comparison
from star.store import Iteration, Store
from star.store.changes import changed_keys
from star.store.retention import VERIFIER_WEIGHTS, WEIGHTS, retire
from tests import apart
from tests.conftest import VERIFIER
from tests.processes.conftest import TORCHRUN, launch, two  # noqa: F401 - fixtures


def test_pairs_of_all_iterations_train_a_verifier_that_ranks_candidates(verified_run):
    for number in (1, 2):
        folder = verified_run / f"iterations/{number:03d}"
        pairs, log = read_rows(folder / "pairs.jsonl"), read_rows(folder / "verifier/training.jsonl")
        writers = {pair[side].partition("/")[0] for pair in pairs for side in ("chosen_id", "rejected_id")}
        assert writers == {"base", "iteration-001"} if number == 2 else {"base"}
        reference = read_rows(folder / "pairs-reference.jsonl")
        assert [row["attempt_id"] for row in reference] == [
            pair[side] for pair in pairs for side in ("chosen_id", "rejected_id")
        ]
        assert log[0]["pairs"] == len(pairs)
        begun = load_file(folder / "adapter/adapter_model.safetensors")
        ended = load_file(folder / "verifier/adapter_model.safetensors")
        assert begun.keys() == ended.keys()
        assert any((begun[name] != ended[name]).any() for name in begun)


def test_scores_say_what_the_verifier_the_majority_and_luck_make_of_the_same_samples(verified_run):
    folder = verified_run / "iterations/002"
    scores = read_json(folder / "scores.json")["zero-shot"]
    assert set(scores["best_of"]) == set(scores["majority_at"]) == set(scores["pass_at"]) == {"1", "2", "4"}
    attempts = read_rows(folder / "evaluation-best-of.jsonl")
    ranks = [row["log_likelihood"] for row in read_rows(folder / "evaluation-best-of-scores.jsonl")]
    right = [attempt["verdict"]["status"] == "correct" for attempt in attempts]
    chosen = [max(range(at, at + 4), key=ranks.__getitem__) for at in range(0, len(attempts), 4)]
    assert scores["best_of"]["4"] == sum(right[at] for at in chosen) / len(chosen)
    assert scores["best_of"]["1"] == pytest.approx(sum(right) / len(right)) == pytest.approx(scores["pass_at"]["1"])
    metrics = read_rows(verified_run / "metrics.jsonl")
    assert metrics[2]["accuracy"]["zero-shot"]["best_of"] == scores["best_of"]
    assert metrics[2]["verifier"]["pairs"] > metrics[1]["verifier"]["pairs"] > 0


def test_the_report_and_the_comparison_show_it(verified_run, tiny_run, capsys):
    page = (verified_run / "report/index.html").read_text()
    assert "one of several samples, picked by the verifier" in page
    assert "best-of-4" in page
    runs = load_runs([verified_run, tiny_run])
    print_comparison(runs)
    said = capsys.readouterr().out
    assert "best of 4 by the verifier, %" in said
    assert "majority of 4, %" in said
    assert not any(getattr(measure, "kind", "") == "best_of" for measure in measures(load_runs([tiny_run])))


def test_all_of_it_is_in_the_manifest_and_on_the_card(verified_run, capsys):
    assert main(["verify-run", str(verified_run)]) == 0
    assert "the one of k that the learned verifier ranks first is right" in (
        verified_run / "iterations/002/model-card.md"
    ).read_text().replace("\n", " ")


@pytest.mark.parametrize(
    "where", ["pairs-reference.jsonl.journal.seals", "verifier.tmp", "evaluation-best-of-scores.jsonl"]
)
def test_a_run_killed_at_the_work_of_the_verifier_ends_with_the_same_bytes(verified_run, tiny_recipe, tmp_path, where):
    command = ["run", str(tiny_recipe), *VERIFIER, "iterations=1", "--runs", str(tmp_path)]
    killed = apart.star(f"kill@001.partial/{where}", tmp_path, *command)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert main(command) == 0
    first = "iterations/001"
    assert differences(verified_run / first, tmp_path / "tiny" / first) == []


def test_two_processes_share_the_work_of_the_verifier(two, verified_run, tiny_recipe, tmp_path):  # noqa: F811
    work = two(tiny_recipe, *VERIFIER, "iterations=1", "sampler.wave=8", "--runs", tmp_path)
    assert work.ends() == 0, work.said
    ours, theirs = (folder / "iterations/001" for folder in (tmp_path / "tiny", verified_run))
    for name in ("pairs.jsonl", "evaluation-best-of.jsonl"):
        assert (ours / name).read_bytes() == (theirs / name).read_bytes()
    for name in ("pairs-reference.jsonl", "evaluation-best-of-scores.jsonl"):
        for one, other in zip(read_rows(ours / name), read_rows(theirs / name), strict=True):
            assert one["attempt_id"] == other["attempt_id"]
            assert one["log_likelihood"] == pytest.approx(other["log_likelihood"], abs=1e-2)
    weights = [load_file(folder / "verifier/adapter_model.safetensors") for folder in (ours, theirs)]
    assert all((weights[0][name] - weights[1][name]).abs().max() < 1e-3 for name in weights[0])


def test_without_a_right_and_a_wrong_attempt_at_one_problem_the_run_says_so_and_goes_on(tiny_recipe, tmp_path, capsys):
    greedy = [*VERIFIER[2:], "decoding.samples=1", "iterations=1"]  # all samples of a problem are one
    assert main(["run", str(tiny_recipe), *greedy, "--runs", str(tmp_path)]) == 0
    assert "iteration 1 trains no verifier: no problem has a right attempt and a wrong one" in capsys.readouterr().out
    folder = tmp_path / "tiny/iterations/001"
    assert not (folder / "verifier").exists()
    assert "best_of" not in read_json(folder / "scores.json")["zero-shot"]


def test_only_the_last_iteration_trains_one_if_that_is_asked_for(tiny_recipe):
    recipe = load_recipe(tiny_recipe, [*VERIFIER, "verifier.when=last"])
    assert [recipe.verifier.is_due(number, recipe.iterations) for number in (1, 2)] == [False, True]


@pytest.mark.parametrize(("iterations", "begun"), [(4, {0, 1, 2}), (1, {0, 1})])
def test_the_last_iteration_stays_the_last_once_it_has_begun(tiny_recipe, tmp_path, iterations, begun):
    last = [*VERIFIER, "verifier.when=last"]
    old, new = load_recipe(tiny_recipe, last), load_recipe(tiny_recipe, [*last, f"iterations={iterations}"])
    with pytest.raises(UserError, match=rf"iterations: 2 -> {iterations}\n"):
        changed_keys(old, new, tmp_path, begun)
    assert changed_keys(old, new, tmp_path, begun - {2, iterations}) != []


def test_a_finished_run_with_a_last_verifier_is_not_extended(tiny_recipe, tmp_path):
    last = [*VERIFIER, "verifier.when=last"]
    with Store.open(tmp_path / "run", load_recipe(tiny_recipe, last)) as store:
        store.record({})
        Iteration(store.iterations_folder, 2).json("scores", dict)
    with pytest.raises(UserError, match=r"iterations: 2 -> 3\n"):
        Store.open(tmp_path / "run", load_recipe(tiny_recipe, [*last, "iterations=3"]))


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        (["verifier=null"], "evaluation.best_of needs a verifier"),
        (["evaluation.decoding={samples: 2, temperature: 1.0}"], "best_of samples for itself"),
        (["method=direct"], "with method: direct there is none"),
        (["selection.accept=all"], "verifier learns what the ground truth says, and selection.accept: all takes none"),
    ],
)
def test_what_makes_no_sense_with_a_verifier_is_refused(tiny_recipe, tmp_path, capsys, overrides, complaint):
    assert main(["run", str(tiny_recipe), *VERIFIER, *overrides, "--runs", str(tmp_path)]) == 2
    assert complaint in " ".join(capsys.readouterr().err.split())


def test_weights_that_are_not_kept_go_with_those_of_their_verifier(verified_run, tmp_path):
    run = tmp_path / "tiny"
    shutil.copytree(verified_run, run)
    retire(Store.existing(run).finished(), best=2, keep=1)
    first, second = (run / f"iterations/{number:03d}" for number in (1, 2))
    assert not (first / WEIGHTS).exists()
    assert not (first / VERIFIER_WEIGHTS).exists()
    assert (second / WEIGHTS).exists()
    assert (second / VERIFIER_WEIGHTS).exists()
    assert read_json(first / "RETIRED.json") == {"files": [WEIGHTS, VERIFIER_WEIGHTS]}
    assert main(["verify-run", str(run)]) == 0


@given(st.lists(st.booleans(), min_size=1, max_size=8), st.data())
def test_best_of_k_is_the_mean_over_all_subsets_of_k_candidates(right, data):
    k = data.draw(st.integers(1, len(right)))
    wanted = [right[min(places)] for places in combinations(range(len(right)), k)]
    assert best_of_at(k, right) == pytest.approx(sum(wanted) / len(wanted))
