"""Many things that mostly wait, at once, in threads."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from star.interrupt import end_if_asked

LOOK_EVERY = 0.5
"""Seconds between two looks for a signal."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def as_they_come(
    work: Callable[[Item, threading.Event], Result], items: Sequence[Item], threads: int
) -> Iterator[list[tuple[Item, Result]]]:
    """What `work` makes of the items, in the order in which they are done, as many together as came at once.

    A signal ends it between two groups, so what was yielded must be safe by the time of the next. The threads are
    daemons: a request under way never keeps a process alive that wants to end.

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
    for _ in range(min(threads, len(items))):
        threading.Thread(target=serve, daemon=True).start()
    try:
        left = len(items)
        while left:
            group = list(_waiting(done))
            if group:
                yield group
            left -= len(group)
            end_if_asked()
    finally:
        stop.set()


def _waiting(done: queue.SimpleQueue) -> Iterator[tuple[Item, Result]]:
    """The results that are there, waiting a little for the first."""
    try:
        found = done.get(timeout=LOOK_EVERY)
        while True:
            item, result, error = found
            if error is not None:
                raise error
            yield item, result
            found = done.get_nowait()
    except queue.Empty:
        return
