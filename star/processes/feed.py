"""A queue of work that whoever is free takes from, and its results in the order of the work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from star.clock import spent
from star.interrupt import end_if_asked

AHEAD = 4
"""Pieces of work, for each of those at work, that may be done before the oldest one is: what waits is in memory."""


class Piece(NamedTuple):
    """Work number `index`."""

    index: int
    work: Any


class Feed:
    """Hands out pieces of work, the next one to whoever asks, and collects what becomes of them.

    Args:
        work: one piece after another, made when it is asked for.
        hands: how many take from it.
    """

    def __init__(self, work: Iterable[Any], hands: int):
        self._work, self._room = enumerate(work), AHEAD * hands
        self._changed = threading.Condition()
        self._results: dict[int, Any] = {}
        self._taken = self._given = 0
        self._is_empty, self._failure = False, None

    def take(self, wait: bool = True) -> Piece | None:
        """The next piece; `None` when there are no more, or without `wait` when there is none now."""
        with self._changed:
            while not self._is_over() and self._taken >= self._given + self._room and wait:
                self._changed.wait()
            if self._is_over() or self._taken >= self._given + self._room:
                return None
            try:
                piece = Piece(*next(self._work))
            except StopIteration:
                self._is_empty = True
            except BaseException as error:  # whoever took it: `results` tells
                self._failure = error
            else:
                self._taken += 1
                return piece
            self._changed.notify_all()
            return None

    def put(self, piece: Piece, result: Any) -> None:
        """What became of a piece."""
        with self._changed:
            self._results[piece.index] = result
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """No more is to come: `results` raises `error`."""
        with self._changed:
            self._failure = self._failure or error
            self._changed.notify_all()

    def results(self, here: Callable[[Any], Any]) -> Iterator[Any]:
        """All results in order. While the next one is not there, `here` does the work that nobody has taken."""
        while True:
            with self._changed:
                ready = self._given in self._results
                if ready:
                    result = self._results.pop(self._given)
                    self._given += 1
                    self._changed.notify_all()
                elif self._failure:  # only now: what is done is not lost
                    raise self._failure
                elif self._is_empty and self._given == self._taken:
                    return
            if ready:
                yield result
                continue
            end_if_asked()
            if (piece := self.take(wait=False)) is not None:
                self.put(piece, here(piece.work))
            else:
                self._wait_for_result()

    def close(self) -> None:
        """Nobody wants the rest."""
        self.fail(EOFError("closed"))

    @spent("waiting")
    def _wait_for_result(self) -> None:
        with self._changed:
            self._changed.wait_for(
                lambda: self._failure or self._given in self._results or (self._is_empty and self._given == self._taken)
            )

    def _is_over(self) -> bool:
        return self._is_empty or self._failure is not None
