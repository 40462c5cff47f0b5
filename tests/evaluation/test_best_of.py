"""`star eval` of a run with a learned verifier: several samples of each held-out problem, of which it picks one."""

import json
import re
import shlex
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from star.cli import main
from star.errors import UserError
from star.evaluation import choose_subject, score
from star.files import read_json, read_rows
from star.recipe import canonical, load_recipe
from star.store.retention import VERIFIER_WEIGHTS, WEIGHTS
from star.train import Likelihood
from tests import apart
from tests.command import contents
from tests.evaluation.test_eval import scored

SAMPLES, SCORES = "evaluation-best-of.jsonl", "evaluation-best-of-scores.jsonl"
HELD_OUT = 19
"""Problems of the tiny recipe."""


@pytest.fixture
def run(verified_run, tmp_path) -> Path:
    """A copy of the run with verifiers, whose recipe asks for best-of-4."""
    return Path(shutil.copytree(verified_run, tmp_path / "verified"))


def without_its_verifier(run, number):
    """As if that iteration had found no pairs."""
    folder = run / f"iterations/{number:03d}"
    shutil.rmtree(folder / "verifier")
    manifest = read_json(folder / "MANIFEST.json")
    manifest["files"] = {name: entry for name, entry in manifest["files"].items() if not name.startswith("verifier/")}
    (folder / "MANIFEST.json").write_text(json.dumps(manifest))


def retire(run, number):
    """As `keep` does it."""
    for name in (WEIGHTS, VERIFIER_WEIGHTS):
        (run / f"iterations/{number:03d}" / name).unlink()
    (run / f"iterations/{number:03d}/RETIRED.json").write_text(json.dumps({"files": [WEIGHTS, VERIFIER_WEIGHTS]}))


def test_an_iteration_is_ranked_as_the_run_did_it(run, capsys):
    results = scored(capsys, run, "--iteration", 2)  # the recipe asks for best-of-4
    [folder] = run.glob("evaluations/*/002")
    assert results["scores"] == read_json(run / "iterations/002/scores.json")
    for name in (SAMPLES, SCORES):
        assert (folder / name).read_bytes() == (run / "iterations/002" / name).read_bytes()
    verifier = read_json(run / "iterations/002/MANIFEST.json")["files"][VERIFIER_WEIGHTS]
    assert results["ranked_by"] == {"model": "iteration-002", "sha256": verifier["sha256"]}
    assert scored(capsys, run, "--iteration", 2, "--best-of", 4) == results  # what is there is read


