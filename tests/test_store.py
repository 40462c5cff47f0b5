"""The run directory: whole or absent, one owner, torn tails cut, damage named."""

import json
import os
import subprocess
import sys

import pytest

from star.errors import UserError
from star.files import Journal, Rows, write_json, write_text
from star.recipe import load_recipe
from star.store import Iteration, Store


def test_a_torn_last_line_is_cut_and_the_rest_is_kept(tmp_path):
    path = tmp_path / "a.journal"
    path.write_bytes(b'{"n": 1}\n{"n": 2}\n{"n": 3')
    journal = Journal(path)
    journal.append([{"n": 3}])
    assert list(journal.rows()) == [{"n": 1}, {"n": 2}, {"n": 3}]


@pytest.mark.parametrize(("count", "kept"), [(0, 0), (3, 0), (4, 4), (7, 4), (8, 8)])
def test_the_rows_of_an_unfinished_wave_are_dropped(tmp_path, count, kept):
    journal = Journal(tmp_path / "a.journal")
    journal.append([{"n": n, "text": "ü\u2028x"} for n in range(count)])
    assert journal.keep_multiple_of(4) == kept
    assert [row["n"] for row in journal.rows()] == list(range(kept))


@pytest.mark.parametrize("line", [b'{"n": ', b'{"n": "\xff"}'])
def test_a_damaged_line_in_the_middle_names_file_and_line_when_it_is_reached(tmp_path, line):
    path = tmp_path / "attempts.jsonl"
    path.write_bytes(b'{"n": 1}\n' + line + b'\n{"n": 3}\n')
    rows = iter(Rows(path))
    assert next(rows) == {"n": 1}
    with pytest.raises(UserError, match=r"attempts\.jsonl:2: damaged line"):
        next(rows)


def test_rows_are_gone_through_as_often_as_one_likes_and_made_into_what_is_asked_for(tmp_path):
    Journal(tmp_path / "a.jsonl").append({"n": n} for n in range(3))
    rows = Rows(tmp_path / "a.jsonl", lambda row: row["n"])
    assert (list(rows), list(rows), len(rows)) == ([0, 1, 2], [0, 1, 2], 3)
    assert 2 in rows
    assert 3 not in rows


def test_rows_are_made_one_at_a_time(tmp_path):
    made = []
    Journal(tmp_path / "a.jsonl").append({"n": n} for n in range(3))
    next(iter(Rows(tmp_path / "a.jsonl", made.append)))
    assert made == [{"n": 0}]


def test_a_stage_that_is_complete_is_read_not_run(tmp_path):
    iteration = Iteration(tmp_path, 1)
    assert list(iteration.rows("a", lambda journal: journal.append([{"x": 1}]), dict)) == [{"x": 1}]
    assert iteration.json("b", lambda: {"y": 2}) == {"y": 2}
    iteration.directory("c", lambda folder: (folder / "file").write_text("z"))
    again = Iteration(tmp_path, 1)

    def never(*_):
        raise AssertionError("ran again")

    assert list(again.rows("a", never, dict)) == [{"x": 1}]
    assert again.json("b", never) == {"y": 2}
    assert (again.directory("c", never) / "file").read_text() == "z"


def test_the_seconds_of_an_interrupted_stage_are_kept_and_added_to(tmp_path):
    iteration = Iteration(tmp_path, 1)
    write_json(iteration.folder / "timings.json", {"seconds": {"a": 5.0}, "spent": {"sampling": 4.0}})
    with pytest.raises(KeyboardInterrupt):
        Iteration(tmp_path, 1).json("a", lambda: throw(KeyboardInterrupt))
    kept = json.loads((iteration.folder / "timings.json").read_text())
    assert kept["seconds"].keys() == {"a"}
    assert kept["seconds"]["a"] >= 5
    assert kept["spent"]["sampling"] == 4
    assert kept["spent"]["other"] >= 0


def throw(error):
    raise error


def test_a_stage_that_failed_leaves_no_artefact_and_starts_anew(tmp_path):
    iteration = Iteration(tmp_path, 1)

    def half(folder):
        (folder / "half").write_text("x")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        iteration.directory("adapter", half)
    assert not (iteration.folder / "adapter").exists()
    again = Iteration(tmp_path, 1)
    path = again.directory("adapter", lambda folder: (folder / "whole").write_text("y"))
    assert [p.name for p in path.iterdir()] == ["whole"]


def test_a_finished_iteration_has_its_final_name_only_with_its_manifest(tmp_path):
    iteration = Iteration(tmp_path, 3)
    iteration.json("scores", dict)
    assert not (tmp_path / "003").exists()
    iteration.finish()
    assert not (tmp_path / "003.partial").exists()
    assert set(json.loads((tmp_path / "003/MANIFEST.json").read_text())["files"]) == {"scores.json", "timings.json"}


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_text(path, "old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_text(path, "new")
    assert path.read_text() == "old"


def test_a_run_that_is_at_work_is_refused_and_a_dead_owner_is_not_in_the_way(tiny_recipe, tmp_path):
    code = (
        "import time; from pathlib import Path; from star.recipe import load_recipe; from star.store import Store\n"
        f"store = Store.open(Path({str(tmp_path / 'run')!r}), load_recipe({str(tiny_recipe)!r}))\n"
        "print('open', flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert owner.stdout.readline() == "open\n"
        with pytest.raises(UserError, match=rf"a run is at work here \(host .+, pid {owner.pid}\)"):
            Store.open(tmp_path / "run", load_recipe(tiny_recipe))
    finally:
        owner.kill()
        owner.communicate()
    with Store.open(tmp_path / "run", load_recipe(tiny_recipe)) as store:
        assert store.recipe == load_recipe(tiny_recipe)


def test_a_recipe_may_change_until_there_is_work_that_it_decided(tiny_recipe, tmp_path):
    Store.open(tmp_path / "run", load_recipe(tiny_recipe)).__exit__()
    with Store.open(tmp_path / "run", load_recipe(tiny_recipe, ["seed=1"])) as store:
        next(store.iterations(1)).json("scores", dict)
    with pytest.raises(UserError, match=r"started with another recipe:\n  seed: 1 -> 2\n"):
        Store.open(tmp_path / "run", load_recipe(tiny_recipe, ["seed=2"]))


def test_a_folder_that_is_no_run_is_an_error(tmp_path):
    with pytest.raises(UserError, match=r"not a run directory \(it has no recipe\.yaml\)"):
        Store.existing(tmp_path)


def test_what_a_run_that_goes_on_must_keep_is_read_back_once_there_is_work(tiny_recipe, tmp_path):
    with Store.open(tmp_path / "run", load_recipe(tiny_recipe)) as store:
        store.record({"max_tokens_in_flight": 4096})
        assert store.recorded("max_tokens_in_flight") is None
        next(store.iterations(1)).json("scores", dict)
        assert store.recorded("max_tokens_in_flight") == 4096
        assert store.recorded("no such fact") is None
