"""Runs of several processes, started as users start them."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.conftest import ROOT

ROWS = ("attempts", "rationalizations", "train", "dropped", "history", "evaluation-zero-shot")
"""Artefacts that hold text, in which the number of processes must not show."""


class Launch:
    """A launcher, and the processes of a run that it has started."""

    def __init__(self, command: list[str], log: Path):
        self.log = log
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        with log.open("wb") as file:
            self.launcher = subprocess.Popen(
                [sys.executable, "-m", *command], stdout=file, stderr=subprocess.STDOUT, env=environment, cwd=ROOT
            )

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def process(self, rank: int) -> psutil.Process:
        """The process of that rank."""
        return self.until(lambda: next((p for p in self._children() if _rank(p) == rank), None))

    def until(self, what: Callable, seconds: float = 120):
        """What `what` returns once it is true."""
        end = time.monotonic() + seconds
        while not (found := what()):
            assert time.monotonic() < end, f"nothing after {seconds} s; so far:\n{self.said}"
            assert self.launcher.poll() is None, f"it ended with {self.launcher.returncode}:\n{self.said}"
            time.sleep(0.02)
        return found

    def ends(self, seconds: float = 120) -> int:
        """Wait for the end; returns the exit code."""
        try:
            return self.launcher.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still there after {seconds} s:\n{self.said}") from None

    def end(self) -> None:
        for process in (*self._children(), self.launcher):
            process.kill()

    def _children(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.launcher.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []


def _rank(process: psutil.Process) -> int | None:
    try:
        rank = process.environ().get("RANK")
        return int(rank) if rank and "run_star.py" in " ".join(process.cmdline()) else None
    except psutil.Error:
        return None


@pytest.fixture
def launch(tmp_path):
    """Starts a module of Python (torchrun, accelerate) with its arguments."""
    launches = []

    def start(*command: object) -> Launch:
        launches.append(Launch(list(map(str, command)), tmp_path / f"launch-{len(launches)}.log"))
        return launches[-1]

    yield start
    for one in launches:
        one.end()


TORCHRUN = ("torch.distributed.run", "--standalone", "--nproc_per_node", 2)
ACCELERATE = ("accelerate.commands.launch", "--config_file", "recipes/accelerate/cpu-2.yaml")


@pytest.fixture
def two(launch):
    """Starts `scripts/run_star.py` with these arguments in two processes."""
    return lambda *arguments, by=TORCHRUN: launch(*by, "scripts/run_star.py", *arguments)


@pytest.fixture
def two_machines(launch):
    """The same with a launcher for each of them, as on two machines; returns both."""

    def start(*arguments):
        port = free_port()
        return [
            launch(
                "accelerate.commands.launch", "--config_file", "recipes/accelerate/multi-node.yaml",
                "--num_machines", 2, "--num_processes", 2, "--machine_rank", rank,
                "--main_process_ip", "127.0.0.1", "--main_process_port", port,
                "scripts/run_star.py", *arguments,
            )
            for rank in range(2)
        ]  # fmt: skip

    return start


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
