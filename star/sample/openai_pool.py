"""Several OpenAI-compatible servers as one: it finds one that answers, waits while none does, and gives up in the end.

Before a server is asked for text it must serve the model: the recipe's base model, or an adapter on it that it is told
to load. A server that was away is asked again, because what it had loaded went with it.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from star.console import console
from star.errors import UserError, shown
from star.sample.openai_client import Failure, Refusal, Server

FIRST_WAIT, LONGEST_WAIT = 0.5, 10.0
"""Seconds before a request is tried once more; doubled from try to try, and shortened at random by up to a half."""
PENALTIES = {"presence_penalty": 0.0, "frequency_penalty": 0.0}
NEUTRAL = {
    "vllm": {**PENALTIES, "top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0, "return_token_ids": True},
    "sglang": {**PENALTIES, "top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0},
    "llamacpp": {**PENALTIES, "top_k": 0, "min_p": 0.0, "repeat_penalty": 1.0},
}
"""By `owned_by`: what a request must say so that no default of the server, or of the model's generation_config.json,
changes how tokens are drawn; and vLLM tells the tokens themselves. (https://docs.vllm.ai/en/latest/serving/openai_compatible_server,
https://github.com/ggml-org/llama.cpp/tree/master/tools/server)"""


class Served(NamedTuple):
    """What to sample from: the model `base`, or the adapter in the folder `adapter`, which is to be called `name`.

    `family` begins the names of all adapters of this run; others of them are unloaded.
    """

    base: str
    name: str
    adapter: Path | None = None
    family: str = ""


class _Absence(NamedTuple):
    """Of a server: when it began, and until when nobody looks for it while there are others."""

    since: float
    until: float


class Pool:
    """Servers that serve the same model.

    Args:
        patience: seconds that a request is tried again.
    """

    def __init__(self, servers: Sequence[Server], patience: float):
        self.servers, self.patience = servers, patience
        self._lock, self._random = threading.Lock(), random.Random()
        self._away: dict[Server, _Absence] = {}
        self._back: dict[Server, float] = {}  # when it was, the last time

    def ask(self, route: str, body: dict[str, Any], served: Served, stop: threading.Event) -> dict[str, Any]:
        """The answer to `body`, from whichever server gives one. Many threads may ask at once.

        Raises:
            UserError: a server refuses, or none has answered for `patience` seconds.
            Failure: `stop` was set while none answered.
        """
        first, wait, tried = None, FIRST_WAIT, set()
        while True:
            server, began = self._choose(tried), time.monotonic()
            try:
                answer = self._ask(server, route, body, served)
            except Refusal as refusal:
                raise UserError(f"{server.url}{route} refuses a request: {refusal}") from None
            except Failure as failure:
                if stop.is_set():
                    raise
                first = first or time.monotonic()
                left = self.patience - (time.monotonic() - first)
                if left < 0:
                    raise UserError(self._given_up(server, failure)) from None
                self._note_failure(server, failure, began)
                tried.add(server)
                if len(tried) == len(self.servers) or failure.wait:
                    stop.wait(min(left, max(failure.wait, wait * self._random.uniform(0.5, 1))))
                    wait, tried = min(2 * wait, LONGEST_WAIT), set()
                if stop.is_set():
                    raise
            else:
                self._note_success(server, began)
                return answer
            finally:
                with self._lock:
                    server.in_flight -= 1

    def _choose(self, tried: Collection[Server]) -> Server:
        """The least busy of the servers that were not tried and are there; now and then one that was away."""
        with self._lock:
            now = time.monotonic()
            rests = {server for server, absence in self._away.items() if now < absence.until}
            server = min(self.servers, key=lambda one: (one in tried, one in rests, one.in_flight))
            if server in self._away:
                self._away[server] = self._away[server]._replace(until=now + LONGEST_WAIT)  # one request looks for it
            server.in_flight += 1
            return server

    def _ask(self, server: Server, route: str, body: dict[str, Any], served: Served) -> dict[str, Any]:
        self._prepare(server, served)
        body = {**NEUTRAL.get(server.owner, {}), **body, "model": served.name}
        try:
            return server.post(route, body)
        except Refusal as refusal:
            if refusal.status != 404:
                raise
        server.ready = None  # it was restarted between two requests, or somebody unloaded the adapter
        self._prepare(server, served)
        return server.post(route, body)

    def _prepare(self, server: Server, served: Served) -> None:
        """Make sure that a server serves the model.

        Raises:
            UserError: it cannot.
        """
        if server.ready == served.name:
            return
        before = server.failure
        with server.lock:
            if server.ready == served.name:
                return
            if (failure := server.failure) is not before:  # others have just waited for it in vain
                raise Failure(str(failure), failure.status, failure.wait)
            try:
                _ready(server, served)
            except Failure as failure:
                server.failure = failure
                raise

    def _note_failure(self, server: Server, failure: Failure, began: float) -> None:
        """Of a request that began then: of what was lost before the server was back, that has been said."""
        if not failure.is_gone:
            return
        with self._lock:
            if began < self._back.get(server, began):
                return
            server.ready = None
            is_new, now = server not in self._away, time.monotonic()
            self._away.setdefault(server, _Absence(now, now + LONGEST_WAIT))
        if is_new:
            others = len(self.servers) > len(self._away)
            then = "the others go on" if others else f"waiting up to {self.patience:.0f} s for it; nothing is lost"
            console.print(f"warning: {server.url} does not answer ({failure}); {then}", markup=False)

    def _note_success(self, server: Server, began: float) -> None:
        """Of a request that began then: an answer from before the server was gone says nothing about now."""
        with self._lock:
            absence = self._away.get(server)
            if absence is None or began < absence.since:
                return
            del self._away[server]
            self._back[server] = time.monotonic()
        console.print(f"{server.url} is back after {time.monotonic() - absence.since:.0f} s", markup=False)

    def _given_up(self, server: Server, failure: Failure) -> str:
        return (
            f"{server.url}: no answer for {self.patience:.0f} s (sampler.openai.patience): {failure}; all completions "
            "that came are saved. Start the server again, or name others in sampler.openai.urls, and the same command "
            "goes on from here"
        )


def _ready(server: Server, served: Served) -> None:
    """Ask a server what it serves, and have it load what it lacks."""
    try:
        owners = _models(server)
        _require_base(server, served.base, owners)
        server.owner = owners.get(served.base, "")
        if served.adapter is not None:
            _load_adapter(server, served, owners)
    except Refusal as refusal:
        raise UserError(f"{server.url}/models: {refusal}; is this the URL, with its /v1?") from None
    server.ready = served.name


def _models(server: Server) -> dict[str, str]:
    """The ids of the models that a server lists, with who owns them."""
    listed = server.get("/models").get("data")
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    return {str(row.get("id")): str(row.get("owned_by", "")) for row in rows}


def _require_base(server: Server, base: str, listed: dict[str, str]) -> None:
    """An empty list says nothing (`transformers serve` lists its cache): then the requests will tell."""
    if listed and base not in listed:
        raise UserError(
            f"{server.url} does not serve {base!r} but {shown(sorted(listed), 300)}; start it with the recipe's model, "
            "or set sampler.openai.model to the name that it has there"
        )


def _load_adapter(server: Server, served: Served, listed: dict[str, str]) -> None:
    """Load an adapter by vLLM's route (https://docs.vllm.ai/en/latest/features/lora), and unload its predecessors."""
    for name in listed:
        if name.startswith(served.family) and name != served.name:
            try:
                server.tell("/unload_lora_adapter", {"lora_name": name})
            except Refusal:  # another process of the run was faster
                continue
    if served.name in listed:
        return
    try:
        server.tell("/load_lora_adapter", {"lora_name": served.name, "lora_path": str(served.adapter)})
    except (Refusal, Failure) as error:
        if isinstance(error, Failure) and error.status != 500:  # which is vLLM's word for an adapter that does not fit
            raise
        if served.name in _models(server):  # another process of the run was faster
            return
        raise UserError(
            f"{server.url} cannot load the adapter {served.adapter} ({error}). It takes a vLLM that was started with "
            "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True, --enable-lora and a --max-lora-rank of at least train.rank, and "
            "that finds the run directory under the same path (on another machine: a shared file system)"
        ) from None
