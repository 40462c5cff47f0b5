"""Many things that mostly wait, at once, in threads."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from star.interrupt import end_if_asked

LOOK_EVERY = 0.5
"""Seconds between two looks for a signal."""
LINGER = 30.0
"""Seconds that what is under way may still take when something else has failed."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def as_they_come(
    work: Callable[[Item, threading.Event], Result], items: Sequence[Item], threads: int
) -> Iterator[list[tuple[Item, Result]]]:
    """What `work` makes of the items, in the order in which they are done, as many together as came at once.

    A signal ends it between two groups, so what was yielded must be safe by the time of the next. After an error no
    more work is begun, and what comes of the work under way within `LINGER` seconds is yielded before it is raised. The
    threads are daemons: a request under way never keeps a process alive that wants to end.

    Args:
        work: is given an item, and an event that is set when nobody waits any more.

    Raises:
        Interrupted: a signal waits (`star/interrupt.py`); else what `work` raises.
    """
    todo, done, stop = queue.SimpleQueue(), queue.SimpleQueue(), threading.Event()

    def serve() -> None:
        while not stop.is_set():
            try:
                item = todo.get_nowait()
            except queue.Empty:
                return
            try:
                done.put((item, work(item, stop), None))
            except BaseException as error:
                done.put((item, None, error))
                return

    for item in items:
        todo.put(item)
    team = [threading.Thread(target=serve, daemon=True) for _ in range(min(threads, len(items)))]
    for thread in team:
        thread.start()
    try:
        left, error = len(items), None
        while left and error is None:
            group, error = _waiting(done)
            if group:
                yield group
            left -= len(group)
            end_if_asked()
        if error is not None:
            stop.set()
            yield from _rest(done, team)
            raise error
    finally:
        stop.set()


def _waiting(done: queue.SimpleQueue) -> tuple[list[tuple[Item, Result]], BaseException | None]:
    """The results that are there, waiting a little for the first, and the first error among them."""
    group, first = [], None
    try:
        found = done.get(timeout=LOOK_EVERY)
        while True:
            item, result, error = found
            if error is None:
                group.append((item, result))
            first = first or error
            found = done.get_nowait()
    except queue.Empty:
        return group, first


def _rest(done: queue.SimpleQueue, team: Sequence[threading.Thread]) -> Iterator[list[tuple[Item, Result]]]:
    """What the threads that are at work still bring, in a bounded time."""
    end = time.monotonic() + LINGER
    while True:
        is_over = time.monotonic() > end or not any(thread.is_alive() for thread in team)
        group, _ = _waiting(done)
        if group:
            yield group
        elif is_over:
            return
        end_if_asked()
