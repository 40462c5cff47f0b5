"""Messages between two processes, on one machine or two: JSON objects over a socket, and word of the other one's end.

Python's `multiprocessing.connection` frames the messages and checks that both ends know the key; nothing is pickled.
"""

from __future__ import annotations

import json
import queue
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 4}
"""Seconds of silence before the other machine is asked whether it is there, seconds between two questions, and how many
remain unanswered before it counts as gone: 30 seconds. A process that ends on a living machine is told at once."""
GONE = None


class Link:
    """One end. A thread of its own reads, so that the end of the other process is noticed whatever this one does.

    Args:
        on_end: called in that thread when the other end is gone, unless it was told that this is the end (`close`).
    """

    def __init__(self, connection: Connection, on_end: Callable[[], None]):
        self._connection, self._on_end, self._is_closed = connection, on_end, False
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        _keep_alive(connection)
        threading.Thread(target=self._read, daemon=True, name="link").start()

    def send(self, message: Any) -> None:
        """Send what JSON can say. To somebody who is gone, nothing: the reading thread tells of that."""
        with suppress(OSError):
            self._connection.send_bytes(json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass"))

    def receive(self) -> Any:
        """The next message; waits for it.

        Raises:
            EOFError: the other end is gone.
        """
        message = self._inbox.get()
        if message is GONE:
            self._inbox.put(GONE)
            raise EOFError
        return message

    def close(self) -> None:
        """The end, and no surprise."""
        self._is_closed = True
        with suppress(OSError):
            self._connection.close()

    def _read(self) -> None:
        with suppress(EOFError, OSError):
            while True:
                self._inbox.put(json.loads(self._connection.recv_bytes().decode("utf-8", "surrogatepass")))
        self._inbox.put(GONE)
        if not self._is_closed:
            self._on_end()


def _keep_alive(connection: Connection) -> None:
    end = socket.socket(fileno=socket.dup(connection.fileno()))
    with end, suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEEPALIVE.items():
            if hasattr(socket, name):
                end.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
