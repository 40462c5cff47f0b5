"""Ctrl-C and SIGTERM: a run ends where nothing is lost, after the wave or the training step that it is in.

The same signal once more does not wait, and costs what the wave or the steps since the last checkpoint have cost.
(Another one may come of itself: Ctrl-C ends a launcher too, whose end is told by SIGTERM, see `scripts/run_star.py`.)
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """The run was asked to end.

    Attributes:
        exit_code: as a shell has it for a process that a signal ended, 130 or 143.
    """

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


class _State:
    """Whether a piece of work is being done that should come to its end first, and the signal that waits for that."""

    is_busy = False
    waiting: int | None = None


_state = _State()


@contextmanager
def handling_signals() -> Iterator[None]:
    """Within: signals raise `Interrupted`, after the piece of work (`whole`) that is being done."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may have handlers
        return
    # a signal that this process was started to ignore (nohup, a shell's background job) stays ignored
    before = {number: signal.getsignal(number) for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN}
    try:
        for number in before:
            signal.signal(number, _handle)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _state.waiting = None


@contextmanager
def whole() -> Iterator[Callable[[], bool]]:
    """A piece of work that a signal should not cut: `Interrupted` is raised when it is done.

    Yields:
        Whether a signal is waiting.
    """
    _state.is_busy = True
    try:
        yield lambda: _state.waiting is not None
    finally:
        _state.is_busy = False
    if _state.waiting is not None:
        number, _state.waiting = _state.waiting, None
        raise Interrupted(number)


def end_if_asked() -> None:
    """Within a piece of work that saves what it does as it goes: end it here if a signal waits for its end.

    Raises:
        Interrupted: it is so.
    """
    if _state.waiting is not None:
        number, _state.waiting = _state.waiting, None
        raise Interrupted(number)


def _handle(number: int, _frame: Any) -> None:
    if not _state.is_busy or _state.waiting == number:
        _state.waiting = None
        raise Interrupted(number)
    if _state.waiting is None:
        _state.waiting = number
        # not through a buffer: it may be what was interrupted
        os.write(2, b"\nstopping when what is being worked on is saved; once more to stop at once\n")
