"""The record of what a process at work does: true, small, whole at any moment, and never in the way."""

import fcntl
import json
import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star import console
from star.errors import UserError
from star.interrupt import Interrupted
from star.recipe import load_recipe
from star.store import Store, progress
from star.store.owner import LOCK, Owner, own, owner, this_process
from star.store.progress import PROGRESS, Recorder, read_progress


@pytest.fixture
def clock(monkeypatch):
    """Seconds that go by when they are added to."""

    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

        def time(self):
            return 1000 + self.now

    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


@pytest.fixture
def store(tiny_recipe, tmp_path):
    with Store.open(tmp_path / "run", load_recipe(tiny_recipe)) as store:
        yield store


def test_stages_and_bars_are_recorded_with_the_seconds_that_they_took(tmp_path, clock):
    recorder = Recorder(tmp_path)
    recorder.stage(2, "attempts")
    clock.now += 5
    recorder.advance(console.Units("iteration 2: attempts", 40, 8, 8, ""))
    clock.now += 3
    recorder.advance(console.Units("iteration 2: attempts", 40, 8, 16, "9/16 correct"))
    found = read_progress(tmp_path)
    assert (found.iteration, found.stage, found.seconds, found.at) == (2, "attempts", 8.0, 1108.0)
    assert (found.label, found.total, found.begun, found.done) == ("iteration 2: attempts", 40, 8, 16)
    assert (found.note, found.counted, found.ended) == ("9/16 correct", 3.0, None)
    assert found.pid == os.getpid()
    recorder.stage(2, "train")
    found = read_progress(tmp_path)
    assert (found.stage, found.seconds, found.label, found.total) == ("train", 0.0, "", 0)


def test_a_bar_that_moves_all_the_time_is_recorded_once_a_second(tmp_path, clock, monkeypatch):
    written = []
    monkeypatch.setattr(progress, "to_line", lambda record: written.append(record["done"]) or json.dumps(record))
    recorder = Recorder(tmp_path)
    for done in range(1000):
        recorder.advance(console.Units("pretraining", 1000, 0, done, ""))
        clock.now += 0.03
    assert written[0] == 0  # what begins is recorded at once
    assert 25 <= len(written) <= 31
    assert read_progress(tmp_path).stage is None


def test_the_bars_of_the_console_are_heard_while_a_run_is_open_and_not_after(store, tmp_path):
    with console.progress("pretraining", 3, 1) as advance:
        assert (read_progress(store.folder).begun, read_progress(store.folder).done) == (1, 1)
        advance(2, "a note")
    store.__exit__(None, None, None)
    assert read_progress(store.folder).ended == "done"
    (store.folder / PROGRESS).unlink()
    with console.progress("another run", 3):
        assert read_progress(store.folder) is None
    store.__enter__()


@pytest.mark.parametrize(
    ("error", "ended", "told"),
    [
        (None, "done", ""),
        (Interrupted(15), "interrupted", "SIGTERM"),
        (UserError("none of 40 attempts can be trained on"), "failed", "none of 40 attempts can be trained on"),
        (OSError(28, "No space left on device"), "failed", "[Errno 28] No space left on device; mend that"),
        (MemoryError(), "failed", "out of memory in the run (MemoryError); free some"),
        (KeyError("a bug"), "failed", "KeyError: 'a bug'"),
        (UserError("x" * 10**6), "failed", "... (1000000 characters)"),
    ],
)
def test_how_a_process_ended_is_told(tmp_path, error, ended, told):
    recorder = Recorder(tmp_path)
    recorder.stage(0, "scores")
    recorder.end(error)
    found = read_progress(tmp_path)
    assert found.ended == ended
    assert found.error.endswith(told)
    assert (tmp_path / PROGRESS).stat().st_size < 4000


def test_no_token_is_in_it(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_AbCdEfGhIjKlMnOp")
    recorder = Recorder(tmp_path)
    recorder.stage(0, "scores")
    recorder.end(UserError("cannot be had with hf_AbCdEfGhIjKlMnOp"))
    assert "hf_AbC" not in (tmp_path / PROGRESS).read_text()


def test_a_process_that_began_nothing_leaves_what_was_told_before(tmp_path):
    Recorder(tmp_path).end(None)
    Recorder(tmp_path).end(UserError("no"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("obstacle", [PROGRESS, f"{PROGRESS}.tmp"])
def test_a_record_that_cannot_be_written_is_no_reason_to_stop(tmp_path, obstacle):
    (tmp_path / obstacle).mkdir()
    (tmp_path / obstacle / "in the way").touch()
    recorder = Recorder(tmp_path)
    recorder.stage(1, "attempts")
    recorder.advance(console.Units("iteration 1: attempts", 4, 0, 0, ""))
    recorder.end(None)


@given(st.integers(0, 10_000), st.binary(max_size=3))
def test_a_record_is_read_whole_or_named_as_damaged(tmp_path_factory, place, other):
    """Cut off, or with other bytes somewhere."""
    folder = tmp_path_factory.mktemp("progress")
    recorder = Recorder(folder)
    recorder.stage(3, "attempts")
    recorder.advance(console.Units("iteration 3: attempts", 40, 8, 8, "9/16 correct"))
    whole = (folder / PROGRESS).read_bytes()
    place %= len(whole) - 1  # what ends the line may go
    (folder / PROGRESS).write_bytes(whole[:place] + other + (whole[place + len(other) :] if other else b""))
    try:
        found = read_progress(folder)
    except UserError as error:
        message = str(error)
    else:
        message = f"{PROGRESS}: damaged: not at all" if other and 0 <= found.seconds < float("inf") else ""
    assert f"{PROGRESS}: damaged: " in message


def test_whoever_looks_at_the_lock_does_not_keep_a_run_from_beginning(tmp_path):
    """A look takes the lock for a moment, here a long one."""
    with (tmp_path / LOCK).open("w") as look:
        fcntl.flock(look, fcntl.LOCK_SH)
        threading.Timer(0.05, fcntl.flock, (look, fcntl.LOCK_UN)).start()
        with own(tmp_path):
            assert owner(tmp_path) == this_process()
    assert owner(tmp_path) is None


@pytest.mark.parametrize("text", ["", "host x, pid 12", "host x, pid 99999999999\n", "\udcff\udcfe"])
def test_an_owner_who_has_not_yet_said_who_it_is_is_there_all_the_same(tmp_path, text):
    with own(tmp_path):
        (tmp_path / LOCK).write_text(text, errors="surrogateescape")
        assert owner(tmp_path) == Owner("unknown", None)
        with pytest.raises(UserError, match=r"a run is at work here \(host unknown, pid unknown\)"):
            own(tmp_path)
