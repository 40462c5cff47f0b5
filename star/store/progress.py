"""How far the process at work has come: `progress.json`, for whoever looks at the run from outside (`star status`).

It is no part of what a run leaves behind: written about once a second, without fsync, it is worth nothing after a power
cut, and a disk without room for it is no reason to stop.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from star.console import Units
from star.errors import UserError, cut, reason
from star.files import to_line
from star.machine import machine_error
from star.store.owner import Owner, this_process

PROGRESS = "progress.json"
EVERY = 1.0
"""Seconds between two records of one bar, at least; what begins or ends is recorded at once."""
LONGEST = 2000
"""Characters of an error that are kept."""

Count = Annotated[int, Field(ge=0, le=1 << 53)]
Seconds = Annotated[float, Field(ge=0)]


class Progress(BaseModel):
    """What was being done at a moment, and how it ended if it has."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)

    host: str
    pid: Count
    at: float
    """Seconds since 1970."""
    iteration: Count | None = None
    """With the stage: none before the first one, while a starter is pretrained."""
    stage: str | None = None
    seconds: Seconds
    """That this stage has taken in this process."""
    label: str = ""
    """What the bar says, if there is one, and its numbers."""
    total: Count = 0
    begun: Count = 0
    done: Count = 0
    note: str = ""
    counted: Seconds = 0.0
    """Seconds that `done - begun` units took."""
    ended: Literal["done", "interrupted", "failed"] | None = None
    error: str = ""

    @property
    def owner(self) -> Owner:
        return Owner(self.host, self.pid)


class Recorder:
    """Keeps `progress.json` of a run directory up to date. Writes nothing before there is something to tell."""

    def __init__(self, folder: Path):
        self.path = folder / PROGRESS
        self._facts: dict[str, Any] = {}
        self._since = self._bar_since = self._written = time.monotonic()

    def stage(self, iteration: int, name: str) -> None:
        """A stage begins."""
        self._since = time.monotonic()
        self._facts = {"iteration": iteration, "stage": name}
        self._write()

    def advance(self, units: Units) -> None:
        """A bar begins or moves; see `star.console.listeners`."""
        now = time.monotonic()
        is_new = units.done == units.begun
        if is_new:
            self._bar_since = now
            self._since = self._since if self._facts else now
        self._facts |= {**units._asdict(), "counted": round(now - self._bar_since, 3)}
        if is_new or now - self._written >= EVERY:
            self._write()

    def end(self, error: BaseException | None) -> None:
        """The process ends. If nothing was begun, nothing is told: it changed nothing."""
        if not self._facts:
            return
        if error is None:
            self._facts |= {"ended": "done"}
        elif isinstance(error, KeyboardInterrupt):
            self._facts |= {"ended": "interrupted", "error": str(error)}
        else:
            self._facts |= {"ended": "failed", "error": _told(error)}
        self._write()

    def _write(self) -> None:
        self._written = time.monotonic()
        seconds = round(self._written - self._since, 3)
        record = {**this_process()._asdict(), "at": time.time(), "seconds": seconds, **self._facts}
        partial = self.path.with_name(f"{PROGRESS}.tmp")
        with suppress(OSError):  # of a full disk the run itself will tell, when it needs the room
            partial.write_text(to_line(record), encoding="utf-8")
            partial.replace(self.path)


def read_progress(folder: Path) -> Progress | None:
    """What was last recorded in a run directory; `None` if nothing was.

    Raises:
        UserError: it is damaged.
    """
    path = folder / PROGRESS
    try:
        return Progress.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        raise UserError(f"{path}: damaged: {cut(found['msg'], 200)}; the next `star run` writes it anew") from None


def _told(error: BaseException) -> str:
    """An error as the command line tells it."""
    return cut(str(error), LONGEST) if isinstance(error, UserError) else machine_error(error) or reason(error)