def test_other_problems_are_ranked_too_in_the_table_and_for_lm_eval(verified_run, tmp_path, capsys):
    rows = [{"question": f"{a}+{b}", "answer": str(a + b)} for a in (1, 2, 3) for b in (1, 3, 5)]
    (tmp_path / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = [
        *("eval", verified_run, "--best-of", 16, "--task", tmp_path / "sums.jsonl", "--lm-eval", tmp_path / "harness"),
        *("--out", tmp_path / "out", r"task.prompt='Q:{question}\nA:'", "task.answer_pattern='#([0-9]+)'"),
    ]
    assert main([*map(str, command)]) == 0
    shown = capsys.readouterr().out
    for name in ("pass@k", "majority@k", "best-of-k"):
        [line] = re.findall(f"zero-shot, {name} %: (.*)", shown)
        assert re.findall(r"k = (\d+): [\d.]+", line) == ["1", "2", "4", "8", "16"]
    assert "ranked by the verifier of iteration-002: 16 samples of each problem, at temperature 0.7" in shown
    [folder] = (tmp_path / "out").glob("*/002")
    assert len(read_rows(folder / SAMPLES)) == len(read_rows(folder / SCORES)) == 16 * len(rows)
    scores = read_json(folder / "results.json")["scores"]["zero-shot"]
    assert scores["all"]["total"] == len(rows)  # of the plain evaluation
    assert set(scores["best_of"]) == set(scores["majority_at"]) == set(scores["pass_at"]) == {"1", "2", "4", "8", "16"}
    [page] = (tmp_path / "harness").rglob("results_*.json")
    [found] = read_json(page)["results"].values()
    for kind in ("best_of", "majority_at", "pass_at"):
        assert {k: found[f"{kind}_{k},none"] for k in scores[kind]} == scores[kind]


def test_an_iteration_without_a_verifier_of_its_own_gets_the_last_one_before_it_that_is_kept(run, capsys):
    without_its_verifier(run, 2)
    results = scored(capsys, run, "--problems", 3, "--best-of", 2)
    assert (results["model"], results["ranked_by"]["model"]) == ("iteration-002", "iteration-001")
    assert set(results["scores"]["zero-shot"]["best_of"]) == {"1", "2"}
    without_its_verifier(run, 1)
    assert main(["eval", str(run), "--best-of", "2"]) == 2
    assert "keeps no verifier of iteration 2 or before it" in capsys.readouterr().err


def test_what_a_verifier_ranked_is_shown_when_that_verifier_is_no_longer_kept(run, capsys):
    without_its_verifier(run, 2)
    plain, ranked = ("--problems", 3), ("--problems", 3, "--best-of", 2)
    before = [scored(capsys, run, *arguments) for arguments in (plain, ranked)]
    retire(run, 1)
    assert [scored(capsys, run, *arguments) for arguments in (plain, ranked)] == before
    assert {results["ranked_by"]["model"] for results in before} == {"iteration-001"}
    for folder in run.glob("evaluations/*/002"):
        (folder / SCORES).write_text("{}\n")
    assert main(["eval", str(run), *map(str, ranked)]) == 2
    assert re.search("delete .* to score without .*001/verifier", " ".join(capsys.readouterr().err.split()))


def test_without_a_verifier_that_is_kept_or_what_one_ranked_there_are_plain_scores_or_a_reason(run, capsys):
    without_its_verifier(run, 2)
    retire(run, 1)
    results = scored(capsys, run, "--problems", 3)
    assert (results["ranked_by"], "best_of" in results["scores"]["zero-shot"]) == (None, False)
    assert main(["eval", str(run), "--problems", "3", "--best-of", "2"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"the weights of {run}/iterations/001/verifier were not kept" in said
    assert f"{run}/evaluations has no finished evaluation of this kind that was ranked before" in said
    assert "instead of --best-of: evaluation.best_of=null" in said


def test_without_a_verifier_a_recipe_that_would_rank_gets_plain_scores_and_a_word_on_it(verified_run, tmp_path, capsys):
    assert main(["eval", str(verified_run), "--iteration", "base", "--out", str(tmp_path)]) == 0
    assert "note: there is no verifier to rank with" in capsys.readouterr().out
    [results] = map(read_json, tmp_path.glob("*/000/results.json"))
    assert results["scores"] == read_json(verified_run / "iterations/000/scores.json")
    assert results["ranked_by"] is None


def test_any_model_is_scored_on_the_problems_of_a_recipe_that_would_rank(random_models, verified_run):
    recipe = str(verified_run / "recipe.yaml")
    subject = choose_subject(None, str(random_models["llama"]), task=recipe)
    assert (subject.verifiers, subject.recipe.evaluation.best_of) == ((), None)


def test_a_run_without_a_verifier_says_how_to_get_pass_and_majority_alone_and_that_works(tiny_run, tmp_path, capsys):
    assert main(["eval", str(tiny_run), "--best-of", "2"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"error: --best-of 2: {tiny_run} keeps no verifier of iteration 2 or before it" in said
    instead = shlex.split(said.partition("instead of --best-of: ")[2])
    results = scored(capsys, tiny_run, "--problems", 2, "--out", tmp_path, *instead)
    assert {"pass_at", "majority_at"} < set(results["scores"]["zero-shot"])
    assert "best_of" not in results["scores"]["zero-shot"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"best_of": 1}, "evaluation.best_of.samples"),
        ({"best_of": 2, "iteration": "base"}, "keeps no verifier of iteration 0 or before it"),
        ({"best_of": 2, "model": "gpt2"}, "--model gpt2 has none: leave one out"),
        (
            {"best_of": 2, "overrides": ["evaluation.decoding={samples: 2, temperature: 1.0}"]},
            "best_of samples for itself",
        ),
        ({"best_of": 2, "overrides": ["evaluation.best_of=null"]}, "evaluation.best_of is null: leave one out"),
        ({"best_of": 2, "overrides": ["evaluation.best_of.samples=8"]}, "is {samples: 8, temperature: 0.7}: leave one"),
        ({"best_of": 2, "overrides": ["evaluation.best_of={temperature: 1.0}"]}, "is {samples: 4, temperature: 1.0}"),
    ],
)
def test_what_cannot_be_ranked_is_said_with_what_can(verified_run, arguments, message):
    with pytest.raises(UserError, match=message):
        choose_subject(**{"run": verified_run, **arguments})


def test_an_override_may_say_how_the_samples_of_best_of_are_decoded(verified_run):
    asked = ["evaluation.best_of.temperature=1.0", "evaluation.best_of.samples=8"]
    best_of = choose_subject(verified_run, best_of=8, overrides=asked).recipe.evaluation.best_of
    assert (best_of.samples, best_of.temperature) == (8, 1.0)


def test_results_that_no_verifier_ranked_and_ranked_ones_stand_side_by_side(run, capsys):
    subject = choose_subject(run, overrides=["evaluation.problems=2"])
    unranked = score(replace(subject, verifiers=()))  # as it was before anything could rank
    written = contents(unranked.folder)
    ranked = scored(capsys, run, "--problems", 2)
    assert (unranked.results["ranked_by"], ranked["ranked_by"]["model"]) == (None, "iteration-002")
    assert contents(unranked.folder) == written
    assert len(list(run.glob("evaluations/*/002"))) == 2
    assert score(replace(subject, verifiers=())).results == unranked.results


@pytest.mark.parametrize("method", ["direct", "curate"])
def test_the_task_of_a_recipe_that_no_verifier_is_for_is_scored_without_one(verified_run, tmp_path, method, capsys):
    given = load_recipe(verified_run / "recipe.yaml", ["verifier=null", "evaluation.best_of=null", "iterations=1"])
    (tmp_path / "other.yaml").write_text(canonical(given).replace("method: star", f"method: {method}"))
    task = ("--task", tmp_path / "other.yaml")
    results = scored(capsys, verified_run, *task, "--problems", 2, "--out", tmp_path / "out")
    assert (results["model"], results["problems"], results["ranked_by"]) == ("iteration-002", 2, None)
    assert main(["eval", str(verified_run), *map(str, task), "--best-of", "2"]) == 2
    assert f"has method: {method}; leave --best-of out" in " ".join(capsys.readouterr().err.split())


def test_a_killed_ranking_goes_on_with_what_was_sampled_and_scored(verified_run, tmp_path, monkeypatch):
    command = ["eval", str(verified_run), "--best-of", "2", "sampler.wave=8"]
    killed, whole, log, scored = tmp_path / "killed", tmp_path / "whole", tmp_path / "log", []
    assert apart.star("none@", whole, *command, "--out", str(whole), log=log).returncode == 0
    sealing = [line.split()[0] for line in log.read_text().splitlines() if f"{SCORES}.journal.seals" in line]
    in_the_midst = f"kill@{sealing[-4]}"
    done = apart.star(in_the_midst, killed, *command, "--out", str(killed))
    assert done.returncode == -signal.SIGKILL, done.stderr
    [partial] = killed.glob("*/002.partial")
    samples, begun = (partial / SAMPLES).stat(), len(read_rows(partial / f"{SCORES}.journal.seals"))
    assert begun > 0

    of = Likelihood.of
    monkeypatch.setattr(Likelihood, "of", lambda self, texts, adapter: scored.extend(texts) or of(self, texts, adapter))
    assert main([*command, "--out", str(killed)]) == 0
    assert len(scored) == 2 * HELD_OUT - 8 * begun
    [ours], [theirs] = killed.glob("*/002"), whole.glob("*/002")
    assert ((ours / SAMPLES).stat().st_ino, (ours / SAMPLES).stat().st_mtime_ns) == (
        samples.st_ino,
        samples.st_mtime_ns,
    )
    for name in (SAMPLES, SCORES, "results.json"):
        assert (ours / name).read_bytes() == (theirs / name).read_bytes()
