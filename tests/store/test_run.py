"""The run directory: one owner, one recipe, files that are whole or absent, damage that has a name."""

import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

from star.errors import UserError
from star.files import Rows, write_text
from star.recipe import load_recipe
from star.store import Journal, Store


@dataclass(frozen=True)
class Numbered:
    n: int


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
    rows, expected = Rows(tmp_path / "a.jsonl", Numbered), [Numbered(0), Numbered(1), Numbered(2)]
    assert (list(rows), list(rows), len(rows)) == (expected, expected, 3)
    assert Numbered(2) in rows
    assert Numbered(3) not in rows


@pytest.mark.parametrize("line", [b'{"n":"1"}', b'{"m":1}', b"[1]", b"null"])
def test_a_row_that_is_not_what_was_asked_for_is_damaged(tmp_path, line):
    (path := tmp_path / "a.jsonl").write_bytes(line + b"\n")
    with pytest.raises(UserError, match=r"a\.jsonl:1: damaged line"):
        list(Rows(path, Numbered))


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
    with Store.open(tmp_path / "run", load_recipe(tiny_recipe)):
        pass
    with Store.open(tmp_path / "run", load_recipe(tiny_recipe, ["seed=1"])) as store:
        store.record({})
        next(store.iterations(1)).json("scores", dict)
    with pytest.raises(UserError, match=r"started with another recipe:\n  seed: 1 -> 2\nput it back"):
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


def test_a_line_that_is_nested_without_end_is_damaged(tmp_path):
    path = tmp_path / "attempts.jsonl"
    path.write_bytes(b"[" * 100_000 + b"\n")
    with pytest.raises(UserError, match=r"attempts\.jsonl:1: damaged line"):
        next(iter(Rows(path)))
