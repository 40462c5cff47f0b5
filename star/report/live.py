"""Status of a run on the terminal, once or until the run ends."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Group
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from star.console import console
from star.report.status import OVER, Now, Status, read_status
from star.report.table import printable

EVERY = 2.0
"""Seconds between two looks."""
BAR = 28
"""Columns of a bar."""
SHOWN = 6
"""Iterations whose accuracy is shown, at most: the base model and the last ones."""


def show_status(folder: Path, as_json: bool = False) -> Status:
    """Print the status of a run, or its fields as a line of JSON."""
    status = read_status(folder)
    if as_json:
        print(json.dumps(dataclasses.asdict(status)), flush=True)
    else:
        console.print(render(status), soft_wrap=False)
    return status


def watch_status(folder: Path, as_json: bool = False, every: float = EVERY) -> Status:
    """Show it again and again while a process is at work on the run; returns what it ended with."""
    if as_json or not console.is_terminal:
        return _until_over(lambda: show_status(folder, as_json), every)
    with Live(console=console, auto_refresh=False) as live:

        def look() -> Status:
            status = read_status(folder)
            live.update(render(status), refresh=True)
            return status

        return _until_over(look, every)


def _until_over(look: Callable[[], Status], every: float) -> Status:
    while (status := look()).state == "at work":
        time.sleep(every)
    return status


def render(status: Status) -> Group:
    """What is known, for people."""
    lines = Table.grid(padding=(0, 2))
    lines.add_column(style="dim", no_wrap=True)
    lines.add_column()
    if now := status.now:
        lines.add_row("stage", _stage(now, status.iteration))
    elif status.state == "at work" and status.iteration is not None:
        lines.add_row("stage", "about to begin")
    if status.seconds:
        lines.add_row("taken", _times(status.seconds, now and now.seconds, now))
    if status.state not in OVER:
        lines.add_row("left", _times(status.left, now and now.left, now))
    if status.accuracy:
        lines.add_row("held-out", Text(_accuracies(status.accuracy)))
    if status.reason:
        lines.add_row("reason", Text("\n".join(map(printable, status.reason.splitlines()))))
    for note in status.notes:
        lines.add_row("note", Text("\n".join(map(printable, note.splitlines()))))
    head = Text(printable(headline(status)), style="bold", no_wrap=True, overflow="ignore")
    return Group(head, Padding(lines, (0, 0, 0, 2), expand=False))


def headline(status: Status) -> str:
    """Which run it is, and what it is at."""
    of = "" if status.iterations is None else f" of {status.iterations}"
    where = {None: "the report", 0: "the base model"}.get(status.iteration, f"iteration {status.iteration}{of}")
    done = len(status.accuracy) - 1
    what = {
        "not begun": "not begun",
        "at work": f"at work on {where} (host {status.host}, pid {status.pid or 'unknown'})",
        "interrupted": f"interrupted at {where}; the same command goes on",
        "failed": f"failed at {where}; mend what is wrong, and the same command goes on",
        "stopped early": f"stopped early, after iteration {done}{of}",
        "finished": f"finished: {done} iterations" if done else "finished: the base model only",
    }
    return f"{status.run}: {what[status.state]}"


def duration(seconds: float | None) -> str:
    """A time as people say it.

    >>> [duration(s) for s in (0.4, 89, 5400, 100_000, None)]
    ['0 s', '89 s', '90 min', '27 h 47 min', 'unknown']
    """
    if seconds is None or not math.isfinite(seconds):
        return "unknown"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60:,} h {minutes % 60} min"


def _stage(now: Now, iteration: int | None) -> Table | Text:
    label = Text(printable(now.label.removeprefix(f"iteration {iteration}: ") or now.stage or ""))
    if now.total is None:
        return label
    cells = [label, Text(f"{now.done}/{now.total}"), Text(printable(now.note))]
    if console.is_terminal:
        cells.insert(1, ProgressBar(total=now.total, completed=min(now.done, now.total), width=BAR))
    row = Table.grid(padding=(0, 2))
    for _ in cells:
        row.add_column(no_wrap=True)
    row.add_row(*cells)
    return row


def _times(run: float | None, stage: float | None, now: Now | None) -> str:
    return f"{duration(stage)} in this stage, {duration(run)} in all" if now else duration(run)


def _accuracies(accuracy: dict[int, float]) -> str:
    numbers = list(accuracy)
    if len(numbers) > SHOWN:
        numbers = [numbers[0], *numbers[-SHOWN + 1 :]]
    shown = [f"{f'{number}:' if number else 'base'} {accuracy[number]:.1%}" for number in numbers]
    if len(accuracy) > SHOWN:
        shown.insert(1, "...")
    return ", ".join(shown)
