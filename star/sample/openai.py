"""Sampling from servers that speak the OpenAI API: vLLM, SGLang, TGI, llama.cpp, hosted ones (docs/engines.md).

One request is one completion with a seed of its own, so that what is sampled does not depend on the company, as far as
the server's arithmetic allows. What comes is saved at once (`in_flight.py`): neither a server nor a run that is killed
loses more than what was being written.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from star.console import console
from star.errors import UserError, shown
from star.files import file_sha256
from star.models import Checkpoint, load_tokenizer
from star.models.loading import context_length, load_config
from star.processes import find_place
from star.recipe import Decoding, OpenAIServers, Recipe
from star.records import ChatText, Completion, Prompt
from star.sample.endings import Stops
from star.sample.in_flight import InFlight, key_of
from star.sample.openai_client import Server
from star.sample.openai_pool import Pool, Served
from star.sample.rows import Row, make_rows
from star.sample.threads import as_they_come


class OpenAISampler:
    """Samples from a pool of servers. See `star.sample.base.Sampler`.

    Args:
        folder: the run directory; completions that are in no journal yet are kept there. `None` keeps none.

    Raises:
        UserError: the environment variable of `api_key_env` is not set or holds no key, or the proxy of the environment
            cannot be used.
    """

    def __init__(self, recipe: Recipe, checkpoint: Checkpoint, folder: Path | None):
        self.settings, self.chat = recipe.sampler.openai, recipe.prompt.chat
        self.base = self.settings.model or recipe.model.path or checkpoint.name
        self.tokenizer, self.context = load_tokenizer(checkpoint), context_length(load_config(checkpoint))
        self.family = f"star-{key_of(str(folder and folder.resolve()))[:12]}-"
        key, connections = _api_key(self.settings), self.settings.concurrency
        servers = [Server(url, key, self.settings.timeout, connections) for url in self.settings.urls]
        self.pool = Pool(servers, self.settings.patience)
        self.in_flight = InFlight(folder, find_place().rank)
        self._told: set[str] = set()
        self._used: tuple[Path | None, str] | None = None
        self.use(None, "base")

    def use(self, adapter: Path | None, name: str) -> None:
        if self._used == (adapter, name):  # asked for with every wave
            return
        self._used = adapter, name
        self.name, self.weights = name, None
        self.served = Served(self.base, self.base)
        if adapter is not None:  # a name that only these weights in this place can have: nothing stale is ever meant
            self.weights = file_sha256(adapter / "adapter_model.safetensors")
            place = key_of(self.weights, str(adapter.resolve()))[:12]
            self.served = Served(self.base, f"{self.family}{name}-{place}", adapter.resolve(), self.family)

    def release(self) -> None:
        """The servers keep their memory; all that was sampled is in journals by now."""
        self.in_flight.clear()

    def sample(self, prompts: Sequence[Prompt], decoding: Decoding, seed: int) -> list[Completion]:
        """See `Sampler.sample`.

        Raises:
            UserError: a prompt does not fit the context, or the servers refuse, are gone for too long, or cannot load
                the adapter.
            Interrupted: a signal waits; what came is saved.
        """
        rows = make_rows(prompts, decoding, seed, self.tokenizer, self.chat, self.context)
        stops = Stops.of(decoding.stop, self.tokenizer)
        how = {**decoding.model_dump(exclude={"samples"}), "api": self.settings.api, "base": self.base}
        keys = [key_of(self.weights, row.prompt.problem_id, row.sample_index, row.seed, row.ids, how) for row in rows]
        found = self.in_flight.find(keys)
        missing = [place for place, key in enumerate(keys) if key not in found]

        def complete(place: int, stop: threading.Event) -> Completion:
            return self._complete(rows[place], decoding, stops, stop)

        for group in as_they_come(complete, missing, self.settings.concurrency):
            new = {keys[place]: completion for place, completion in group}
            self.in_flight.add(new)
            found |= new
        return [found[key] for key in keys]

    def _complete(self, row: Row, decoding: Decoding, stops: Stops, stop: threading.Event) -> Completion:
        route = "/chat/completions" if self.settings.api == "chat" else "/completions"
        answer = self.pool.ask(route, self._body(row, decoding, stops), self.served, stop)
        self._compare_prompt(row, answer)
        text, ended, tokens = _read(answer, stops)
        self._compare_length(row, answer, tokens, decoding)
        return Completion(
            problem_id=row.prompt.problem_id,
            sample_index=row.sample_index,
            text=text,
            num_tokens=tokens or self._count(text, ended),
            finish_reason=ended,
            seed=row.seed,
            model=self.name,
        )

    def _body(self, row: Row, decoding: Decoding, stops: Stops) -> dict[str, Any]:
        """What is asked for; keys that not every server knows only where they say something."""
        body = {"max_tokens": decoding.max_new_tokens, "temperature": decoding.temperature, "top_p": decoding.top_p}
        body |= {"seed": row.seed}
        if decoding.top_k:
            body["top_k"] = decoding.top_k
        if decoding.stop:
            body["stop"] = list(decoding.stop)
        if stops.tokens:
            body["stop_token_ids"] = list(stops.tokens)
        text = row.prompt.text
        if self.settings.api == "completions":
            return {**body, "prompt": text if self.settings.as_text else row.ids}
        if not isinstance(text, ChatText):
            raise UserError(
                f"{row.prompt.problem_id}: a prompt that was written to a file has lost its turns, so it cannot be "
                "sent with sampler.openai.api: chat"
            )
        return {**body, "messages": [{"role": role, "content": content} for role, content in text.turns]}

    def _count(self, text: str, ended: str) -> int:
        """Tokens of a completion, where the server does not say."""
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"]) + (ended != "length")

    def _compare_prompt(self, row: Row, answer: dict[str, Any]) -> None:
        """Say if the server has read other tokens than the model will be trained on."""
        theirs = _usage(answer, "prompt_tokens")
        if theirs and theirs != len(row.ids):
            self._warn_once(
                "prompt",
                f"the prompt of {row.prompt.problem_id} has {len(row.ids)} tokens in training and {theirs} on "
                "the server: it has another chat template or tokenizer, or adds tokens of its own",
            )

    def _compare_length(self, row: Row, answer: dict[str, Any], tokens: int, decoding: Decoding) -> None:
        """Say if the server allows fewer tokens than were asked for."""
        if answer["choices"][0].get("finish_reason") == "length" and 0 < tokens < decoding.max_new_tokens:
            self._warn_once(
                "length",
                f"the server has cut a completion of {row.prompt.problem_id} after {tokens} tokens, where "
                f"max_new_tokens allows {decoding.max_new_tokens}: it has a limit of its own (a shorter context, or "
                "max_new_tokens in a generation config: start vLLM with --generation-config vllm)",
            )

    def _warn_once(self, what: str, message: str) -> None:
        if what not in self._told:
            self._told.add(what)
            console.print(f"warning: {message}", markup=False)


def _api_key(settings: OpenAIServers) -> str | None:
    if settings.api_key_env is None:
        return None
    if not (key := os.environ.get(settings.api_key_env, "").strip()):
        raise UserError(
            f"sampler.openai.api_key_env = {settings.api_key_env!r}: no such environment variable is set; "
            f"export {settings.api_key_env}=..., or leave the key out if the servers want none"
        )
    if not (key.isascii() and key.isprintable()):
        raise UserError(
            f"sampler.openai.api_key_env = {settings.api_key_env!r}: the value of that environment variable is no key: "
            "it has a line end, or letters that a header cannot have, within; export it again"
        )
    return key


def _read(answer: dict[str, Any], stops: Stops) -> tuple[str, str, int]:
    """Text, end and number of tokens (0 if it is not told) of the one choice that was asked for.

    Raises:
        UserError: it is not there.
    """
    try:
        choice = answer["choices"][0]
        text = choice["message"]["content"] if "message" in choice else choice["text"]
        if not isinstance(text, str | None):
            raise TypeError
    except (KeyError, IndexError, TypeError):
        raise UserError(
            f"a server answers with {shown(answer, 300)}, which is no answer of the OpenAI API; "
            "check sampler.openai.urls"
        ) from None
    how = choice.get("finish_reason"), choice.get("stop_reason")
    if tokens := choice.get("token_ids"):  # vLLM's
        return (*stops.read(tokens, *how), len(tokens))
    return (*stops.cut(text or "", *how), _usage(answer, "completion_tokens"))


def _usage(answer: dict[str, Any], name: str) -> int:
    usage = answer.get("usage")
    count = usage.get(name) if isinstance(usage, dict) else None
    return count if isinstance(count, int) else 0
