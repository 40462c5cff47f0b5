"""`star` in a process of its own that dies, or whose disk fails, at a chosen file operation: see `scripts/faults.py`.

Processes are forked from one that has loaded all modules and computed nothing, since loading them takes five seconds.
"""

from __future__ import annotations

import os
import tempfile
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]

_forks = get_context("forkserver")
_forks.set_forkserver_preload(["star.loop", "star.curate", "star.evaluation", "scripts.faults"])


class Ended(NamedTuple):
    """How the process ended: its exit code, or the negative number of the signal that killed it; and what it said."""

    returncode: int
    stdout: str
    stderr: str


def star(fault: str, folder: Path, *command: str, log: Path | None = None) -> Ended:
    """`star COMMAND`, with a fault below `folder`, as `kill@train.jsonl` or `ENOSPC@17`; none happens with `none@`.

    Args:
        log: where the file operations below `folder` are listed.
    """
    with tempfile.TemporaryDirectory() as outputs:
        said = [Path(outputs) / name for name in ("stdout", "stderr")]
        process = _forks.Process(target=_work, args=(fault, folder, command, log, said, dict(os.environ)))
        process.start()
        process.join()
        return Ended(process.exitcode, *(path.read_text() if path.exists() else "" for path in said))


def _work(
    fault: str, folder: Path, command: tuple[str, ...], log: Path | None, said: list[Path], environment: dict[str, str]
) -> None:
    from scripts.faults import Faults
    from star.cli import main

    os.environ.update(environment)
    for descriptor, path in enumerate(said, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    os.chdir(ROOT)
    Faults(fault, folder, log).install()
    raise SystemExit(main(list(command)))
