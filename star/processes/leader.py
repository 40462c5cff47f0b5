"""Rank 0 of several processes: it hands out work, and ends the run if another process fails or is gone."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from star.console import errors
from star.errors import UserError
from star.processes.feed import Feed
from star.processes.link import Link

GRACE = 20.0
"""Seconds from the loss of a process until this one ends itself where it is: it may wait in a collective for ever."""
AT_ONCE = 3.0
"""Seconds to wait for word of a lost process, before an error here is taken for one of our own."""
END = "end"
"""What the others are told when there is no more to do."""


class Leader:
    """Rank 0 of several. See `World`.

    Raises, in all methods:
        UserError: another process has failed or is gone; which, where, and why if it could say so.
    """

    def __init__(self, size: int, on_this_machine: int):
        self.size, self.on_this_machine = size, on_this_machine
        self._followers: dict[int, tuple[str, Link]] = {}
        self._lost, self._is_over = threading.Event(), False
        self._loss = ""
        self._feed: Feed | None = None

    def add(self, rank: int, where: str, connection: Any) -> None:
        """Another process has joined."""
        self._followers[rank] = (where, Link(connection, lambda: self._lose(rank, where)))

    def missing(self) -> list[int]:
        """Ranks that have not joined."""
        return [rank for rank in range(1, self.size) if rank not in self._followers]

    def share(self, name: str, work: Iterable[Any], here: Callable[[Any], Any]) -> Iterator[Any]:
        feed = self._feed = Feed(work, self.size)
        threads = [start(self._hand_out, rank, name, feed) for rank in self._followers]
        try:
            self._require_all()
            yield from feed.results(here)
            for thread in threads:
                thread.join()
        finally:
            feed.close()
            self._feed = None

    def everywhere(self, name: str, arguments: Mapping[str, Any], here: Callable[[], Any]) -> Any:
        self._require_all()
        threads = [start(self._ask, rank, {"call": name, **arguments}) for rank in self._followers]
        result = here()  # may wait for the others for ever, if one of them fails: see `_lose`
        for thread in threads:
            thread.join()
        self._require_all()
        return result

    def explain(self, error: BaseException) -> BaseException:
        """What to tell of an error of this process: a launcher ends all when one is gone, and so do collectives."""
        if isinstance(error, UserError):
            return error
        if isinstance(error, (KeyboardInterrupt, RuntimeError)):
            self._lost.wait(AT_ONCE)
        return UserError(self._loss) if self._lost.is_set() else error

    def end(self, in_peace: bool) -> None:
        """Let the others return from `follow`, or end them if this process has failed."""
        self._is_over = True
        for _, link in self._followers.values():
            if in_peace:
                link.send({"call": END})
            link.close()

    def _hand_out(self, rank: int, name: str, feed: Feed) -> None:
        """Let a follower do what it can get; in a thread of its own."""
        try:
            while (piece := feed.take()) is not None:
                if (answer := self._ask(rank, {"call": name, **piece.work.to_dict()})) is None:
                    return
                feed.put(piece, answer["done"])
        except BaseException as error:  # or the piece would be waited for
            feed.fail(error)

    def _ask(self, rank: int, call: dict[str, Any]) -> dict[str, Any] | None:
        """What a follower answers to a call; `None` if it failed."""
        where, link = self._followers[rank]
        link.send(call)
        try:
            answer = link.receive()
        except EOFError:
            return None
        if "failed" in answer:
            self._lose(rank, where, answer["failed"])
            return None
        return answer

    def _lose(self, rank: int, where: str, said: str | None = None) -> None:
        """A process is lost; whatever this one is in, it comes to an end."""
        if self._is_over or self._lost.is_set():
            return
        why = said or "it ended without a word: killed, perhaps for want of memory; look at the log of that machine"
        self._loss = f"process {rank} of {self.size} ({where}): {why}. What was done is kept: the same command goes on"
        self._lost.set()
        timer = threading.Timer(GRACE, self._give_up)
        timer.daemon = True
        timer.start()
        if (feed := self._feed) is not None:
            feed.fail(UserError(self._loss))

    def _give_up(self) -> None:
        if not self._is_over:
            errors.print(f"error: {self._loss}", markup=False)
            os._exit(2)

    def _require_all(self) -> None:
        if self._lost.is_set():
            raise UserError(self._loss)


def start(what: Callable[..., Any], *arguments: Any) -> threading.Thread:
    """A thread that does not keep the process from ending."""
    thread = threading.Thread(target=what, args=arguments, daemon=True)
    thread.start()
    return thread
