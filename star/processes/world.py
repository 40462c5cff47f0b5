"""The processes of a run together. Rank 0 leads: it alone reads problems, keeps the run directory and decides what is
done; the others follow it over a link each, and take part in the collectives of fine-tuning.
"""

from __future__ import annotations

import atexit
import os
import queue
import secrets
import signal
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Listener
from typing import Any, NoReturn, Protocol

from star.console import errors
from star.errors import UserError, reason
from star.interrupt import SIGNALS
from star.machine import machine_error
from star.processes.feed import Feed
from star.processes.launch import Place, allowed_cores, share_of_cores
from star.processes.link import Link

GRACE = 20.0
"""Seconds from the loss of a process until this one ends itself where it is: it may wait in a collective for ever."""
AT_ONCE = 3.0
"""Seconds to wait for word of a lost process, before an error here is taken for one of our own."""
PATIENCE = 120.0
"""Seconds that the others have to come, once all have met through the launcher."""
END = "end"

Handlers = Mapping[str, Callable[..., Any]]
"""What a follower does, by the name that the leader calls it by, with keyword arguments that JSON can say."""


class World(Protocol):
    """Those who work on a run: this process, alone or with others.

    Attributes:
        size: how many.
        on_this_machine: how many of them share its memory and cores.
    """

    size: int
    on_this_machine: int

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

    size = on_this_machine = 1

    def share(self, name: str, work: Iterable[Any], here: Callable[[Any], Any]) -> Iterator[Any]:
        return map(here, work)

    def everywhere(self, name: str, arguments: Mapping[str, Any], here: Callable[[], Any]) -> Any:
        return here()


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
        threads = [_start(self._hand_out, rank, name, feed) for rank in self._followers]
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
        threads = [_start(self._ask, rank, {"call": name, **arguments}) for rank in self._followers]
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


@contextmanager
def lead(place: Place, cpu: bool) -> Iterator[World]:
    """Within: the world of this run, all its processes in it.

    Args:
        cpu: whether the model is computed on CPUs.

    Raises:
        UserError: not all of them come.
    """
    if place.size == 1:
        yield Alone()
        return
    leader = Leader(place.size, _join(place, cpu))
    _gather(leader)
    try:
        yield leader
    except BaseException as error:
        told = leader.explain(error)
        leader.end(in_peace=False)
        raise told from (error if told is not error else error.__cause__)
    leader.end(in_peace=True)


def follow(place: Place, cpu: bool, handlers: Handlers) -> None:
    """Do what the leader says until it says that this is the end. If the leader is gone, this process is too.

    A handler that fails is told to the leader, which ends the run. Signals are for the leader, which ends this process.

    Raises:
        UserError: the leader cannot be reached.
    """
    _join(place, cpu)
    host, port, key = _broadcast([None, None, None])
    try:
        connection = Client((host, port), authkey=key)
    except (OSError, EOFError) as error:
        raise UserError(
            f"process {place.rank} cannot reach the first one at {host}:{port} ({reason(error)}): "
            "processes of one run must be able to connect to each other on any port"
        ) from None
    connection.send_bytes(f"{place.rank} {socket.gethostname()}, process id {os.getpid()}".encode())
    link = Link(connection, on_end=lambda: os._exit(1), last=lambda call: call.get("call") == END)
    with _ignoring_signals():
        while (call := link.receive()).get("call") != END:
            try:
                link.send({"done": handlers[call.pop("call")](**call)})
            except Exception as error:
                if not isinstance(error, UserError) and machine_error(error) is None:
                    traceback.print_exc()  # a bug: the leader tells the last line of it
                link.send(
                    {"failed": str(error) if isinstance(error, UserError) else machine_error(error) or reason(error)}
                )
                _wait_for_end(link)
    link.close()


def _gather(leader: Leader) -> None:
    """Wait for all others to join.

    Raises:
        UserError: some do not.
    """
    key, host = secrets.token_bytes(32), os.environ.get("MASTER_ADDR", "localhost")
    if leader.on_this_machine == leader.size:
        host = "127.0.0.1"
    with Listener((host if host == "127.0.0.1" else "", 0), backlog=leader.size, authkey=key) as listener:
        port = listener.address[1]
        _broadcast([host, port, key])
        accepted: queue.SimpleQueue[Any] = queue.SimpleQueue()
        _start(_accept, listener, accepted)
        deadline = time.monotonic() + PATIENCE
        while missing := leader.missing():
            try:
                connection = accepted.get(timeout=max(0.0, deadline - time.monotonic()))
                leader.add(*_greeting(connection), connection)
            except queue.Empty:
                raise UserError(
                    f"processes {', '.join(map(str, missing))} of {leader.size} have not come to {host}:{port} within "
                    f"{PATIENCE:.0f} s: processes of one run must be able to connect to each other on any port"
                ) from None


def _accept(listener: Listener, accepted: queue.SimpleQueue[Any]) -> None:
    """Whoever comes and knows the key, until the listener is closed."""
    while True:
        try:
            accepted.put(listener.accept())
        except (AuthenticationError, EOFError, ConnectionError):
            continue  # a stranger
        except OSError:
            return


def _start(what: Callable[..., Any], *arguments: Any) -> threading.Thread:
    thread = threading.Thread(target=what, args=arguments, daemon=True)
    thread.start()
    return thread


def _greeting(connection: Any) -> tuple[int, str]:
    rank, _, where = connection.recv_bytes().decode().partition(" ")
    return int(rank), where


def _wait_for_end(link: Link) -> NoReturn:
    """The leader tells what was wrong, then it ends, and with it this process."""
    with suppress(EOFError):
        while True:
            link.receive()
    os._exit(1)


@contextmanager
def _ignoring_signals() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _join(place: Place, cpu: bool) -> int:
    """The process group of torch, through accelerate, and on a CPU this process's own cores; returns how many processes
    this machine has.

    Raises:
        UserError: the launcher has not told accelerate enough.
    """
    from accelerate import PartialState
    from accelerate.utils import gather_object

    if PartialState(cpu=cpu).num_processes != place.size:
        raise UserError(
            f"launched as process {place.rank} of {place.size}, but accelerate sees {PartialState().num_processes}: "
            "the launcher must set RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT, as torchrun does"
        )
    here = (socket.gethostname(), place.rank, allowed_cores())
    neighbours = sorted(one for one in gather_object([here]) if one[0] == here[0])
    if cpu and (ours := share_of_cores([cores for _, _, cores in neighbours], neighbours.index(here))):
        os.sched_setaffinity(0, ours)  # threads that are started from here on inherit it
    atexit.register(_leave)
    return len(neighbours)


def _broadcast(values: list[Any]) -> list[Any]:
    """What rank 0 says, in every process."""
    from accelerate.utils import broadcast_object_list

    return broadcast_object_list(values, from_process=0)


def _leave() -> None:
    from accelerate import PartialState

    with suppress(Exception):  # others may be gone already
        PartialState().destroy_process_group()
