"""Two real processes, started by real launchers: the same text as one, and no loss when one of them dies."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from safetensors.torch import load_file

from star.cli import main
from star.custom import NOTHING
from star.errors import UserError
from star.files import file_sha256, read_json
from star.follower import Follower
from star.processes.launch import allowed_cores
from star.store import Store
from tests.conftest import ROOT
from tests.processes.conftest import ACCELERATE, ROWS, Launch, free_port


@pytest.fixture
def talk(tmp_path):
    """Two processes of `tests/processes/talk.py`."""
    started = []

    def start(how):
        port = free_port()
        for rank in range(2):
            place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
            environment = {**os.environ, **{name: str(value) for name, value in place.items()}}
            log = tmp_path / f"{how}-{rank}.log"
            with log.open("wb") as file:
                command = [sys.executable, "-u", "-m", "tests.processes.talk", how]
                process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=environment, cwd=ROOT)
            process.log = log
            started.append(process)
        return started

    yield start
    for process in started:
        process.kill()


def said(process: subprocess.Popen) -> str:
    return process.log.read_text()


def texts(run: Path, iterations: str = "*") -> dict[str, bytes]:
    """The artefacts that hold text, without what differs in the last digits with the number of processes."""
    return {
        str(path.relative_to(run)): path.read_bytes()
        for name in ROWS
        for path in sorted(run.glob(f"iterations/{iterations}/{name}.jsonl"))
    }


ONE = ("iterations=1", "sampler.wave=8")
"""Of the tiny recipe, in more waves."""


def test_two_processes_write_what_one_does(two, tiny_recipe, tiny_run, tmp_path):
    work = two(tiny_recipe, "--runs", tmp_path, by=ACCELERATE)
    assert work.ends() == 0, work.said
    run = tmp_path / "tiny"
    assert texts(run) == texts(tiny_run)
    assert '"world_size": 2' in (run / "run.json").read_text()
    for number in ("001", "002"):
        ours, theirs = (
            load_file(folder / f"iterations/{number}/adapter/adapter_model.safetensors") for folder in (run, tiny_run)
        )
        assert ours.keys() == theirs.keys()
        assert all((ours[name] - theirs[name]).abs().max() < 1e-4 for name in ours)


def test_a_process_killed_in_fine_tuning_ends_the_run_and_the_run_goes_on(two, tiny_recipe, tiny_run, tmp_path):
    work = two(tiny_recipe, "--runs", tmp_path, *ONE)
    victim = work.process(1)
    work.until((tmp_path / "tiny/iterations/001.partial/adapter.tmp").exists)
    victim.kill()
    assert_ended_for_want_of(victim, work)
    again = two(tiny_recipe, "--runs", tmp_path, *ONE)
    assert again.ends() == 0, again.said
    assert texts(tmp_path / "tiny") == texts(tiny_run, "00[01]")


def test_a_process_killed_on_another_machine_ends_the_run_and_one_machine_goes_on(
    two_machines, tiny_recipe, tiny_run, tmp_path
):
    first, second = two_machines(tiny_recipe, "--runs", tmp_path, *ONE)
    victim = second.process(1)
    first.until((tmp_path / "tiny/iterations/001.partial/attempts.jsonl.journal").exists)
    victim.kill()
    assert_ended_for_want_of(victim, first)
    assert main(["run", str(tiny_recipe), "--runs", str(tmp_path), *ONE]) == 0
    assert texts(tmp_path / "tiny") == texts(tiny_run, "00[01]")


def assert_ended_for_want_of(victim: psutil.Process, launch: Launch) -> None:
    assert launch.ends(60) != 0
    assert re.search(rf"error: process 1 of 2 \(\S+, process id {victim.pid}\): it ended without a word", launch.said)
    assert f"{ROOT}/star/" not in launch.said  # no traceback of ours


def test_when_the_first_process_is_killed_the_others_end_too(two, tiny_recipe, tmp_path):
    work = two(tiny_recipe, "--runs", tmp_path, *ONE)
    other = work.process(1)
    work.until((tmp_path / "tiny" / "iterations" / "001.partial").exists)
    work.process(0).kill()
    other.wait(20)
    assert work.ends() != 0


def test_who_is_free_takes_the_next_piece_and_results_keep_their_order(talk):
    leader, _ = talk("share")  # the leader takes half a second for what the other one does at once
    assert leader.wait(60) == 0, said(leader)
    assert "doubled True" in said(leader)
    assert int(re.search(r"here (\d+)", said(leader))[1]) < 5
    assert "everywhere" in said(leader)


@pytest.mark.skipif(len(allowed_cores()) < 2, reason="needs two cores")
def test_processes_of_one_machine_share_its_cores(talk):
    leader, _ = talk("share")
    assert leader.wait(60) == 0
    assert f"cores {len(allowed_cores()) // 2}" in said(leader)


def test_what_fails_in_another_process_is_told_by_the_first(talk):
    leader, other = talk("fail")
    assert leader.wait(60) == 2
    assert re.search(rf"process 1 of 2 \(.*process id {other.pid}\): no room for \d+ on this machine", said(leader))
    other.wait(20)


def test_a_process_that_dies_while_all_wait_for_it_ends_the_wait(talk):
    leader, other = talk("hang")
    while "everywhere" not in leader.log.read_text():
        assert leader.poll() is None
        time.sleep(0.05)
    other.kill()
    assert leader.wait(30) == 2
    assert f"process id {other.pid}): it ended without a word" in said(leader)


def test_a_failure_elsewhere_ends_a_process_that_waits_in_a_collective(talk):
    leader, other = talk("collective")
    assert leader.wait(60) == 2
    assert f"process id {other.pid}): ValueError: a bug" in said(leader)
    assert other.wait(20) == 1
    assert "Traceback" in said(other)  # of the bug, where it happened


def test_a_dry_run_is_the_first_process_alone(two, tiny_recipe, tmp_path):
    work = two(tiny_recipe, "--runs", tmp_path, "--dry-run")
    assert work.ends(60) == 0
    assert work.said.count("nothing was run") == 1


def test_an_error_in_the_recipe_is_told_once(two, tiny_recipe, tmp_path):
    work = two(tiny_recipe, "--runs", tmp_path, "task.kind=nope")
    assert work.ends(60) != 0
    assert work.said.count("tiny.yaml: 1 problem") == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"run": "0" * 64}, "is not there, or another one; give --runs a folder"),
        ({"recipe": "0" * 64}, "started with another recipe than the first one"),
        ({"model": "0" * 64}, "is not that of the first one; share the model's folder"),
    ],
)
def test_a_process_that_sees_something_else_says_so(tiny_run, wrong, message):
    recipe, facts = Store.existing(tiny_run).recipe, read_json(tiny_run / "run.json")
    seen = {
        "run": file_sha256(tiny_run / "run.json"), "recipe": facts["recipe_sha256"], "model": facts["base_model_sha256"]
    }  # fmt: skip
    follower = Follower(recipe, NOTHING)
    follower.open(str(tiny_run), 1024, **seen)
    with pytest.raises(UserError, match=message):
        follower.open(str(tiny_run), 1024, **{**seen, **wrong})
