"""Workers that can be killed: requests in, one reply each out, whatever a request does to its worker."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from star.records import Verdict

TIMEOUT = "timeout"
"""The reply of a request that took too long: its worker was killed."""
START_SECONDS = 60.0
"""How long a new worker may take until it says that it is ready: imports, on a busy machine."""
GRACE_SECONDS = 2.0
"""How much longer than its time a request lives when nobody is there any more to kill its worker."""
_ROOT = str(Path(__file__).parents[2])
_START = (
    "import sys; sys.path[0] = {root!r}; from star.verify.worker import main; main({memory}, {seconds}, {data_sets!r})"
)


class _Worker:
    """One process, and what it is doing."""

    def __init__(self, memory: int, timeout: float, data_sets: Mapping[str, Any]):
        start = _START.format(root=_ROOT, memory=memory, seconds=timeout + GRACE_SECONDS, data_sets=dict(data_sets))
        self.process = subprocess.Popen(
            [sys.executable, "-c", start],
            bufsize=0,  # nothing is left over for `close` to write to a dead worker
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"},
            start_new_session=True,  # an interrupt from the terminal is its parent's to handle
        )
        self.is_ready, self.job, self.timeout, self.deadline, self.received = False, -1, timeout, 0.0, b""

    def send(self, job: int, request: bytes) -> None:
        """Put a request; a worker that is still starting finds it when it is ready, and its time begins then.

        Raises:
            BrokenPipeError: the worker is dead.
        """
        self.job = job
        self.deadline = time.monotonic() + (self.timeout if self.is_ready else START_SECONDS)
        self.process.stdin.write(request)

    def receive(self) -> dict[str, Any] | None:
        """The reply, or `None` if it is not there yet.

        Raises:
            EOFError: the worker died.
        """
        data = os.read(self.process.stdout.fileno(), 1 << 16)
        if not data:
            raise EOFError
        *lines, self.received = (self.received + data).split(b"\n")
        if lines and not self.is_ready:
            self.is_ready, lines, self.deadline = True, lines[1:], time.monotonic() + self.timeout
        return json.loads(lines[0]) if lines else None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class WorkerPool:
    """A few workers, started when first needed. Works off the main thread, and in forked processes.

    Args:
        timeout: seconds for one request.
        memory: address space of a worker, in MiB.
        workers: how many; by default one for each core, at most four.
        data_sets: of reasoning-gym, that the workers score for: the options of each.
    """

    def __init__(
        self,
        timeout: float = 2.0,
        memory: int = 512,
        workers: int | None = None,
        data_sets: Mapping[str, dict[str, Any]] | None = None,
    ):
        self.timeout, self.memory, self.data_sets = timeout, memory << 20, data_sets or {}
        self.size = workers or min(4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2)
        self.lock, self.idle, self.owner = threading.Lock(), [], os.getpid()
        weakref.finalize(self, _end, self.idle, self.owner)

    def ask(self, call: str, requests: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
        """The reply to each request: `{"result": ...}`, or `{"error": text}` with `TIMEOUT` as its text where it is so.

        Args:
            call: see `worker.py`.
            requests: the arguments of each.
        """
        lines = [(json.dumps({"call": call, "arguments": arguments}) + "\n").encode() for arguments in requests]
        if self.owner != os.getpid():  # a fork: the workers are its parent's, and so is who holds the lock
            self.lock, self.idle, self.owner = threading.Lock(), [], os.getpid()
        with self.lock:
            return self._ask(lines)

    def _ask(self, lines: Sequence[bytes]) -> list[dict[str, Any]]:
        replies: list[dict[str, Any]] = [{}] * len(lines)
        waiting, busy = deque(range(len(lines))), set()
        selector = selectors.DefaultSelector()
        try:
            while waiting or busy:
                while waiting and len(busy) < self.size:
                    worker = self._start(waiting[0], lines[waiting.popleft()])
                    busy.add(worker)
                    selector.register(worker.process.stdout, selectors.EVENT_READ, worker)
                for worker, reply in self._replies(busy, selector):
                    replies[worker.job] = reply
                    busy.remove(worker)
                    selector.unregister(worker.process.stdout)
                    self._keep_or_kill(worker, reply)
        finally:  # also when interrupted: a worker in the middle of something is of no more use
            for worker in busy:
                worker.kill()
            selector.close()
        return replies

    def _start(self, job: int, request: bytes) -> _Worker:
        """A worker that has the request; idle ones that have died meanwhile are passed over."""
        while self.idle:
            worker = self.idle.pop()
            try:
                worker.send(job, request)
                return worker
            except BrokenPipeError:
                worker.kill()
        worker = _Worker(self.memory, self.timeout, self.data_sets)
        with contextlib.suppress(BrokenPipeError):  # its end is seen when it is listened to
            worker.send(job, request)
        return worker

    def _replies(self, busy: set[_Worker], selector: Any) -> list[tuple[_Worker, dict[str, Any]]]:
        """Wait for what comes first, replies or the end of somebody's time. A reply that is there is never too late."""
        first = min(worker.deadline for worker in busy)
        found = {}
        for key, _ in selector.select(max(0.0, first - time.monotonic())):
            try:
                reply = key.data.receive()
            except (EOFError, ValueError) as error:
                reply = {"error": f"the worker died ({type(error).__name__})"}
            if reply is not None:
                found[key.data] = reply
        now = time.monotonic()
        late = {
            worker: {"error": TIMEOUT if worker.is_ready else "the worker died: it did not start in time"}
            for worker in busy
            if worker.deadline <= now
        }
        return list({**late, **found}.items())

    def _keep_or_kill(self, worker: _Worker, reply: dict[str, Any]) -> None:
        """Only a worker that has answered, and has memory left, is used again."""
        error = reply.get("error", "")
        if error == TIMEOUT or error.startswith("the worker died") or "MemoryError" in error:
            worker.kill()
        else:
            self.idle.append(worker)


def reply_verdict(answer: str, reply: dict[str, Any], right: Any) -> Verdict:
    """What a worker's reply says of an answer; `right` is the result of one that is."""
    if "error" in reply:
        status = "timeout" if reply["error"] == TIMEOUT else "error"
        return Verdict(status, answer, "it took too long" if status == "timeout" else reply["error"])
    return Verdict("correct" if reply["result"] == right else "wrong", answer)


def _end(idle: list[_Worker], owner: int) -> None:
    """Kill the workers of a pool that is gone, unless they are another process's."""
    if os.getpid() == owner:
        for worker in idle:
            worker.kill()
