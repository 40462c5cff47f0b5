"""The promises of the loop, on a real tiny model that is pretrained, sampled, verified and fine-tuned for real."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from star.cli import main
from star.clock import ACTIVITIES
from star.files import file_sha256, read_json, read_rows
from star.models import Checkpoint, set_threads
from star.recipe import ArithmeticTask, load_recipe
from star.records import Attempt, Example
from star.store import Store
from star.tasks.arithmetic import Arithmetic
from star.train import train_lora


def rows(run: Path, name: str) -> list[tuple[int, dict]]:
    return [(int(f.parent.name), row) for f in sorted(run.glob(f"iterations/*/{name}")) for row in read_rows(f)]


def comparable(run: Path) -> dict[str, str]:
    """Hashes of all files that a run must reproduce: everything but timings (and what holds them)."""
    timed = {"timings.json", "MANIFEST.json", "metrics.json", "metrics.jsonl", "run.json", "progress.json", ".lock"}
    files = [p for p in run.rglob("*") if p.is_file() and p.name not in timed and "report" not in p.parts]
    return {str(p.relative_to(run)): file_sha256(p) for p in files}


def without_seconds(run: Path) -> list[dict]:
    return [
        {**json.loads(line), "seconds": None, "spent": None, "joules": None}
        for line in (run / "metrics.jsonl").read_text().splitlines()
    ]


def test_the_run_accepts_both_plain_and_rationalized_rationales(tiny_run):
    examples = [Example.from_dict(row) for _, row in rows(tiny_run, "train.jsonl")]
    assert any(e.rationalized for e in examples)
    assert any(not e.rationalized for e in examples)


def test_no_training_prompt_shows_a_hint_and_every_example_leads_to_an_accepted_attempt(tiny_run):
    for number, row in rows(tiny_run, "train.jsonl"):
        example = Example.from_dict(row)
        name = "rationalizations.jsonl" if example.rationalized else "attempts.jsonl"
        stored = read_rows(tiny_run / "iterations" / f"{number:03d}" / name)
        [attempt] = [a for a in map(Attempt.from_dict, stored) if a.id == example.attempt_id]
        assert attempt.verdict.accepted
        assert attempt.prompt.hinted == example.rationalized
        assert example.prompt == f"Q:{attempt.problem.question}\nA:"
        assert f"({attempt.problem.answer})" not in example.prompt
        assert example.target == attempt.completion.text.rstrip()


def test_only_failures_are_rationalized_and_their_prompts_show_the_answer(tiny_run):
    plain, hinted = rows(tiny_run, "attempts.jsonl"), rows(tiny_run, "rationalizations.jsonl")
    failed = {(n, r["problem"]["id"]) for n, r in plain if r["verdict"]["status"] != "correct"}
    assert {(n, r["problem"]["id"]) for n, r in hinted} == failed
    assert all(f"({r['problem']['answer']})" in r["prompt"]["text"] for _, r in hinted)
    assert not any(r["prompt"]["hinted"] for _, r in plain)


def test_no_held_out_problem_is_ever_trained_on(tiny_run):
    held_out = {row["problem"]["question"] for _, row in rows(tiny_run, "evaluation-zero-shot.jsonl")}
    assert len(held_out) == 19
    reversed_too = held_out | {"+".join(reversed(question.split("+"))) for question in held_out}
    assert not any(question in row["prompt"] for _, row in rows(tiny_run, "train.jsonl") for question in reversed_too)


def test_the_second_iteration_is_trained_from_the_base_model(tiny_run, tmp_path):
    """Its adapter is, bit for bit, what training on its examples gives when no first iteration ever was."""
    record = json.loads((tiny_run / "run.json").read_text())
    examples = [Example.from_dict(row) for row in read_rows(tiny_run / "iterations/002/train.jsonl")]
    recipe = load_recipe(tiny_run / "recipe.yaml")
    set_threads(recipe.model)
    train_lora(recipe, Checkpoint(record["base_model"]), examples, 2, tmp_path)
    name = "adapter_model.safetensors"
    assert file_sha256(tmp_path / name) == file_sha256(tiny_run / "iterations/002/adapter" / name)


def test_each_iteration_samples_with_the_adapter_before_it(tiny_run):
    models = {(n, r["completion"]["model"]) for n, r in rows(tiny_run, "attempts.jsonl")}
    assert models == {(1, "base"), (2, "iteration-001")}
    scored = {(n, r["completion"]["model"]) for n, r in rows(tiny_run, "evaluation-zero-shot.jsonl")}
    assert scored == {(0, "base"), (1, "iteration-001"), (2, "iteration-002")}


def test_each_model_is_watched_on_the_same_real_text(tiny_run):
    found = [read_json(tiny_run / f"iterations/{number:03d}/reference.json") for number in range(3)]
    assert {row["source"] for row in found} == {"worked solutions of held-out problems"}
    assert {(row["texts"], row["cut"], row["left_out"]) for row in found} == {(19, 0, 0)}
    assert len({row["tokens"] for row in found}) == 1
    assert (found[0]["kl"], found[0]["agreement"]) == (0.0, 1.0)
    assert all(row["kl"] > 0 for row in found[1:])
    assert len({row["perplexity"] for row in found}) == 3


def test_metrics_keep_plain_and_hinted_accuracy_apart(tiny_run):
    for line in (tiny_run / "metrics.jsonl").read_text().splitlines()[1:]:
        metrics = json.loads(line)
        assert metrics["problems"] == metrics["solved"] + metrics["hinted"]
        assert sum(metrics["verdicts"]["plain"].values()) == metrics["problems"]
        assert sum(metrics["verdicts"]["hinted"].values()) == metrics["hinted"]
        assert metrics["examples"] <= metrics["solved"] + metrics["rationalized"]
        assert set(metrics["seconds"]) >= {"attempts", "rationalizations", "adapter", "evaluation-zero-shot"}
        assert {"sampling", "verifying", "writing", "fine-tuning", "other"} <= set(metrics["spent"]) <= set(ACTIVITIES)
        assert sum(metrics["spent"].values()) > 0.9 * sum(metrics["seconds"].values())


def test_the_steps_of_every_scratchpad_are_checked_and_false_positives_counted(tiny_run):
    for line in (tiny_run / "metrics.jsonl").read_text().splitlines()[1:]:
        metrics = json.loads(line)
        for kind, name in (("plain", "attempts.jsonl"), ("hinted", "rationalizations.jsonl")):
            stored = [row for number, row in rows(tiny_run, name) if number == metrics["iteration"]]
            right = [row for row in stored if row["verdict"]["status"] == "correct"]
            assert metrics["checkable"][kind] == sum(row["steps_checked"] > 0 for row in right) == len(right)
            assert metrics["false_positives"][kind] == sum(row["steps_wrong"] > 0 for row in right)
            assert any(row["steps_wrong"] for row in stored)


def test_the_manifest_holds_size_and_hash_of_every_file(tiny_run):
    for folder in Store.existing(tiny_run).finished():
        entries = json.loads((folder / "MANIFEST.json").read_text())["files"]
        there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {"MANIFEST.json"}
        assert set(entries) == there
        for name, entry in entries.items():
            assert entry == {"bytes": (folder / name).stat().st_size, "sha256": file_sha256(folder / name)}


def test_a_second_launch_of_a_finished_run_changes_nothing(tiny_run, capsys):
    before = comparable(tiny_run)
    assert main(["run", str(tiny_run / "recipe.yaml"), "--runs", str(tiny_run.parent)]) == 0
    assert comparable(tiny_run) == before
    assert "held-out accuracy" in capsys.readouterr().out


def launch(recipe: Path, runs: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "star", "run", str(recipe), "--runs", str(runs)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=os.environ, text=True)


@pytest.mark.parametrize(
    "moment",
    ["001.partial/adapter.tmp", "002.partial/rationalizations.jsonl.journal"],
)
def test_a_run_killed_at_any_moment_ends_with_the_same_files(tiny_run, tiny_recipe, tmp_path, moment):
    process = launch(tiny_recipe, tmp_path)
    path = tmp_path / "tiny" / "iterations" / moment
    while not (path.exists() and (path.is_dir() or path.stat().st_size > 0)) and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "tiny/iterations/002").exists()
    again = launch(tiny_recipe, tmp_path)
    output, _ = again.communicate(timeout=120)
    assert again.returncode == 0, output
    assert comparable(tmp_path / "tiny") == comparable(tiny_run)
    assert without_seconds(tmp_path / "tiny") == without_seconds(tiny_run)


def test_a_run_goes_on_when_it_is_asked_for_more_iterations(tiny_run, tiny_recipe, tmp_path):
    shutil.copytree(tiny_run, tmp_path / "tiny")
    before = comparable(tiny_run)
    assert main(["run", str(tiny_recipe), "--runs", str(tmp_path), "iterations=3"]) == 0
    after = comparable(tmp_path / "tiny")
    assert {name: after[name] for name in before if name != "recipe.yaml"} == {
        name: before[name] for name in before if name != "recipe.yaml"
    }
    assert len(without_seconds(tmp_path / "tiny")) == 4


def test_changed_data_or_base_model_is_refused_when_a_run_is_continued(tiny_run, tiny_recipe, tmp_path, capsys):
    shutil.copytree(tiny_run, tmp_path / "tiny")
    record = json.loads((tmp_path / "tiny/run.json").read_text())
    record |= {"base_model_sha256": "another", "versions": {}}
    (tmp_path / "tiny/run.json").write_text(json.dumps(record))
    for path in (tmp_path / "tiny").glob("iterations/*/MANIFEST.json"):  # as if all of it had been done on another one
        path.write_text(path.read_text().replace(json.loads(path.read_text())["run"]["base_model_sha256"], "another"))
    assert main(["run", str(tiny_recipe), "--runs", str(tmp_path)]) == 2
    message = capsys.readouterr().err
    assert "base_model_sha256: 'another' -> " in message
    assert "versions" not in message
    assert main(["export", str(tmp_path / "tiny"), "--merge", str(tmp_path / "merged")]) == 2
    assert "belong to a base model with hash another" in capsys.readouterr().err


def test_real_rationales_are_mixed_in_and_may_not_change_under_a_run(tiny_recipe, tmp_path, capsys):
    task = Arithmetic(ArithmeticTask(kind="arithmetic"))
    sums = [task.problem(pair, 2, id="") for pair in ((23, 45), (38, 44), (71, 19))]
    worked = zip(sums, task.solutions(sums), strict=True)
    written = [{"question": p.question, "answer": p.answer, "rationale": solution} for p, solution in worked]
    file = tmp_path / "real.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in written))
    command = ["run", str(tiny_recipe), "--runs", str(tmp_path), f"mix.real={{path: {file}, share: 0.5}}"]
    assert main([*command, "iterations=1"]) == 0
    examples = [json.loads(line) for line in (tmp_path / "tiny/iterations/001/train.jsonl").read_text().splitlines()]
    real = [example for example in examples if example["iteration"] == 0]
    assert sorted(example["attempt_id"] for example in real) == [f"real/{file}:{line}" for line in (1, 2, 3)]
    assert {(example["prompt"], example["target"]) for example in real} == {
        (f"Q:{row['question']}\nA:", row["rationale"]) for row in written
    }
    assert json.loads((tmp_path / "tiny/run.json").read_text())["data_files"] == {str(file): file_sha256(file)}
    capsys.readouterr()
    file.write_text(file.read_text() + "\n")
    assert main([*command, "iterations=2"]) == 2
    assert f"tether_files: {{'{file}': " in capsys.readouterr().err


def test_a_kill_between_an_iteration_and_its_metrics_loses_no_line(tiny_run, tiny_recipe, tmp_path):
    shutil.copytree(tiny_run, tmp_path / "tiny")
    metrics = tmp_path / "tiny/metrics.jsonl"
    whole = metrics.read_text()
    metrics.write_text("".join(whole.splitlines(keepends=True)[:-1]))
    assert main(["run", str(tiny_recipe), "--runs", str(tmp_path)]) == 0
    assert metrics.read_text() == whole


def test_nothing_accepted_stops_the_run_and_shows_what_the_failures_look_like(tiny_recipe, tmp_path, capsys):
    """Three tokens are too few for any answer."""
    overrides = ["decoding.max_new_tokens=3", "task.train={1: 20}", "task.held_out={1: 5}"]
    assert main(["run", str(tiny_recipe), "--runs", str(tmp_path), *overrides]) == 2
    message = capsys.readouterr().err
    assert "none of 40 attempts can be trained on (40 no_answer)" in message
    assert "the model wrote" in message
    assert "(length)" in message
    assert not list(tmp_path.glob("tiny/iterations/*/adapter"))


def test_hints_are_kept_in_training_prompts_only_when_the_recipe_asks(tiny_recipe, tmp_path):
    overrides = ["rationalization.keep_hint=1.0", "iterations=1"]
    assert main(["run", str(tiny_recipe), "--runs", str(tmp_path), *overrides]) == 0
    examples = [Example.from_dict(row) for _, row in rows(tmp_path / "tiny", "train.jsonl")]
    assert {("(" in example.prompt) for example in examples if example.rationalized} == {True}
    assert not any("(" in example.prompt for example in examples if not example.rationalized)


def test_data_of_the_last_iterations_is_carried_along_when_the_recipe_asks(tiny_recipe, tmp_path):
    assert main(["run", str(tiny_recipe), "--runs", str(tmp_path), "selection.keep_iterations=2"]) == 0
    second = [row for number, row in rows(tmp_path / "tiny", "train.jsonl") if number == 2]
    assert {row["iteration"] for row in second} == {1, 2}
    assert len({(row["prompt"], row["target"]) for row in second}) == len(second)
