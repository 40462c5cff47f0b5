"""Where the time goes: one activity at a time, whoever is at work.

    with spent("sampling"):
        completions = sampler.sample(...)  # loads weights first: `with spent("loading")` in there stops "sampling"

An activity inside another interrupts it, so that the seconds of all activities add up to those on the wall. What nobody
names is `OTHER`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

OTHER = "other"
WORK = ("sampling", "fine-tuning")
"""What a run is there for; all else is overhead."""
ACTIVITIES = (*WORK, "waiting", "loading", "verifying", "auditing", "writing", OTHER)
"""All that are told apart, in the order of tables; `waiting` is for other processes of the run."""


class Clock:
    """Counts the seconds of each activity. `now` tells the time, in seconds from whenever."""

    def __init__(self, now: Callable[[], float] = time.monotonic):
        self._now, self._seconds = now, Counter()
        self._running, self._since = OTHER, now()

    @contextmanager
    def spent(self, activity: str) -> Iterator[None]:
        """Within, or in the function that this decorates, seconds count for `activity`.

        An error that leaves it says so: its attribute `activity` is the innermost one.
        """
        interrupted = self._switch(activity)
        try:
            yield
        except Exception as error:
            error.activity = getattr(error, "activity", activity)
            raise
        finally:
            self._switch(interrupted)

    def take(self) -> Counter[str]:
        """The seconds of each activity since this was last called, the running one included."""
        self._switch(self._running)
        taken, self._seconds = self._seconds, Counter()
        return taken

    def _switch(self, activity: str) -> str:
        """Go on with `activity`; returns what ran until now."""
        now, before = self._now(), self._running
        self._seconds[before] += now - self._since
        self._running, self._since = activity, now
        return before


clock = Clock()
"""The clock of this process."""
spent = clock.spent
