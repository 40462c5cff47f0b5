"""`star` in a process that dies, or whose disk fails, at a chosen file operation below a folder.

    python scripts/faults.py kill@17 FOLDER run RECIPE --runs FOLDER
        SIGKILL just before operation 17
    python scripts/faults.py torn@17 FOLDER run RECIPE --runs FOLDER
        as if the power went: a file that is being put on disk loses its end
    python scripts/faults.py ENOSPC@train.jsonl FOLDER run RECIPE --runs FOLDER
        operations fail with this error, from the first one on a path that contains `train.jsonl`

Operations are seen by an audit hook (https://docs.python.org/3/library/audit_events.html) and a wrapper of `os.fsync`;
the product knows nothing of this. With the environment variable FAULTS_LOG, they are listed in that file.
"""

from __future__ import annotations

import errno
import os
import random
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGING = {"os.rename": 1, "os.mkdir": 2, "os.remove": 1, "os.rmdir": 1, "os.truncate": None}
"""Audit events that change a file system, and where among their arguments the folder is that the path starts from."""

BY_THE_CLOCK = "progress.json"
"""Not counted: it is written as time goes by, and operations would have other numbers in every run."""


class Faults:
    """Counts the file operations below `folder`, and lets `fault` happen: `KIND@NUMBER` or `KIND@PART-OF-PATH`."""

    def __init__(self, fault: str, folder: Path, log: Path | None = None):
        self.kind, _, self.where = fault.partition("@")
        self.folder = str(folder.resolve())
        self.log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND) if log else None
        self.count, self.has_begun, self.synced = 0, False, {}
        self._fsync = os.fsync

    def install(self) -> None:
        """See every operation of this process from now on."""
        sys.addaudithook(self._hook)
        os.fsync = self._sync

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, str) and isinstance(flags, int) and flags & WRITING:
                self._operation("open", path)
        elif event in CHANGING:
            path, place = os.fsdecode(arguments[0]) if not isinstance(arguments[0], int) else "", CHANGING[event]
            start = arguments[place + (event == "os.rename")] if place is not None else -1
            self._operation(event, os.path.join(_path_of(start), path) if start not in (-1, None) else path)

    def _sync(self, descriptor: int) -> None:
        path = _path_of(descriptor)
        self._operation("fsync" if os.path.isfile(path) else "fsync-folder", path, descriptor)
        self._fsync(descriptor)
        if os.path.isfile(path):
            self.synced[path] = os.path.getsize(path)

    def _operation(self, what: str, path: str, descriptor: int | None = None) -> None:
        path = os.path.abspath(path)
        if not path.startswith(self.folder):
            return
        name = os.path.relpath(path, self.folder)
        if BY_THE_CLOCK in name and not self.has_begun:
            return
        self.count += 1
        if self.log is not None:
            os.write(self.log, f"{self.count} {what} {name}\n".encode())
        if str(self.count) == self.where or (not self.where.isdigit() and self.where and self.where in name):
            self.has_begun = True
        if self.has_begun:
            self._happen(path, descriptor)

    def _happen(self, path: str, descriptor: int | None) -> None:
        if self.kind == "torn" and descriptor is not None and os.path.isfile(path):
            kept = random.Random(self.count).randint(self.synced.get(path, 0), os.path.getsize(path))
            os.ftruncate(descriptor, kept)
        if self.kind in ("kill", "torn"):
            os.kill(os.getpid(), signal.SIGKILL)
        number = getattr(errno, self.kind)
        raise OSError(number, os.strerror(number), path)


def _path_of(descriptor: int) -> str:
    return os.readlink(f"/proc/self/fd/{descriptor}")


def main(arguments: Sequence[str]) -> int:
    """Run `star` with a fault; returns its exit code."""
    sys.path.insert(0, str(ROOT))
    from star.cli import main as star

    fault, folder, *command = arguments
    log = os.environ.get("FAULTS_LOG")
    Faults(fault, Path(folder), Path(log) if log else None).install()
    return star(command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
