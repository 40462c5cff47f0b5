"""How the processes of a run find each other: through the launcher first, then over a connection each to rank 0."""

from __future__ import annotations

import atexit
import os
import queue
import secrets
import socket
import time
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from typing import Any

from star.errors import UserError, reason
from star.processes.launch import Place, allowed_cores, share_of_cores
from star.processes.leader import Leader, start

PATIENCE = 120.0
"""Seconds that the others have to come, once all have met through the launcher."""


def join(place: Place, cpu: bool) -> int:
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


def gather(leader: Leader) -> None:
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
        start(_accept, listener, accepted)
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


def reach_leader(place: Place) -> Connection:
    """The connection of another process to rank 0, which waits for it in `gather`.

    Raises:
        UserError: it cannot be reached.
    """
    host, port, key = _broadcast([None, None, None])
    try:
        connection = Client((host, port), authkey=key)
    except (OSError, EOFError) as error:
        raise UserError(
            f"process {place.rank} cannot reach the first one at {host}:{port} ({reason(error)}): "
            "processes of one run must be able to connect to each other on any port"
        ) from None
    connection.send_bytes(f"{place.rank} {socket.gethostname()}, process id {os.getpid()}".encode())
    return connection


def _greeting(connection: Any) -> tuple[int, str]:
    rank, _, where = connection.recv_bytes().decode().partition(" ")
    return int(rank), where


def _broadcast(values: list[Any]) -> list[Any]:
    """What rank 0 says, in every process."""
    from accelerate.utils import broadcast_object_list

    return broadcast_object_list(values, from_process=0)


def _leave() -> None:
    from accelerate import PartialState

    with suppress(Exception):  # others may be gone already
        PartialState().destroy_process_group()
