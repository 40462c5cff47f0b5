"""The page of a run at work: written again now and then, so that it never takes more than a tenth of the run's time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from star.report.page import write_report

FIRST = 10.0
"""Seconds that a run works before it has a page; one that takes less has its page at its end."""
SHARE = 10
"""Times as long as writing the page took, until it is written again."""


class WorkingPage:
    """The page of the run in `folder`, without PNGs. `now` tells the time, in seconds from whenever."""

    def __init__(self, folder: Path, now: Callable[[], float] = time.monotonic):
        self._folder, self._now, self._due = folder, now, now() + FIRST

    def refresh(self) -> None:
        """Write it, if it is time for that."""
        if (began := self._now()) >= self._due:
            write_report(self._folder, pictures=False)
            ended = self._now()
            self._due = ended + SHARE * (ended - began)
