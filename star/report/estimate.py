"""How long a stage and a run may still take, from how long they took so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from star.recipe import Recipe

FINE_TUNING = "adapter"
"""The stage that takes as long as it has steps."""


@dataclass(frozen=True)
class Bar:
    """A stage that is counted: `done - begun` of its `total` units took `counted` seconds; then `since` went by."""

    total: int
    begun: int
    done: int
    counted: float
    since: float

    @property
    def seconds(self) -> float | None:
        """That all units take at this speed; `None` if it has not moved."""
        return self.counted * self.total / (self.done - self.begun) if self.done > self.begun else None


@dataclass(frozen=True)
class Work:
    """The iteration at work.

    Attributes:
        complete: seconds of its stages that are done.
        stage, elapsed, bar: the one at work, if there is one; its seconds so far; how far it is, if it is counted.
    """

    number: int
    complete: Mapping[str, float] = field(default_factory=dict)
    stage: str | None = None
    elapsed: float = 0.0
    bar: Bar | None = None

    def left(self, usual: float | None) -> float | None:
        """Seconds that the stage may take from now on: at its own speed, or as long as is `usual`."""
        bar = self.bar
        whole = usual if bar is None or bar.seconds is None else bar.seconds
        if whole is None:
            return None
        left = whole - self.elapsed if bar is None else whole * (bar.total - bar.done) / bar.total - bar.since
        return max(0.0, left)


def seconds_left(work: Work, rows: Sequence[dict[str, Any]], recipe: Recipe) -> tuple[float | None, float | None]:
    """Of the stage and of the run, from now on; `None` where nobody can know.

    A stage goes on at its own speed. Others take as long as they did last time, and fine-tuning as long as it has
    steps. Before an iteration has been fine-tuned there is no last time: then the run is known once fine-tuning moves.

    Args:
        rows: metrics of the finished iterations.
    """
    trained = [row for row in rows if row["iteration"] > 0]
    if trained:
        last, usual = trained[-1]["iteration"], trained[-1]["seconds"]
    else:
        last, usual = max(work.number, 1), {name: s for row in rows for name, s in row["seconds"].items()}
        usual |= work.complete
        if work.bar and work.bar.seconds is not None:
            usual[work.stage] = work.bar.seconds
    left = None
    try:
        now = _expected(usual, recipe, work.number, last)
        left = work.left(now.get(work.stage))
        if work.number == 0 or FINE_TUNING not in usual or (work.bar and left is None):
            return left, None
        rest = sum(s for name, s in now.items() if name not in work.complete and name != work.stage)
        numbers = range(work.number + 1, recipe.iterations + 1)
        later = sum(sum(_expected(usual, recipe, number, last).values()) for number in numbers)
    except OverflowError:  # of steps that grow without end
        return left, None
    return left, (left or 0.0) + rest + later


def _expected(usual: Mapping[str, float], recipe: Recipe, number: int, last: int) -> dict[str, float]:
    """Seconds of each stage of an iteration, if `usual` are those of iteration `last`."""
    if FINE_TUNING not in usual or number == 0:
        return {**usual}
    steps, before = (recipe.train.steps_in(which, 1) for which in (number, last))  # epochs: as many as last time
    return {**usual, FINE_TUNING: usual[FINE_TUNING] * steps / before}
