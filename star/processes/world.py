"""The processes of a run together. Rank 0 leads: it alone reads problems, keeps the run directory and decides what is
done; the others follow it over a link each, and take part in the collectives of fine-tuning.
"""

from __future__ import annotations

import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NoReturn, Protocol

from star.errors import UserError, reason
from star.interrupt import SIGNALS
from star.machine import machine_error
from star.processes.launch import Place
from star.processes.leader import END, Leader
from star.processes.link import Link
from star.processes.meeting import gather, join, reach_leader

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
    leader = Leader(place.size, join(place, cpu))
    gather(leader)
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
    join(place, cpu)
    connection = reach_leader(place)
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
