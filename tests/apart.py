"""Functions in processes of their own, which may be killed: `apart`, and `star` with a fault (`scripts/faults.py`).

Processes are forked from one that has loaded all modules and computed nothing, since loading them takes five seconds.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]

_forks = get_context("forkserver")
_forks.set_forkserver_preload(["star.loop", "star.curate", "star.evaluation", "scripts.faults"])


class Ended(NamedTuple):
    """How a process ended: its exit code, or the negative number of the signal that killed it; and what it said."""

    returncode: int
    stdout: str
    stderr: str


def apart(function: Callable[..., int | None], *arguments: Any) -> Ended:
    """Call a function of a module, in the repository and with this process's environment; it returns the exit code."""
    with tempfile.TemporaryDirectory() as outputs:
        said = [Path(outputs) / name for name in ("stdout", "stderr")]
        process = _forks.Process(target=_work, args=(function, arguments, said, dict(os.environ)))
        process.start()
        process.join()
        return Ended(process.exitcode, *(path.read_text() for path in said))


def star(fault: str, folder: Path, *command: str, log: Path | None = None) -> Ended:
    """`star COMMAND`, with a fault below `folder`, as `kill@train.jsonl` or `ENOSPC@17`; none happens with `none@`.

    Args:
        log: where the file operations below `folder` are listed.
    """
    return apart(_with_fault, fault, folder, command, log)


def _with_fault(fault: str, folder: Path, command: tuple[str, ...], log: Path | None) -> int:
    from scripts.faults import Faults
    from star.cli import main

    Faults(fault, folder, log).install()
    return main(list(command))


def _work(
    function: Callable[..., int | None], arguments: tuple[Any, ...], said: list[Path], environment: dict[str, str]
) -> None:
    for descriptor, path in enumerate(said, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    os.environ.update(environment)
    os.chdir(ROOT)
    raise SystemExit(function(*arguments))
