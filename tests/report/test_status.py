"""What a run is doing, from its files: made-up ones where the right answer is known, and those of a run at work."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.torture import differences
from star.cli import main
from star.files import to_line, write_text
from star.recipe import canonical
from star.report.live import duration, render, show_status, watch_status
from star.report.status import read_status
from star.store.owner import own, owner, this_process
from star.store.progress import PROGRESS
from tests.command import contents

STAGES = {"attempts": 100.0, "rationalizations": 50.0, "adapter": 20.0, "evaluation-zero-shot": 10.0}


def row(number, accuracy=0.5, seconds=STAGES, between=20.0, audit=None):
    score = {"correct": 1, "total": 2, "accuracy": accuracy, "low": 0.0, "high": 1.0}
    seconds = seconds if number else {"evaluation-zero-shot": 10.0}
    spent = {"sampling": sum(seconds.values()), "other": between}
    scores = {"zero-shot": {"all": score, "groups": {"all": score}}}
    return {"iteration": number, "accuracy": scores, "seconds": seconds, "spent": spent, "audit": audit or {}}


class Made:
    """A run directory that is made up."""

    def __init__(self, folder):
        self.folder = folder

    def finished(self, *rows):
        write_text(self.folder / "metrics.jsonl", "".join(map(to_line, rows)))
        for one in rows:
            (self.folder / f"iterations/{one['iteration']:03d}").mkdir(parents=True)
        return self

    def at(self, iteration, stage, complete=(), **progress):
        partial = self.folder / f"iterations/{iteration:03d}.partial"
        partial.mkdir(parents=True)
        for name in complete:
            (partial / f"{name}.jsonl").touch()
        timed = {name: STAGES[name] for name in complete}
        (partial / "timings.json").write_text(
            json.dumps({"seconds": timed, "spent": {"sampling": sum(timed.values())}})
        )
        record = {**this_process()._asdict(), "at": time.time(), "iteration": iteration, "stage": stage, "seconds": 0.0}
        (self.folder / PROGRESS).write_text(json.dumps(record | progress))
        return self

    def status(self):
        return read_status(self.folder)


@pytest.fixture
def run(recipe_with, tmp_path):
    """A run directory of four iterations of steps that grow by half, with other recipe keys as asked for."""

    def make(*overrides):
        folder = tmp_path / "runs/tiny"
        folder.mkdir(parents=True)
        recipe = recipe_with("iterations=4", "train.steps={start: 40, growth: 1.5}", *overrides)
        (folder / "recipe.yaml").write_text(canonical(recipe))
        return Made(folder)

    return make


@pytest.fixture
def at_work(run):
    """The same, and this process is at work on it."""
    made = run()
    with own(made.folder):
        yield made


# Time left


def near(seconds):
    return pytest.approx(seconds, abs=0.5)


def test_a_stage_goes_on_at_its_speed_and_others_take_as_long_as_last_time(at_work):
    at_work.finished(row(0), row(1)).at(2, "attempts", total=60, begun=20, done=40, counted=30.0, seconds=32.0)
    status = at_work.status()
    assert (status.state, status.pid, status.iteration, status.iterations) == ("at work", os.getpid(), 2, 4)
    assert (status.now.stage, status.now.done, status.now.total) == ("attempts", 40, 60)
    assert status.now.left == near(30)  # 20 of 20 more
    rest = 50 + 20 * 1.5 + 10
    later = 2 * (100 + 50 + 10) + 20 * 1.5**2 + 20 * 1.5**3  # by steps, as the recipe lets them grow
    assert status.left == pytest.approx(30 + rest + later, abs=2)  # steps are whole
    assert status.now.seconds == near(32)
    assert status.seconds == near((10 + 20) + (180 + 20) + 32)


def test_what_is_complete_is_not_expected_again(at_work):
    at_work.finished(row(0), row(1), row(2), row(3))
    at_work.at(4, "adapter", complete=["attempts", "rationalizations"], total=10, begun=0, done=5, counted=15.0)
    status = at_work.status()
    assert (status.now.left, status.left) == (near(15), near(15 + 10))
    assert status.seconds == near(30 + 3 * 200 + 150)


def test_a_bar_that_has_not_moved_takes_what_the_stage_took_last_time(at_work):
    at_work.finished(row(0), row(1)).at(2, "attempts", total=60, begun=30, done=30)
    assert at_work.status().now.left == near(50)


def test_fine_tuning_that_does_not_count_its_steps_yet_takes_as_long_as_it_will_have_steps(at_work):
    """It loads the model first."""
    at_work.finished(row(0), row(1), row(2), row(3))
    at_work.at(4, "adapter", complete=["attempts", "rationalizations"], seconds=5.0)
    assert (at_work.status().now.left, at_work.status().left) == (near(20 * 1.5 - 5), near(20 * 1.5 - 5 + 10))


def test_the_seconds_since_the_record_was_written_count(at_work):
    at_work.finished(row(0), row(1))
    at_work.at(2, "attempts", total=60, begun=0, done=30, counted=30.0, seconds=32.0, at=time.time() - 10)
    assert (at_work.status().now.left, at_work.status().now.seconds) == (near(20), near(42))


@pytest.mark.parametrize("at", [4e9, 0.0])  # in the year 2096, and in 1970
def test_a_clock_that_was_set_makes_no_time_negative(at_work, at):
    at_work.finished(row(0), row(1)).at(2, "attempts", total=60, begun=0, done=30, counted=30.0, seconds=32.0, at=at)
    assert min(at_work.status().now.left, at_work.status().now.seconds, at_work.status().left) >= 0


def test_in_the_first_iteration_the_run_is_unknown_until_fine_tuning_moves(at_work):
    at_work.finished(row(0)).at(1, "attempts", total=60, begun=0, done=30, counted=50.0)
    assert (at_work.status().now.left, at_work.status().left) == (near(50), None)
    shutil.rmtree(at_work.folder / "iterations/001.partial")
    at_work.at(1, "adapter", complete=["attempts", "rationalizations"], total=40, begun=0, done=20, counted=10.0)
    later = 3 * (100 + 50 + 10) + 20 * (1.5 + 1.5**2 + 1.5**3)
    assert at_work.status().left == pytest.approx(10 + 10 + later, abs=2)


def test_with_epochs_fine_tuning_takes_as_long_as_last_time(run):
    made = run("train={epochs: 2, steps: null}").finished(row(0), row(1), row(2), row(3))
    made.at(4, "rationalizations", complete=["attempts"], ended="interrupted")
    assert made.status().left == near(50 + 20 + 10)


def test_steps_that_grow_without_end_leave_the_run_unknown(run):
    made = run("iterations=4000").finished(row(0), row(1)).at(2, "attempts")
    assert made.status().left is None


# States


def test_a_run_that_was_killed_or_failed_says_where_and_why(run):
    made = run().finished(row(0), row(1))
    assert made.status().state == "interrupted"
    made.at(2, "rationalizations", complete=["attempts"], total=40, begun=0, done=10, counted=3.0, seconds=4.0)
    status = made.status()
    assert (status.state, status.iteration, status.now.stage, status.reason) == (
        "interrupted", 2, "rationalizations", "",
    )  # fmt: skip
    assert (status.host, status.pid) == (None, None)
    assert status.seconds == near(30 + 200 + 100 + 4)
    record = json.loads((made.folder / PROGRESS).read_text())
    (made.folder / PROGRESS).write_text(json.dumps({**record, "ended": "failed", "error": "out of memory"}))
    assert (made.status().state, made.status().reason) == ("failed", "out of memory")


def test_before_its_first_stage_a_process_has_no_stage_whatever_the_one_before_it_did(at_work):
    at_work.finished(row(0), row(1)).at(2, "attempts", pid=1, ended="failed", error="out of memory")
    status = at_work.status()
    assert (status.state, status.iteration, status.now, status.reason) == ("at work", 2, None, "")
    assert status.left is not None


def test_a_starter_is_pretrained_before_there_is_any_iteration(at_work):
    at_work.at(0, None, label="pretraining the starter (once)", total=10, begun=0, done=1, counted=2.0)
    record = json.loads((at_work.folder / PROGRESS).read_text())
    (at_work.folder / PROGRESS).write_text(json.dumps({**record, "iteration": None}))
    assert (at_work.status().now.stage, at_work.status().now.left) == (None, near(18))


def test_a_run_with_all_its_iterations_is_finished_and_one_that_a_rule_ended_is_stopped_early(run):
    made = run("stop.max_forgotten=0.1").finished(*map(row, range(5)))
    assert (made.status().state, made.status().iteration, made.status().left) == ("finished", None, 0.0)
    shutil.rmtree(made.folder / "iterations")
    made.finished(row(0), row(1, audit={"forgotten": 0.25}))
    made.at(1, "metrics", ended="done")
    status = made.status()
    assert (status.state, status.iteration, status.now, status.left) == ("stopped early", None, None, 0.0)
    assert "25.0% of the problems that were solved before are not any more" in status.reason


def test_between_the_last_iteration_and_the_end_there_is_the_report(at_work):
    at_work.finished(*map(row, range(5))).at(4, "metrics")
    assert (at_work.status().state, at_work.status().iteration) == ("at work", None)


def test_a_run_that_has_not_begun_and_a_folder_that_is_none(run, tmp_path, capsys):
    assert run().status().state == "not begun"
    assert main(["status", str(tmp_path)]) == 2
    assert "not a run directory" in capsys.readouterr().err


# What people and scripts see


def lines(capsys):
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_what_people_see(at_work, capsys):
    at_work.finished(row(0, 0.125), row(1)).at(2, "attempts", label="iteration 2: attempts", note="7/40 correct",
                                               total=60, begun=20, done=40, counted=30.0, seconds=32.0)  # fmt: skip
    assert main(["status", str(at_work.folder)]) == 0
    shown = [line.split(maxsplit=1) for line in lines(capsys)]
    assert shown[0][1].startswith("at work on iteration 2 of 4 (host ")
    assert dict(shown[1:]) == {
        "stage": "attempts  40/60  7/40 correct",
        "taken": "32 s in this stage, 4 min in all",
        "left": "30 s in this stage, 9 min in all",
        "held-out": "base 12.5%, 1: 50.0%",
    }


def test_what_scripts_see(run, capsys):
    made = run().finished(row(0, 0.125), row(1)).at(2, "attempts")
    assert main(["status", str(made.folder), "--json"]) == 0
    [line] = lines(capsys)
    status = json.loads(line)
    assert status["accuracy"] == {"0": 0.125, "1": 0.5}
    assert (status["state"], status["now"]["stage"], status["now"]["left"]) == ("interrupted", "attempts", 100.0)


def test_text_from_files_does_nothing_to_a_terminal(at_work, capsys):
    hostile = "[bold]x[/]\x1b[2J\nnext"
    at_work.at(0, hostile, label=hostile, note=hostile, total=1)
    show_status(at_work.folder)
    shown = capsys.readouterr().out
    assert "[bold]x[/]" in shown
    assert "\x1b" not in shown


def test_many_iterations_are_shown_by_their_first_and_last(run, capsys):
    show_status(run("iterations=30").finished(*map(row, range(20))).folder)
    [held_out] = [line for line in lines(capsys) if "held-out" in line]
    numbers = [f"{number}: 50.0%" for number in range(15, 20)]
    assert held_out.split(maxsplit=1)[1] == ", ".join(["base 50.0%", "...", *numbers])


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (89, "89 s"), (5400, "90 min"), (100_000, "27 h 47 min"), (None, "unknown"), (1e400, "unknown")],
)
def test_times_as_people_say_them(seconds, said):
    assert duration(seconds) == said


@pytest.mark.parametrize(("rows", "code"), [(5, 0), (3, 1)])
def test_a_watch_of_a_run_that_has_ended_says_how_and_ends(run, capsys, rows, code):
    made = run().finished(*map(row, range(rows)))
    assert main(["status", str(made.folder), "--watch"]) == code
    assert ("finished" if not code else "interrupted") in lines(capsys)[0]


def test_a_watch_ends_by_ctrl_c_with_its_exit_code_and_nothing_to_resume(at_work):
    at_work.finished(row(0)).at(1, "attempts")
    command = [sys.executable, "-m", "star", "status", str(at_work.folder), "--watch", "--json"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )  # fmt: skip
    assert json.loads(process.stdout.readline())["state"] == "at work"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")


# A run at work


@pytest.fixture(scope="module")
def fragile(tmp_path_factory, recipe_with):
    """A run directory in which everything that is read is there; its files, and what they hold."""
    made = Made(tmp_path_factory.mktemp("fragile"))
    (made.folder / "recipe.yaml").write_text(canonical(recipe_with("iterations=4")))
    (made.folder / "run.json").write_text("{}")
    (made.folder / ".lock").write_text("host x, pid 12\n")
    made.finished(row(0), row(1)).at(2, "rationalizations", ["attempts"], total=60, begun=0, done=30, counted=30.0)
    (made.folder / "iterations/002.partial/rationalizations.jsonl.journal").write_text('{"torn')
    return made, {path: path.read_bytes() for path in made.folder.rglob("*") if path.is_file()}


@settings(max_examples=40)
@given(st.data())
def test_files_that_are_cut_or_gone_are_told_of_and_done_without(fragile, data):
    made, files = fragile
    place = data.draw(st.sampled_from(sorted(files)))
    length = data.draw(st.one_of(st.none(), st.integers(0, len(files[place]))))
    try:
        if length is None:
            place.unlink()
        else:
            place.write_bytes(files[place][:length])
        status = made.status()
        assert all(str(place) in note for note in status.notes)
        if place.suffix in (".json", ".jsonl") and place.name != "run.json":
            ends = [i + 1 for i, byte in enumerate(files[place]) if byte == 0x0A]
            is_whole = length in (None, *ends, *(end - 1 for end in ends), len(files[place]))
            assert is_whole or status.notes or not length
        render(status)
    finally:
        place.write_bytes(files[place])
    assert (made.status().state, made.status().now.left, made.status().notes) == ("interrupted", near(30), [])


def test_a_run_at_work_may_be_watched_all_the_time_and_ends_as_if_nobody_had(tiny_run, tiny_recipe, tmp_path, capsys):
    folder, command = (
        tmp_path / "tiny",
        [sys.executable, "-m", "star", "run", str(tiny_recipe), "--runs", str(tmp_path)],
    )
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    while owner(folder) is None or not (folder / "recipe.yaml").exists():
        assert process.poll() is None
    assert watch_status(folder, as_json=True, every=0.05).state == "finished"
    seen = [json.loads(line) for line in lines(capsys)]
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert differences(tiny_run, folder) == []

    working = [status for status in seen if status["state"] == "at work"]
    assert len(working) == len(seen) - 1
    assert {status["pid"] for status in working} <= {process.pid, None}  # before it says who it is
    assert [status["notes"] for status in seen if status["notes"]] == []
    numbers = [status["iteration"] for status in working if status["iteration"] is not None]  # without: the report
    assert (numbers[0], numbers[-1], numbers) == (0, 2, sorted(numbers))
    stages = {status["now"]["stage"] for status in working if status["now"]}
    assert stages >= {"evaluation-zero-shot", "attempts", "rationalizations", "adapter"}
    assert [status["left"] for status in working if status["iteration"] == 2 and status["left"] is None] == []

    before = contents(folder)
    assert read_status(folder).accuracy.keys() == {0, 1, 2}
    assert contents(folder) == before
