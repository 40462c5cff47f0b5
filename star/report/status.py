"""What a run is doing, how far it is and how long it may take, from the files of its directory, which is left as it is.

A run may be at work meanwhile: a file that goes away between two looks is no error, and one that is damaged is told of
and done without. Seconds of work that a kill undid are not counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from star.errors import UserError, cut
from star.recipe import Recipe
from star.report.estimate import Bar, Work, seconds_left
from star.report.table import load_metrics, main_mode
from star.stop import stop_reason
from star.store import Store
from star.store.iteration import TIMINGS, UNFINISHED, read_times
from star.store.owner import Owner, owner
from star.store.progress import Progress, read_progress
from star.store.retention import best

State = Literal["not begun", "at work", "interrupted", "failed", "stopped early", "finished"]
OVER = ("stopped early", "finished")
"""States of a run that has all that it will have."""
Result = TypeVar("Result")


@dataclass(frozen=True)
class Now:
    """What is being done, or was when the last process ended.

    Attributes:
        stage: of the iteration; `None` while a starter is pretrained.
        label, done, total, note: what the bar says, if there is one.
        seconds, left: that it has taken in this process, and may take yet; `None` where nobody can know.
    """

    stage: str | None
    label: str
    done: int | None
    total: int | None
    note: str
    seconds: float
    left: float | None


@dataclass(frozen=True)
class Status:
    """All that is known of a run.

    Attributes:
        host, pid: the process at work.
        iteration: the one at work, or the next one; `None` if all are finished.
        iterations: how many the recipe asks for; 0, the base model, is not counted.
        seconds, left: that the run has taken, and may take yet; `None` where nobody can know.
        accuracy: on held-out problems, 0 to 1, by finished iteration.
        reason: why it ended, if that is known.
        notes: what could not be read.
    """

    run: str
    state: State
    host: str | None
    pid: int | None
    iteration: int | None
    iterations: int | None
    now: Now | None
    seconds: float
    left: float | None
    accuracy: dict[int, float]
    reason: str
    notes: list[str]


def read_status(folder: Path) -> Status:
    """See above.

    Raises:
        UserError: `folder` is no run directory.
    """
    store, notes = Store.existing(folder), []
    at_work = owner(folder)
    progress = _read(lambda: read_progress(folder), None, notes)
    rows = _read(lambda: load_metrics(folder), [], notes)
    recipe = _read(lambda: store.recipe, None, notes)
    state, reason = _state(at_work, progress, rows, recipe)
    if progress and (at_work not in (None, progress.owner) or (progress.iteration or 0) < len(rows)):
        progress = None  # of a process before this one, or of an iteration before this one: nothing has begun yet
    number = (progress and progress.iteration) or len(rows)
    partial = store.iterations_folder / f"{number:03d}.partial"
    stages = _read(lambda: {path.stem for path in partial.iterdir() if path.suffix not in UNFINISHED}, set(), notes)
    seconds, spent, _ = _read(lambda: read_times(partial / TIMINGS), ({}, {}, None), notes)
    if progress and progress.stage in stages:
        progress = None  # that is done, and what comes next has not begun
    since = max(0.0, time.time() - progress.at) if progress and at_work else 0.0
    complete = {name: s for name, s in seconds.items() if name in stages}
    now, left = _expect(progress, since, Work(number, complete), rows, recipe)
    taken = sum(map(_taken, [*rows, {"seconds": seconds, "spent": spent}]))
    if now and not progress.ended:  # otherwise it is among those timed
        taken += now.seconds
    is_last = state in OVER or (recipe is not None and number > recipe.iterations)  # then comes the report
    return Status(
        run=str(folder),
        state=state,
        host=at_work.host if at_work else None,
        pid=at_work.pid if at_work else None,
        iteration=None if is_last else number,
        iterations=recipe.iterations if recipe else None,
        now=None if is_last else now,
        seconds=round(taken, 3),
        left=0.0 if is_last else left,
        accuracy=_held_out(rows),
        reason=reason,
        notes=notes,
    )


def _read(how: Callable[[], Result], otherwise: Result, notes: list[str]) -> Result:
    """What `how` returns; `otherwise` if there is nothing to read, or, with a note, if it cannot be read."""
    try:
        return how()
    except (FileNotFoundError, NotADirectoryError):
        return otherwise
    except (UserError, OSError) as error:
        notes.append(cut(str(error), 500))
        return otherwise


def _state(
    at_work: Owner | None, progress: Progress | None, rows: list[dict[str, Any]], recipe: Recipe | None
) -> tuple[State, str]:
    """What the run is at, and why if it has ended."""
    if at_work:
        return "at work", ""
    if recipe and len(rows) > recipe.iterations:
        return "finished", ""
    if recipe and (reason := stop_reason(rows, best(rows), recipe.stop)):
        return "stopped early", reason
    if progress is None:
        return ("interrupted" if rows else "not begun"), ""
    return ("failed" if progress.ended == "failed" else "interrupted"), progress.error


def _expect(
    progress: Progress | None, since: float, work: Work, rows: list[dict[str, Any]], recipe: Recipe | None
) -> tuple[Now | None, float | None]:
    """What is being done, and the seconds that the run may take from now on."""
    if progress:
        counts = (progress.total, progress.begun, progress.done)
        bar = Bar(*counts, progress.counted, since) if progress.total else None
        work = Work(work.number, work.complete, progress.stage, progress.seconds + since, bar)
    of_stage, of_run = seconds_left(work, rows, recipe) if recipe else (None, None)
    if not progress:
        return None, of_run
    now = Now(
        stage=progress.stage,
        label=progress.label,
        done=progress.done if progress.total else None,
        total=progress.total or None,
        note=progress.note,
        seconds=round(work.elapsed, 3),
        left=of_stage,
    )
    return now, of_run


def _held_out(rows: list[dict[str, Any]]) -> dict[int, float]:
    return {row["iteration"]: row["accuracy"][main_mode(row)]["all"]["accuracy"] for row in rows}


def _taken(row: dict[str, Any]) -> float:
    """Seconds of an iteration: of its stages, or, if they are known, of all activities."""
    return max(sum(row.get("spent", {}).values()), sum(row["seconds"].values()))
