"""The processes of a run together. Rank 0 leads: it alone reads problems, keeps the run directory and decides what is
done; the others follow it over a link each, and take part in the collectives of fine-tuning.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.connection import Client, Listener
from typing import Any, NoReturn, Protocol

from star.console import errors
from star.errors import UserError, reason
from star.interrupt import Interrupted
from star.processes.feed import Feed
from star.processes.launch import Place, allowed_cores, share_of_cores
from star.processes.link import Link

GRACE = 20.0
"""Seconds from the loss of a process until this one ends itself where it is: it may wait in a collective for ever."""
AT_ONCE = 3.0
"""Seconds to wait for word of a lost process, before an error here is taken for one of our own."""
END = "end"

Handlers = Mapping[str, Callable[..., Any]]
"""What a follower does, by the name that the leader calls it by, with keyword arguments that JSON can say."""


class World(Protocol):
    """Those who work on a run: this process, alone or with others.

    Attributes:
        size: how many.
    """

    size: int

    def share(self, name: str, work: Iterable[Any], here: Callable[[Any], Any]) -> Iterator[Any]:
        """`here(piece)` for each piece of `work`, in its order, done by whoever is free.

        Others do it as the handler `name`, with `piece.to_dict()` as keyword arguments.
        """
        ...

    def everywhere(self, name: str, arguments: Mapping[str, Any], here: Callable[[], Any]) -> Any:
        """Have all others do `name` while this process does `here`; returns what that returned, when all have done."""
        ...


class Alone:
    """One process: nobody to share with."""

    size = 1

    def share(self, name: str, work: Iterable[Any], here: Callable[[Any], Any]) -> Iterator[Any]:
        return map(here, work)

    def everywhere(self, name: str, arguments: Mapping[str, Any], here: Callable[[], Any]) -> Any:
        return here()


class Leader:
    """Rank 0 of several. See `World`.

    Raises, in all methods:
        UserError: another process has failed or is gone; which, where, and why if it could say so.
    """

    def __init__(self, size: int):
        self.size = size
        self._followers: dict[int, tuple[str, Link]] = {}
        self._lost, self._is_over = threading.Event(), False
        self._loss = ""
        self._feed: Feed | None = None

    def add(self, rank: int, where: str, connection: Any) -> None:
        """Another process has joined."""
        self._followers[rank] = (where, Link(connection, lambda: self._lose(rank, where)))

    def share(self, name: str, work: Iterable[Any], here: Callable[[Any], Any]) -> Iterator[Any]:
        feed = self._feed = Feed(work, self.size)
        threads = [
            threading.Thread(target=self._hand_out, args=(rank, name, feed), daemon=True) for rank in self._followers
        ]
        for thread in threads:
            thread.start()
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
        for _, link in self._followers.values():
            link.send({"call": name, **arguments})
        result = here()
        for rank in self._followers:
            if self._answer(rank) is None:
                self._lost.wait()
                self._require_all()
        return result

    def explain(self, error: BaseException) -> BaseException:
        """What to tell of an error of this process: a launcher ends all when one is gone, and so do collectives."""
        if isinstance(error, (Interrupted, RuntimeError)):
            self._lost.wait(AT_ONCE)
        return UserError(self._loss) if self._lost.is_set() else error

    def end(self) -> None:
        """The others end in peace, or at once if this process has failed."""
        self._is_over = True
        for _, link in self._followers.values():
            link.send({"call": END})
            link.close()

    def _hand_out(self, rank: int, name: str, feed: Feed) -> None:
        """Let a follower do what it can get; in a thread of its own."""
        _, link = self._followers[rank]
        while (piece := feed.take()) is not None:
            link.send({"call": name, **piece.work.to_dict()})
            if (answer := self._answer(rank)) is None:
                return
            feed.put(piece, answer["done"])

    def _answer(self, rank: int) -> dict[str, Any] | None:
        """What a follower answers; `None` if it failed."""
        where, link = self._followers[rank]
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
        if self._feed is not None:
            self._feed.fail(UserError(self._loss))
        timer = threading.Timer(GRACE, self._give_up)
        timer.daemon = True
        timer.start()

    def _give_up(self) -> None:
        if not self._is_over:
            errors.print(f"error: {self._loss}", markup=False)
            os._exit(2)

    def _require_all(self) -> None:
        if self._lost.is_set():
            raise UserError(self._loss)


@contextmanager
def lead(place: Place, cpu: bool) -> Iterator[World]:
    """Within: the world of this run, all its processes in it.

    Args:
        cpu: whether the model is computed on CPUs.
    """
    if place.size == 1:
        yield Alone()
        return
    _join(cpu)
    leader, key = Leader(place.size), secrets.token_bytes(32)
    host = os.environ.get("MASTER_ADDR", "localhost")
    is_local = host in ("localhost", "127.0.0.1")
    with Listener(("127.0.0.1" if is_local else "", 0), backlog=place.size, authkey=key) as listener:
        _broadcast([host, listener.address[1], key])
        for _ in range(place.size - 1):
            connection = listener.accept()
            leader.add(*_greeting(connection), connection)
    try:
        yield leader
    except BaseException as error:
        told = leader.explain(error)
        raise told from (error if told is not error else error.__cause__)
    finally:
        leader.end()
        _leave()


def follow(place: Place, cpu: bool, handlers: Handlers) -> None:
    """Do what the leader says until it says that this is the end. If the leader is gone, this process is too.

    A handler that fails is told to the leader, which ends the run.
    """
    _join(cpu)
    host, port, key = _broadcast([None, None, None])
    connection = Client((host, port), authkey=key)
    connection.send_bytes(f"{place.rank} {socket.gethostname()}, process id {os.getpid()}".encode())
    link = Link(connection, on_end=lambda: os._exit(0))
    while (call := link.receive()).get("call") != END:
        try:
            done = handlers[call.pop("call")](**call)
        except Exception as error:
            link.send({"failed": str(error) if isinstance(error, UserError) else reason(error)})
            _wait_for_end(link)
        link.send({"done": done})
    link.close()
    _leave()


def _greeting(connection: Any) -> tuple[int, str]:
    rank, _, where = connection.recv_bytes().decode().partition(" ")
    return int(rank), where


def _wait_for_end(link: Link) -> NoReturn:
    """The leader tells what was wrong, then it ends, and with it this process."""
    with suppress(EOFError):
        while True:
            link.receive()
    os._exit(1)


def _join(cpu: bool) -> None:
    """The process group of torch, through accelerate, and on a CPU this process's own cores."""
    from accelerate import PartialState
    from accelerate.utils import gather_object

    PartialState(cpu=cpu)
    here = (socket.gethostname(), PartialState().process_index, allowed_cores())
    neighbours = sorted(one for one in gather_object([here]) if one[0] == here[0])
    if cpu and (ours := share_of_cores([cores for _, _, cores in neighbours], neighbours.index(here))):
        os.sched_setaffinity(0, ours)  # threads that are started from here on inherit it


def _broadcast(values: list[Any]) -> list[Any]:
    """What rank 0 says, in every process."""
    from accelerate.utils import broadcast_object_list

    return broadcast_object_list(values, from_process=0)


def _leave() -> None:
    from accelerate import PartialState

    with suppress(Exception):  # others may be gone already
        PartialState().destroy_process_group()
