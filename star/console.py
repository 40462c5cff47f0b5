"""What a run says while it works: bars on a terminal, plain lines elsewhere (no carriage returns in a log)."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from star.secrets import redact

LINE_EVERY = 10.0
"""Seconds between two lines of progress where there is no terminal."""

LOG_WIDTH = 120
"""Columns where there is no terminal to ask."""


class RedactingConsole(Console):
    """A console that shows no token of the environment and no password of a URL (see `star/secrets.py`)."""

    def print(self, *objects: Any, **options: Any) -> None:
        super().print(*(redact(item) if isinstance(item, str) else item for item in objects), **options)


console = RedactingConsole(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else LOG_WIDTH)
errors = RedactingConsole(stderr=True, highlight=False, soft_wrap=True)

Advance = Callable[..., None]


@contextmanager
def silence() -> Iterator[None]:
    """Within: say nothing but errors, since another process speaks for this one."""
    before, console.quiet = console.quiet, True
    try:
        yield
    finally:
        console.quiet = before


class Units(NamedTuple):
    """How far something has come: of `total` units `done`, of which `begun` before it was gone on with."""

    label: str
    total: int
    begun: int
    done: int
    note: str


listeners: list[Callable[[Units], None]] = []
"""Called whenever a bar begins or moves."""


@contextmanager
def progress(label: str, total: int, done: int = 0) -> Iterator[Advance]:
    """Report progress of `total` units: `advance(n, "a note")` says that n more are done."""
    units = Units(label, total, done, done, "")

    def advance(n: int = 1, note: str = "") -> None:
        nonlocal units
        units = units._replace(done=units.done + n, note=note)
        show(n, note)
        _tell(units)

    with (_nothing if console.quiet else _bar if sys.stdout.isatty() else _lines)(label, total, done) as show:
        _tell(units)
        yield advance


def _tell(units: Units) -> None:
    for listener in listeners:
        listener(units)


@contextmanager
def step(label: str) -> Iterator[None]:
    """Report a step that has no units."""
    start = time.monotonic()
    console.print(f"{label} ...", markup=False)
    yield
    console.print(f"{label}: done in {time.monotonic() - start:.1f} s", markup=False)


@contextmanager
def _nothing(label: str, total: int, done: int) -> Iterator[Advance]:
    yield lambda n=1, note="": None


@contextmanager
def _bar(label: str, total: int, done: int) -> Iterator[Advance]:
    columns = (
        TextColumn("{task.description:<38}", markup=False),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(label, total=total, completed=done, note="")
        yield lambda n=1, note="": bar.update(task, advance=n, note=note)


@contextmanager
def _lines(label: str, total: int, done: int) -> Iterator[Advance]:
    start = last = time.monotonic()
    count, latest = done, ""

    def advance(n: int = 1, note: str = "") -> None:
        nonlocal count, last, latest
        count, latest = count + n, note
        if (now := time.monotonic()) - last >= LINE_EVERY:
            last = now
            print(f"{label}: {count}/{total} {latest}".rstrip(), flush=True)

    yield advance
    print(f"{label}: {count}/{total} in {time.monotonic() - start:.1f} s {latest}".rstrip(), flush=True)
