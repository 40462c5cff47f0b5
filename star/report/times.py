"""Where the time of each iteration went, as rows for the page: by activity, and by stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from star.clock import ACTIVITIES, WORK

STAGES = (
    *("written", "votes", "pool", "synthesis"),
    *("attempts", "rationalizations", "history", "dropped", "train", "adapter"),
    *("evaluation-few-shot", "evaluation-zero-shot", "scores", "reference", "audit", "specimens", "metrics"),
)
"""In the order in which they come (`star/session.py`); any others after them."""

Table = tuple[list[str], list[list[str]]]
"""Header and cells."""


def activity_table(rows: Sequence[dict[str, Any]]) -> Table:
    """Seconds of each activity, of all, and the overhead; without iterations from before activities were told apart."""
    timed = [row for row in rows if "spent" in row]
    waits = any("waiting" in row["spent"] for row in timed)  # only where several processes were at work
    shown = [activity for activity in ACTIVITIES if waits or activity != "waiting"]
    header, cells = _table(timed, "spent", shown)
    for line, row in zip(cells, timed, strict=True):
        line += [f"{sum(row['spent'].values()):.1f}", f"{100 * overhead(row['spent']):.1f}"]
    return [*header, "all", "overhead, %"], cells


def stage_names(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The stages that any of the iterations has, in order."""
    found = {stage for row in rows for stage in row["seconds"]}
    return [stage for stage in STAGES if stage in found] + sorted(found.difference(STAGES))


def stage_table(rows: Sequence[dict[str, Any]]) -> Table:
    """Seconds of each stage that any of the iterations has."""
    return _table(rows, "seconds", stage_names(rows))


def overhead(spent: dict[str, float]) -> float:
    """The share, 0 to 1, of the seconds of all activities that was neither sampling nor fine-tuning."""
    total = sum(spent.values())
    return 1 - sum(spent.get(activity, 0.0) for activity in WORK) / total if total else 0.0


def _table(rows: Sequence[dict[str, Any]], kind: str, names: Sequence[str]) -> Table:
    cells = [
        [str(row["iteration"] or "base"), *(f"{row[kind][name]:.1f}" if name in row[kind] else "" for name in names)]
        for row in rows
    ]
    return ["iteration", *names], cells
