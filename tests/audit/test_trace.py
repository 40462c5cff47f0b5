"""Every example leads back to where it came from: in real runs, finished and at work."""

import json
import shutil
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.audit.filters import filters
from star.audit.provenance import Address, parse_id
from star.audit.trace import trace
from star.cli import main
from star.drop import REASONS
from star.errors import UserError
from star.files import file_sha256, read_json, read_rows
from star.recipe import load_recipe
from star.records import Attempt, derive_seed
from star.report.trace import print_trace
from star.store import Journal, Store
from star.store.fork import fork


def rows(run, number, name):
    return read_rows(run / f"iterations/{number:03d}/{name}.jsonl")


def attempts(run, number):
    made = rows(run, number, "attempts") + rows(run, number, "rationalizations")
    return {attempt.id: attempt for attempt in map(Attempt.from_dict, made)}


def test_a_rationale_leads_to_problem_model_prompt_settings_seed_and_verdict(tiny_run):
    [row, *_] = rows(tiny_run, 2, "train")
    chain, attempt = trace(tiny_run, row["attempt_id"]), attempts(tiny_run, 2)[row["attempt_id"]]
    facts = read_json(tiny_run / "run.json")
    assert chain["fate"]["what"] == "trained"
    assert [use["iteration"] for use in chain["fate"]["trained_on"]] == [2]
    assert chain["problem"]["question"] == attempt.problem.question
    assert chain["problem"]["answer_source_in_words"] == "computed by the program that made the problem"
    assert chain["model"] == {
        "name": "iteration-001",
        "iteration": 1,
        "adapter_sha256": file_sha256(tiny_run / "iterations/001/adapter/adapter_model.safetensors"),
        "base_model": facts["base_model"],
        "base_model_sha256": facts["base_model_sha256"],
    }
    assert chain["prompt"] == {"text": attempt.prompt.text, "hinted": False}
    assert chain["sampling"]["decoding"]["max_new_tokens"] == 40
    assert chain["sampling"]["decoding"]["stop"] == []  # what the task says, resolved
    assert chain["sampling"]["seed"] == attempt.completion.seed
    assert derive_seed(chain["sampling"]["stage_seed"], attempt.problem.id, 0) == attempt.completion.seed
    assert chain["completion"]["text"] == attempt.completion.text
    assert chain["verdict"]["status"] == "correct"
    assert chain["verdict"]["verifier"] == facts["verifier"]
    assert chain["steps"] == {"checked": attempt.steps_checked, "wrong": attempt.steps_wrong}
    assert chain["hint"] is None
    assert {one["passed"] for one in chain["filters"]} == {True}
    assert chain["example"] == row


def test_the_first_models_attempts_are_those_of_the_base_model(tiny_run):
    chain = trace(tiny_run, rows(tiny_run, 1, "train")[0]["attempt_id"])
    assert chain["model"]["name"] == "base"
    assert chain["model"]["adapter_sha256"] is None


def test_the_hint_is_named_and_it_is_seen_whether_training_shows_it(varied_run):
    kept = Counter()
    for row in rows(varied_run, 1, "train"):
        if row["rationalized"]:
            hint = trace(varied_run, row["attempt_id"])["hint"]
            assert hint["kept_in_training"] == (f"({hint['answer']})" in row["prompt"])
            kept[hint["kept_in_training"]] += 1
    assert kept[True]
    assert kept[False]


def test_it_is_known_which_steps_learned_an_example(tiny_run):
    learned = [trace(tiny_run, row["attempt_id"])["fate"]["trained_on"][0] for row in rows(tiny_run, 2, "train")]
    assert {use["of_steps"] for use in learned} == {9}
    assert Counter(step for use in learned for step in use["steps"]) == dict.fromkeys(range(1, 10), 8)


def test_an_example_is_found_in_every_iteration_that_carried_or_replayed_it(varied_run):
    of = {number: {row["attempt_id"] for row in rows(varied_run, number, "train")} for number in (1, 2, 3)}
    seen = set()
    sampled = {number: {id for id in ids if not id.startswith("real/")} for number, ids in of.items()}
    for id in sorted(sampled[1])[::5] + sorted(sampled[1] & sampled[3]):
        uses = trace(varied_run, id)["fate"]["trained_on"]
        assert [use["iteration"] for use in uses] == [number for number in (1, 2, 3) if id in of[number]]
        assert [use["carried"] for use in uses] == [use["iteration"] > 1 for use in uses]
        seen.add(len(uses))
    assert len(seen) > 1


