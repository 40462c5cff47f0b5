"""`star eval`: any iteration or model on any held-out problems, without touching the run."""

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from star.cli import main
from star.errors import UserError
from star.evaluation import choose_subject, score
from star.files import file_sha256, read_json, read_rows
from star.recipe import canonical, load_recipe
from star.store.integrity import verify_run
from star.store.owner import own
from tests.command import contents
from tests.openai_server import Small

STAGE = "evaluation-zero-shot.jsonl"


@pytest.fixture
def run(tiny_run, tmp_path) -> Path:
    """A copy of the tiny run."""
    return Path(shutil.copytree(tiny_run, tmp_path / "tiny"))


def scored(capsys, *arguments):
    """What `star eval --json` prints."""
    capsys.readouterr()
    assert main(["eval", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_an_iteration_gets_the_scores_that_the_run_gave_it_while_the_run_is_at_work(run, capsys):
    before = contents(run)
    with own(run):
        results = scored(capsys, run, "--iteration", 1)
    [folder] = (run / "evaluations").glob("arithmetic-*")
    assert results["scores"] == read_json(run / "iterations/001/scores.json")
    assert (folder / "001" / STAGE).read_bytes() == (run / "iterations/001" / STAGE).read_bytes()
    assert {path: data for path, data in contents(run).items() if "evaluations" not in path.parts} == before
    assert not any(part.problems for part in verify_run(run))
    assert main(["eval", str(run), "--iteration", "base"]) == 0
    assert {path.name for path in folder.iterdir()} >= {"000", "001"}  # side by side
    assert "base of" in capsys.readouterr().out


def test_an_evaluation_that_is_there_is_read_and_a_damaged_one_refused(run, capsys):
    first = scored(capsys, run, "--problems", 5)
    assert (first["problems"], first["model"]) == (5, "iteration-002")
    [folder] = (run / "evaluations").glob("*/002")
    written = (folder / STAGE).stat().st_mtime_ns
    assert scored(capsys, run, "--problems", 5) == first
    assert (folder / STAGE).stat().st_mtime_ns == written
    (folder / STAGE).write_text("{}\n")
    assert main(["eval", str(run), "--problems", "5"]) == 2
    assert f"delete {folder}" in capsys.readouterr().err


def test_a_killed_evaluation_goes_on_and_ends_with_the_same_bytes(run, tmp_path):
    command = [sys.executable, "-m", "star", "eval", str(run), "sampler.wave=1", "--out"]
    process = subprocess.Popen([*command, str(tmp_path / "killed")], stdout=subprocess.DEVNULL)
    while not (seals := list((tmp_path / "killed").glob(f"*/*/{STAGE}.journal.seals"))) or not seals[0].stat().st_size:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    [partial] = (tmp_path / "killed").glob("*/*.partial")
    begun = len((partial / f"{STAGE}.journal").read_bytes().splitlines())
    assert 0 < begun < 19
    assert main(["eval", str(run), "sampler.wave=1", "--out", str(tmp_path / "killed")]) == 0
    assert main(["eval", str(run), "sampler.wave=1", "--out", str(tmp_path / "whole")]) == 0
    killed, whole = ([*(tmp_path / name).glob(f"*/002/{STAGE}")] for name in ("killed", "whole"))
    assert killed[0].read_bytes() == whole[0].read_bytes()


def test_other_problems_several_samples_and_lm_evals_format(tiny_run, tmp_path, capsys):
    """The tiny model on a JSONL file; its final answers look like `#12`."""
    rows = [{"question": f"{a}+{b}", "answer": str(a + b), "level": f"{a} and more"} for a in (1, 2) for b in (1, 3, 5)]
    (tmp_path / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    as_it_knows_them = [r"task.prompt='Q:{question}\nA:'", "task.answer_pattern='#([0-9]+)'"]
    several = "evaluation.decoding={temperature: 1.0, samples: 4}"
    where = ("--task", tmp_path / "sums.jsonl", "--out", tmp_path / "out", "--lm-eval", tmp_path / "harness")
    results = scored(capsys, tiny_run, *where, several, *as_it_knows_them)
    scores = results["scores"]["zero-shot"]
    assert set(scores["groups"]) == {"1 and more", "2 and more"}
    assert scores["all"]["total"] == 24
    assert scores["pass_at"]["1"] == pytest.approx(scores["all"]["accuracy"])
    assert scores["pass_at"]["4"] >= scores["majority_at"]["4"]
    [page], [file] = ((tmp_path / "harness").rglob(name) for name in ("results_*.json", "samples_*.jsonl"))
    found, samples = read_json(page), read_rows(file)
    [task] = found["results"]
    assert found["results"][task]["acc,none"] == pytest.approx(scores["all"]["accuracy"])
    assert found["n-samples"][task] == {"original": 6, "effective": 6}
    assert [len(row["resps"][0]) for row in samples] == [4] * 6
    assert {row["doc"]["question"] for row in samples} == {row["question"] for row in rows}


def test_any_model_is_scored_on_the_problems_of_a_recipe(random_models, tiny_recipe, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = tiny_recipe.read_text().replace("starter:", "#").split("model:")
    tiny_recipe.write_text(f"{recipe[0]}model: {{path: nobody/nothing}}\ndecoding: {{max_new_tokens: 4}}\n")
    assert main(["eval", "--model", str(random_models["llama"]), "--task", str(tiny_recipe), "--problems", "3"]) == 0
    shown = capsys.readouterr().out
    assert "3 held-out problems of arithmetic" in shown
    assert "0.0 to 56.1" in shown  # Wilson's interval of 0 of 3
    assert list(tmp_path.glob("evaluations/arithmetic-*/000/results.json"))


def test_an_iteration_is_found_by_its_number_where_an_earlier_folder_is_gone(run):
    weights = run / "iterations/002/adapter/adapter_model.safetensors"
    shutil.rmtree(run / "iterations/001")
    assert choose_subject(run, iteration="2").adapter_sha256 == file_sha256(weights)


def test_a_starter_is_scored_in_the_precision_that_the_run_sampled_in(tiny_run):
    assert read_json(tiny_run / "run.json")["dtype"] == "float32"
    assert choose_subject(tiny_run).recipe.model.dtype == "float32"  # and not what this processor is fast in
    assert choose_subject(tiny_run, overrides=["model.dtype=bfloat16"]).recipe.model.dtype == "bfloat16"


def test_an_unfinished_evaluation_does_not_go_on_with_another_adapter(run):
    subject = choose_subject(run, overrides=["evaluation.problems=3"])
    folder = score(subject).folder
    for name in ("results.json", "MANIFEST.json"):
        (folder / name).rename(folder / f"{name}.old")
    manifest = read_json(folder / "MANIFEST.json.old")
    begun = {"iteration": 2, "files": {name: manifest["files"][name] for name in ("subject.json", STAGE)}}
    (folder / "MANIFEST.json").write_text(json.dumps(begun))
    for path in folder.glob("*.old"):
        path.unlink()
    partial = folder.rename(folder.with_suffix(".partial"))
    with pytest.raises(UserError, match=f"unfinished evaluation of an adapter with hash .*delete {partial}"):
        score(replace(subject, adapter_sha256="another"))
    assert score(subject).results["adapter_sha256"] == subject.adapter_sha256


def test_another_model_is_not_asked_of_the_servers_of_the_run(run, random_models, capsys):
    servers = "sampler={kind: openai, openai: {urls: ['http://127.0.0.1:9/v1'], model: served}}"
    (run / "recipe.yaml").write_text(canonical(load_recipe(run / "recipe.yaml", [servers])))
    assert choose_subject(run).recipe.sampler.openai.model == "served"
    model = str(random_models["llama"])
    found = choose_subject(run, model).recipe
    assert (found.model.path, found.sampler.kind, found.sampler.openai) == (model, "local", None)
    assert "the recipe's servers have the run's own model" in capsys.readouterr().out
    assert choose_subject(run, model, overrides=[servers]).recipe.sampler.kind == "openai"


def test_a_run_that_sampled_with_an_object_of_ones_own_is_scored_with_a_word_on_it(run, capsys):
    facts = read_json(run / "run.json")
    (run / "run.json").write_text(json.dumps(facts | {"custom": {"sampler": "mine.Engine 3"}}))
    assert choose_subject(run).number == 2
    assert "note: the run sampled with an object of your own, mine.Engine 3" in capsys.readouterr().out


def test_what_a_server_gave_to_a_killed_evaluation_is_not_asked_for_again(run, tmp_path):
    base = Path(read_json(run / "run.json")["base_model"])
    server = Small([base], tmp_path / "log.jsonl", delay=0.05)
    try:
        server.wait()
        engine = f"sampler={{kind: openai, openai: {{urls: ['{server.url}'], concurrency: 2}}}}"
        process = subprocess.Popen([sys.executable, "-m", "star", "eval", run, engine], stdout=subprocess.DEVNULL)
        while not any(path.stat().st_size for path in run.glob("evaluations/*/in-flight.jsonl")):
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
        process.wait()
        assert main(["eval", str(run), engine]) == 0
        [folder] = run.glob("evaluations/*/002")
        assert (folder / STAGE).read_bytes() == (run / "iterations/002" / STAGE).read_bytes()
        assert 19 <= len(server.answered()) <= 19 + 2  # what was under way may be asked for twice
        assert not (folder.parent / "in-flight.jsonl").exists()
    finally:
        server.end()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"run": None}, "say what to score"),
        ({"iteration": "7"}, "has 0, 1, 2, and base and best"),
        ({"iteration": "x"}, "--iteration x"),
        ({"model": "gpt2", "iteration": "1"}, "leave one out"),
        ({"task": "sums"}, "the kinds are arithmetic"),
        ({"task": "nope.jsonl"}, "there is no such file"),
        ({"task": "nope.yaml"}, "there is no such file"),
        ({"overrides": ["evaluation.problem=3"]}, "did you mean problems"),
        ({"model": "./nope"}, "there is no such folder"),
    ],
)
def test_what_cannot_be_scored_is_said_with_what_can(tiny_run, arguments, message):
    with pytest.raises(UserError, match=message):
        choose_subject(**{"run": tiny_run, **arguments})
