"""Who works in a run directory: one process, until it ends. The kernel drops the lock of one that died."""

from __future__ import annotations

import fcntl
import os
import re
import socket
import time
from pathlib import Path
from typing import NamedTuple, TextIO

from star.errors import UserError

LOCK = ".lock"
"""Locked by the owner, and says who that is; it stays when the owner has gone."""
TRIES = 10
"""Whoever looks (`owner`) has the lock too, for less than a millisecond."""
BETWEEN = 0.02
"""Seconds from one try to the next."""


class Owner(NamedTuple):
    """A process. `pid` is `None` where it could not be read."""

    host: str
    pid: int | None

    def __str__(self) -> str:
        return f"host {self.host}, pid {self.pid or 'unknown'}"


def this_process() -> Owner:
    return Owner(socket.gethostname(), os.getpid())


def own(folder: Path) -> TextIO:
    """Own a run directory until this process ends, or the file that is returned is closed.

    Raises:
        UserError: another process does.
    """
    file = (folder / LOCK).open("a+", errors="replace")
    for remaining in reversed(range(TRIES)):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if not remaining:
                owner = _read(file)
                file.close()
                raise UserError(f"{folder}: a run is at work here ({owner}); wait for it or stop it") from None
            time.sleep(BETWEEN)
    file.truncate(0)
    file.write(f"{this_process()}\n")
    file.flush()
    return file


def owner(folder: Path) -> Owner | None:
    """The process that owns a run directory now."""
    try:
        with (folder / LOCK).open(errors="replace") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _read(file)
    except FileNotFoundError:
        pass
    return None


def _read(file: TextIO) -> Owner:
    file.seek(0)
    found = re.fullmatch(r"host (.+), pid (\d{1,10})\n", file.read())
    return Owner(found[1], int(found[2])) if found else Owner("unknown", None)