def test_a_real_rationale_leads_to_its_file_and_line(varied_run):
    row = next(row for row in rows(varied_run, 3, "train") if row["attempt_id"].startswith("real/"))
    chain, file = trace(varied_run, row["attempt_id"]), varied_run.parent.parent / "real.jsonl"
    assert chain["problem"]["source"] == f"{file}:{chain['problem']['line']}"
    assert chain["problem"]["revision"] == f"SHA-256 {file_sha256(file)}"
    assert read_rows(file)[chain["problem"]["line"] - 1]["rationale"] == row["target"]
    assert {use["carried"] for use in chain["fate"]["trained_on"]} == {False}
    assert chain["model"] is chain["sampling"] is chain["verdict"] is None
    print_trace(chain)


def test_every_attempt_has_a_fate_and_the_reason_of_its_iteration(varied_run):
    trained = {row["attempt_id"] for row in rows(varied_run, 2, "train")}
    dropped = {row["attempt_id"]: row["reason"] for row in rows(varied_run, 2, "dropped")}
    assert set(dropped.values()) >= {"unsound", "per_problem"}
    fates = Counter()
    for id, attempt in list(attempts(varied_run, 2).items())[::7]:
        fate, found = (chain := trace(varied_run, id))["fate"], {one["name"]: one["passed"] for one in chain["filters"]}
        if id in trained:
            expected, marks = ("trained", None), {True}
        elif id in dropped:
            expected, marks = ("dropped", dropped[id]), {None, False}
            assert found[dropped[id]] is False
        else:
            expected, marks = ("rejected", attempt.verdict.status), {None, False}
            assert found["verdict"] is False
        assert (fate["what"], fate["reason"]) == expected
        assert set(found.values()) == marks
        fates[fate["what"]] += 1
    assert len(fates) == 3


def test_a_bare_ground_truth_leads_to_its_problem(tiny_recipe, tmp_path):
    overrides = ["method=direct", "iterations=1", "task.train={1: 20}", "task.held_out={1: 5}"]
    assert main(["run", str(tiny_recipe), "--runs", str(tmp_path), *overrides]) == 0
    chain = trace(tmp_path / "tiny", "ground-truth/add-1-train-000003")
    assert chain["problem"]["id"] == "add-1-train-000003"
    assert chain["example"]["target"].strip() == f"#{chain['problem']['answer']}"
    assert chain["model"] is chain["verdict"] is chain["completion"] is None
    recipe = tmp_path / "tiny/recipe.yaml"
    recipe.write_text(recipe.read_text().replace("operation: addition", "operation: subtraction"))
    assert "missing" in trace(tmp_path / "tiny", "ground-truth/add-1-train-000003")["problem"]


@pytest.mark.parametrize(
    ("id", "parts"),
    [
        ("base/plain/add-1-train-00003/0", ["iterations/001 has no such attempt", "base/plain/add-1-train-000003/0"]),
        ("base/plain/add-1-train-000003/00", ["no such attempt", "base/plain/add-1-train-000003/0"]),
        ("iteration-007/plain/x/0", ["in iteration 8", "has begun iterations 0, 1, 2"]),
        ("add-1-train-000003", ["not the id of an example", "MODEL/plain/PROBLEM/SAMPLE", "nearest"]),
        ("real/data.jsonl:3", ["no iteration", "nearest"]),
        ("a\nb", ["'a\\\\nb': not the id"]),
    ],
)
def test_an_id_that_is_not_there_gets_one_message_with_the_nearest_ones(tiny_run, capsys, id, parts):
    assert main(["trace", str(tiny_run), id]) == 2
    message = capsys.readouterr().err
    assert [part for part in parts if part.replace("\\\\", "\\") not in message] == []
    assert message.count("error: ") == 1


def test_a_damaged_file_is_not_believed(tiny_run, tmp_path):
    shutil.copytree(tiny_run, tmp_path / "run")
    path = tmp_path / "run/iterations/001/attempts.jsonl"
    path.write_bytes(path.read_bytes().replace(b"add-1-train-000003", b"add-1-train-000004", 1))
    with pytest.raises(UserError, match=r"001/attempts\.jsonl: its SHA-256 is"):
        trace(tmp_path / "run", "base/plain/add-1-train-000001/0")


