"""Our sampling engine, in this process: what STaR's thousands of prompts share is computed and kept once.

Rows that end leave the batch and the next ones of the queue take their place, longest prompt first. A model that the
engine cannot serve is sampled with transformers' `generate`. Each completion has a random stream of its own, so that
what is sampled does not depend on the company (in float32; bfloat16 rounds differently in another batch).
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import torch

from star.clock import spent
from star.console import console
from star.models import Checkpoint, choose_device, choose_dtype, eos_token_ids, load_tokenizer, merge_adapter
from star.models.loading import context_length
from star.recipe import Decoding, Model, SamplerSettings
from star.records import Completion, Prompt
from star.sample.adapt import adapt
from star.sample.engine import Engine
from star.sample.generate import generate
from star.sample.packed import pack_linear_layers
from star.sample.rows import Endings, Row, make_rows, next_tokens

REFILL = 1 / 8
"""New rows come in when this share of the slots is free: prompts go through the model faster together."""

SHORTEST_PREFIX = 16
"""Tokens that prompts must begin with alike for one copy of them to save anything."""


class LocalSampler:
    """Samples with a transformers model in this process. See `star.sample.base.Sampler`."""

    def __init__(
        self, model: Model, settings: SamplerSettings, checkpoint: Checkpoint, chat: bool, tokens_in_flight: int
    ):
        self.model_settings, self.settings, self.checkpoint, self.chat = model, settings, checkpoint, chat
        self.tokens_in_flight = tokens_in_flight
        self.tokenizer = load_tokenizer(checkpoint)
        self.adapter: Path | None = None
        self.name = "base"
        self.model = self.engine = None
        self._endings: dict[tuple[str, ...], Endings] = {}

    def use(self, adapter: Path | None, name: str) -> None:
        if name != self.name:
            self.release()
        self.adapter, self.name = adapter, name

    def release(self) -> None:
        self.model = self.engine = None
        gc.collect()  # a model is full of reference cycles, and training wants its memory now

    def sample(self, prompts: Sequence[Prompt], decoding: Decoding, seed: int) -> list[Completion]:
        """See `Sampler.sample`.

        Raises:
            UserError: a prompt and its completion would not fit the model's context.
        """
        self._load()
        endings = self.endings(tuple(decoding.stop or ()))
        context = context_length(self.model.config)
        rows = make_rows(prompts, decoding, seed, self.tokenizer, self.chat, context)
        by_length = sorted(rows, key=lambda row: (-len(row.ids), row.index))
        with torch.inference_mode():
            if self.engine is None:
                self._generate(by_length, decoding, endings)
            else:
                self._decode(by_length, decoding, endings)
        return [row.completion(self.name) for row in rows]

    def endings(self, stop: tuple[str, ...]) -> Endings:
        """What ends a completion: the model's own end tokens, and these stop strings."""
        if stop not in self._endings:
            self._endings[stop] = Endings(self.tokenizer, eos_token_ids(self.model, self.tokenizer), stop)
        return self._endings[stop]

    @spent("loading")
    def _load(self) -> None:
        if self.model is not None:
            return
        device = choose_device(self.model_settings)
        dtype = choose_dtype(self.model_settings, device)
        self.model = merge_adapter(self.checkpoint, self.adapter, dtype, device)
        reason = "the recipe asks for it" if self.settings.kind == "generate" else adapt(self.model)
        if reason is None:
            pack_linear_layers(self.model)
            self.engine = Engine(self.model)
        if reason and self.settings.kind == "local":
            console.print(f"note: sampling with transformers' generate, slower than our engine: {reason}", markup=False)

    def _generate(self, rows: list[Row], decoding: Decoding, endings: Endings) -> None:
        """Write the completions of all rows, longest prompt first, with `generate`."""
        while rows:
            size = self._fitting(len(rows[0].ids) + decoding.max_new_tokens)
            generate(self.model, self.tokenizer.pad_token_id, rows[:size], decoding, endings)
            rows = rows[size:]

    def _decode(self, rows: list[Row], decoding: Decoding, endings: Endings) -> None:
        """Write the completions of all rows, longest prompt first, with the engine."""
        shared = common_prefix([row.ids for row in rows])
        if len(shared) < SHORTEST_PREFIX:
            shared = []
        queue = deque(rows)
        while queue:
            capacity = len(queue[0].ids) - len(shared) + decoding.max_new_tokens
            self.engine.start(shared, min(len(queue), self._fitting(capacity)))
            self._drain(queue, len(shared), decoding, endings)
        self.engine.stop()

    def _fitting(self, capacity: int) -> int:
        """Rows of `capacity` tokens each that may be in flight at once."""
        return max(1, min(self.settings.batch_size, self.tokens_in_flight // capacity))

    def _drain(self, queue: deque[Row], shared: int, decoding: Decoding, endings: Endings) -> None:
        """Sample until the queue is empty and every row has ended, or until far more shorter rows would fit."""
        engine, alive, logits = self.engine, [], None
        while queue or alive:
            if queue and (not alive or engine.free >= max(1, int(REFILL * engine.cache.slots))):
                capacity = len(queue[0].ids) - shared + decoding.max_new_tokens
                if min(len(queue), self._fitting(capacity)) < 2 * engine.cache.slots:
                    new = [queue.popleft() for _ in range(min(engine.free, len(queue)))]
                    admitted = engine.admit([row.ids[shared:] for row in new])
                    logits = admitted if not alive else torch.cat([logits, admitted])
                    alive += new
                elif not alive:
                    return
            tokens = next_tokens(logits, alive, decoding)
            done = [
                place
                for place, (row, token) in enumerate(zip(alive, tokens.tolist(), strict=True))
                if endings.extend(row, token, decoding.max_new_tokens)
            ]
            if done:
                order = engine.drop(done)
                alive, tokens = [alive[old] for old in order], tokens[order]
            if alive:
                logits = engine.step(tokens)


def common_prefix(sequences: list[list[int]]) -> list[int]:
    """The tokens that all sequences begin with, at least one token of each left over."""
    if not sequences:
        return []
    first, last = min(sequences), max(sequences)  # what these two share, all share
    limit = min(map(len, sequences)) - 1
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[: min(length, limit)]
