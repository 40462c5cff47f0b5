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

KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 4, "TCP_USER_TIMEOUT": 30_000}
"""Seconds of silence before the other machine is asked whether it is there, seconds between two questions, how many
remain unanswered before it counts as gone, and milliseconds that what was sent may remain unacknowledged: 30 seconds.
A process that ends on a living machine is told at once."""
GONE = None


class Link:
    """One end. A thread of its own reads, so that the end of the other process is noticed whatever this one does.

    Args:
        on_end: called in that thread when the other end is gone, unless one of the two has said that this is the end.
        last: whether a message says that.
    """

    def __init__(self, connection: Connection, on_end: Callable[[], None], last: Callable[[Any], bool] | None = None):
        self._connection, self._on_end, self._is_last = connection, on_end, last or (lambda message: False)
        self._is_closed, self._sending = False, threading.Lock()
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        _keep_alive(connection)
        threading.Thread(target=self._read, daemon=True, name="link").start()

    def send(self, message: Any) -> None:
        """Send what JSON can say. To somebody who is gone, nothing: the reading thread tells of that."""
        data = json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass")
        with self._sending, suppress(OSError):
            self._connection.send_bytes(data)

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
        """The end, and no surprise; the other one is told at once."""
        self._is_closed = True
        with suppress(OSError), _socket(self._connection) as end:
            end.shutdown(socket.SHUT_RDWR)

    def _read(self) -> None:
        try:
            while True:
                message = json.loads(self._connection.recv_bytes().decode("utf-8", "surrogatepass"))
                self._is_closed = self._is_closed or self._is_last(message)
                self._inbox.put(message)
        except (EOFError, OSError):
            pass
        finally:
            self._inbox.put(GONE)
            if not self._is_closed:
                self._on_end()


def _socket(connection: Connection) -> socket.socket:
    return socket.socket(fileno=socket.dup(connection.fileno()))


def _keep_alive(connection: Connection) -> None:
    with suppress(OSError), _socket(connection) as end:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEEPALIVE.items():
            if hasattr(socket, name):
                end.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