def test_a_run_at_work_shows_what_is_on_disk(tiny_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    made = rows(run, 2, "attempts")
    shutil.rmtree(run / "iterations/002")
    (run / "iterations/002.partial").mkdir()
    journal = Journal(run / "iterations/002.partial/attempts.jsonl.journal")
    journal.append(made[:10])
    with journal.path.open("ab") as file:
        file.write(b'{"half a')
    chain = trace(run, Attempt.from_dict(made[9]).id)
    assert chain["fate"]["what"] == "pending"
    assert chain["verdict"]["verifier"] == read_json(run / "run.json")["verifier"]
    with pytest.raises(UserError, match="no such attempt"):
        trace(run, Attempt.from_dict(made[10]).id)


def test_what_a_fork_began_with_has_the_settings_of_its_parent(tiny_run, tmp_path):
    changes = ["decoding.max_new_tokens=30", "selection.max_per_problem=1", "name=new"]
    recipe = load_recipe(tiny_run / "recipe.yaml", changes)
    Store.open(tmp_path / "new", recipe, fork(Store.existing(tiny_run), 1, recipe, tmp_path / "new"))
    chain = trace(tmp_path / "new", "base/plain/add-1-train-000001/0")
    assert chain["sampling"]["decoding"]["max_new_tokens"] == 40
    assert chain["recipe_sha256"] == trace(tiny_run, "base/plain/add-1-train-000001/0")["recipe_sha256"]


def test_the_console_shows_the_chain_and_obeys_nothing_in_it(tiny_run, capsys):
    id = next(row["attempt_id"] for row in rows(tiny_run, 2, "train") if row["rationalized"])
    chain = trace(tiny_run, id)
    chain["completion"]["text"] = "a\x1b[2J [bold]b[/bold] :smile:\nc"
    print_trace(chain)
    shown = capsys.readouterr().out
    assert "| a\N{REPLACEMENT CHARACTER}[2J [bold]b[/bold] :smile:\n  | c\n" in shown
    for part in ("in the training data of iteration 2: learned in step", "SHA-256", "showed the answer", "passed"):
        assert part in shown
    assert "does not show it" in shown
    assert main(["trace", str(tiny_run), id, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == trace(tiny_run, id)


def test_a_trace_does_not_wait_for_torch(tiny_run):
    code = (
        "import sys; from star.cli import main\n"
        "main(sys.argv[1:])\n"
        "sys.exit('waited' if {'torch', 'transformers', 'datasets'} & set(sys.modules) else 0)"
    )
    command = [sys.executable, "-c", code, "trace", str(tiny_run), "base/plain/add-1-train-000001/0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@given(st.text(min_size=1), st.integers(0, 99), st.integers(0, 1500), st.sampled_from(["plain", "hinted"]))
def test_every_id_of_an_attempt_is_an_address(problem, sample, model, kind):
    name = f"iteration-{model:03d}" if model else "base"
    assert parse_id(f"{name}/{kind}/{problem}/{sample}") == Address(kind, problem, model, sample)
    assert parse_id(f"real/{problem}") == Address("real", problem)


def test_filters_are_called_as_in_what_was_dropped_and_come_in_that_order(recipe_with):
    every = recipe_with(
        "selection.require_sound_steps=true", "selection.max_near_duplicates=2", "selection.max_per_problem=3",
        "selection.max_rationalized_share=0.5", "selection.balance=group", "selection.distinct=equations", "sweep={}",
        "selection.quality={}",
        "synthesize.kind=self_instruct",
    )  # fmt: skip
    assert [one.reason for one in filters(every)] == ["verdict", *REASONS]
    assert "quality" not in [one.reason for one in filters(every, is_ranked=False)]
    assert "consensus_share" not in [one.reason for one in filters(every, has_voted=False)]
    documents = recipe_with("synthesize={kind: reshape, documents: [a.md]}")
    assert "consensus_share" not in [one.reason for one in filters(documents)]
    assert [one.reason for one in filters(recipe_with(), checks_overlap=False)] == ["verdict", "cut_off", "duplicate"]
