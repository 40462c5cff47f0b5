"""What a stored adapter writes again is what it wrote, and a difference is shown."""

import json
import shutil
from itertools import groupby

import pytest

from star.cli import main
from star.errors import UserError
from star.files import file_sha256, read_rows
from star.records import Attempt
from star.replay import replay


def attempts(run, number, name="attempts"):
    return [Attempt.from_dict(row) for row in read_rows(run / f"iterations/{number:03d}/{name}.jsonl")]


def tampered(run, folder, change):
    """A copy of a run whose second iteration says other things, with hashes that fit."""
    shutil.copytree(run, folder)
    iteration = folder / "iterations/002"
    manifest = json.loads((iteration / "MANIFEST.json").read_text())
    change(iteration, manifest["run"])
    for name, entry in manifest["files"].items():
        path = iteration / name
        entry |= {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
    (iteration / "MANIFEST.json").write_text(json.dumps(manifest))
    return folder


def test_greedy_text_is_written_again_though_it_is_sampled_alone(tiny_run):
    for attempt in [*attempts(tiny_run, 1)[::30], *attempts(tiny_run, 2, "rationalizations")[::20]]:
        again = replay(tiny_run, attempt.id)
        assert again.now == attempt.completion
        assert again.differences == again.changes == again.notes == []


def test_every_sample_of_a_problem_is_written_again(varied_run):
    made = [list(tries) for _, tries in groupby(attempts(varied_run, 1), key=lambda attempt: attempt.problem.id)]
    tries = next(tries for tries in made if len({attempt.completion.text for attempt in tries}) == 3)
    assert [replay(varied_run, attempt.id).now for attempt in tries] == [attempt.completion for attempt in tries]


def test_a_difference_is_shown_where_it_begins_and_is_exit_code_1(tiny_run, tmp_path, capsys):
    def change(iteration, facts):
        path = iteration / "attempts.jsonl"
        first, *rest = path.read_text().splitlines(keepends=True)
        row = json.loads(first)
        row["completion"]["text"] = row["completion"]["text"][:4] + "\x1b[2J[bold]"
        path.write_text(json.dumps(row) + "\n" + "".join(rest))
        facts["versions"]["torch"] = "1.0"

    run = tampered(tiny_run, tmp_path / "run", change)
    id = attempts(run, 2)[0].id
    assert main(["replay", str(run), id]) == 1
    shown = capsys.readouterr().out
    assert "DIFFERENT in text\nthe texts part after 4 characters" in shown
    assert "not as it was: torch: 1.0 then, " in shown
    assert "\x1b" not in shown
    assert "[2J[bold]" in shown
    assert main(["replay", str(tiny_run), id]) == 0
    assert "the same: " in capsys.readouterr().out


def test_it_says_when_the_same_text_cannot_be_promised(tiny_run, tmp_path):
    run = tampered(tiny_run, tmp_path / "run", lambda _, facts: facts.update(dtype="bfloat16"))
    again = replay(run, attempts(run, 2)[0].id)
    assert "rounds differently in another batch" in again.notes[0]


def test_a_run_sampled_with_generate_is_replayed_with_it(tiny_recipe, tmp_path):
    overrides = ["sampler.kind=generate", "iterations=1", "task.train={1: 20}", "task.held_out={1: 5}"]
    assert main(["run", str(tiny_recipe), "--runs", str(tmp_path), *overrides]) == 0
    again = replay(tmp_path / "tiny", "base/plain/add-1-train-000003/0")
    assert again.differences == []
    assert "what was beside it" in again.notes[0]


def test_an_adapter_that_was_not_kept_is_an_error(varied_run, capsys):
    number = next(
        number
        for number in (1, 2)
        if not (varied_run / f"iterations/{number:03d}/adapter/adapter_model.safetensors").exists()
    )
    assert main(["replay", str(varied_run), attempts(varied_run, number + 1)[0].id]) == 2
    assert "its adapter was not kept (recipe key `keep`)" in capsys.readouterr().err


def test_another_base_model_is_an_error(tiny_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    hash = json.loads((run / "run.json").read_text())["base_model_sha256"]
    for path in (run / "run.json", *run.glob("iterations/*/MANIFEST.json")):  # as if another one had been there then
        path.write_text(path.read_text().replace(hash, "another"))
    with pytest.raises(UserError, match="belong to a base model with hash another, but"):
        replay(run, attempts(run, 2)[0].id)
