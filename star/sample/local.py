"""Our sampling engine, in this process: batches of left-padded prompts, one forward pass a token.

What is special to STaR is that thousands of prompts begin alike. The tokens that all prompts of a call share (the
exemplars) go through the model once; each batch starts from a copy of their keys and values. Rows that end leave the
batch. Prompts of like length go together, and each completion has a random stream of its own, so that what is sampled
does not depend on the company (in float32; bfloat16 rounds differently in another batch).
"""

from __future__ import annotations

import copy
import gc
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from star.errors import UserError
from star.models import (
    Checkpoint,
    choose_device,
    choose_dtype,
    encode_prompt,
    eos_token_ids,
    load_tokenizer,
    merge_adapter,
)
from star.models.loading import context_length, keeps_logits
from star.recipe import Decoding, Model
from star.records import Completion, Prompt, derive_seed
from star.sample.cache import can_drop_rows, new_cache, shares_prefix
from star.sample.choose import choose_tokens
from star.sample.stop import StopStrings

COMPACT_BELOW = 0.75
"""A batch is compacted when less than this share of its rows is still being written."""


@dataclass
class Row:
    """One completion in the making."""

    prompt: Prompt
    index: int  # place in the result
    sample_index: int
    ids: list[int]  # of the whole prompt
    seed: int
    tokens: list[int] = field(default_factory=list)
    text: str = ""
    finish_reason: str = ""


class LocalSampler:
    """Samples with a transformers model in this process. See `star.sample.base.Sampler`."""

    def __init__(self, settings: Model, checkpoint: Checkpoint, batch_size: int, chat: bool):
        self.settings, self.checkpoint, self.batch_size, self.chat = settings, checkpoint, batch_size, chat
        self.tokenizer = load_tokenizer(checkpoint)
        self.adapter: Path | None = None
        self.name = "base"
        self.model = None
        self._shared: tuple[tuple[int, ...], object] | None = None
        self._stops: dict[tuple[str, ...], StopStrings] = {}

    def use(self, adapter: Path | None, name: str) -> None:
        if name != self.name:
            self.release()
        self.adapter, self.name = adapter, name

    def release(self) -> None:
        self.model = self._shared = None
        gc.collect()  # a model is full of reference cycles, and training wants its memory now

    def sample(self, prompts: Sequence[Prompt], decoding: Decoding, seed: int) -> list[Completion]:
        """See `Sampler.sample`.

        Raises:
            UserError: a prompt and its completion would not fit the model's context.
        """
        self._load()
        stops = self._stop_strings(tuple(decoding.stop or ()))
        rows = self._rows(prompts, decoding, seed)
        self._require_room(rows, decoding.max_new_tokens)
        shared = _common_prefix([row.ids for row in rows]) if shares_prefix(new_cache(self.model.config)) else []
        by_length = sorted(rows, key=lambda row: (len(row.ids), row.index), reverse=True)
        with torch.inference_mode():
            for start in range(0, len(rows), self.batch_size):
                self._decode(by_length[start : start + self.batch_size], shared, decoding, stops)
        return [self._completion(row) for row in rows]

    def _load(self) -> None:
        if self.model is None:
            device = choose_device(self.settings)
            dtype = choose_dtype(self.settings, device)
            self.model = merge_adapter(self.checkpoint, self.adapter, dtype, device)
            self.last_only = {"logits_to_keep": 1} if keeps_logits(self.model) else {}
            self.eos = eos_token_ids(self.model, self.tokenizer)

    def _stop_strings(self, stops: tuple[str, ...]) -> StopStrings:
        if stops not in self._stops:
            self._stops[stops] = StopStrings(self.tokenizer, stops)
        return self._stops[stops]

    def _rows(self, prompts: Sequence[Prompt], decoding: Decoding, seed: int) -> list[Row]:
        rows = []
        for prompt in prompts:
            ids = encode_prompt(self.tokenizer, prompt.text, self.chat)
            for sample_index in range(decoding.samples):
                own = derive_seed(seed, prompt.problem_id, sample_index)
                rows.append(Row(prompt, len(rows), sample_index, ids, own))
        return rows

    def _require_room(self, rows: list[Row], max_new_tokens: int) -> None:
        limit = context_length(self.model.config)
        too_long = [row for row in rows if limit and len(row.ids) + max_new_tokens > limit]
        if too_long:
            worst = max(too_long, key=lambda row: len(row.ids))
            raise UserError(
                f"{len(too_long)} prompts do not fit the context of {limit} tokens; the longest, of problem "
                f"{worst.prompt.problem_id}, has {len(worst.ids)} and may get {max_new_tokens} more; "
                "use fewer exemplars (prompt.shots) or a smaller decoding.max_new_tokens"
            )

    def _decode(self, rows: list[Row], shared: list[int], decoding: Decoding, stops: StopStrings) -> None:
        """Write the completions of one batch into its rows."""
        device = self.model.device
        uniforms = _uniforms(rows, decoding, device)  # (B, max_new_tokens) or None
        cache, mask, ids = self._start(rows, shared)
        positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, len(shared) :]  # (B, T)
        for step in range(decoding.max_new_tokens):
            logits = self.model(
                input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=cache, **self.last_only
            ).logits[:, -1]  # (B, V)
            noise = None if uniforms is None else uniforms[:, step]
            chosen = choose_tokens(logits, noise, decoding.temperature, decoding.top_p, decoding.top_k)
            for row, token in zip(rows, chosen.tolist(), strict=True):
                if not row.finish_reason:
                    self._extend(row, token, decoding, stops)
            alive = [i for i, row in enumerate(rows) if not row.finish_reason]
            if not alive:
                return
            positions = positions[:, -1:] + 1
            mask = torch.cat([mask, mask.new_ones((len(rows), 1))], dim=1)
            ids = chosen[:, None]
            if len(alive) < COMPACT_BELOW * len(rows) and can_drop_rows(cache):
                keep = torch.tensor(alive, device=device)
                cache.batch_select_indices(keep)
                ids, mask, positions = ids[keep], mask[keep], positions[keep]
                uniforms = None if uniforms is None else uniforms[keep]
                rows = [rows[i] for i in alive]

    def _start(self, rows: list[Row], shared: list[int]) -> tuple[object, torch.Tensor, torch.Tensor]:
        """A cache that holds the shared prefix for each row, the mask (B, S + T), and the left-padded rest (B, T)."""
        device = self.model.device
        rest = [row.ids[len(shared) :] for row in rows]
        width = max(map(len, rest))
        ids = torch.full((len(rows), width), self.tokenizer.pad_token_id)
        mask = torch.ones((len(rows), len(shared) + width), dtype=torch.long)
        for i, tokens in enumerate(rest):
            ids[i, width - len(tokens) :] = torch.tensor(tokens)
            mask[i, len(shared) : len(shared) + width - len(tokens)] = 0
        cache = new_cache(self.model.config)
        if shared:
            cache = copy.deepcopy(self._prefill(shared))
            cache.batch_repeat_interleave(len(rows))
        return cache, mask.to(device), ids.to(device)

    def _prefill(self, shared: list[int]) -> object:
        """Keys and values of the shared prefix, batch 1; computed once for as long as weights and prefix stay."""
        if self._shared is None or self._shared[0] != tuple(shared):
            cache = new_cache(self.model.config)
            ids = torch.tensor([shared], device=self.model.device)
            self.model(input_ids=ids, past_key_values=cache, **self.last_only)
            self._shared = (tuple(shared), cache)
        return self._shared[1]

    def _extend(self, row: Row, token: int, decoding: Decoding, stops: StopStrings) -> None:
        """Add one token to a row, and end it if that token ends it."""
        row.tokens.append(token)
        if token in self.eos or token in stops.tokens:
            row.text = self._text(row.tokens[:-1])
            row.finish_reason = "eos" if token in self.eos else "stop"
        elif stops.may_end_with(token) and (end := stops.find(text := self._text(row.tokens))) is not None:
            row.text, row.finish_reason = text[:end], "stop"
        elif len(row.tokens) == decoding.max_new_tokens:
            row.text, row.finish_reason = self._text(row.tokens), "length"

    def _text(self, tokens: list[int]) -> str:
        return self.tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)

    def _completion(self, row: Row) -> Completion:
        return Completion(
            problem_id=row.prompt.problem_id,
            sample_index=row.sample_index,
            text=row.text,
            num_tokens=len(row.tokens),
            finish_reason=row.finish_reason,
            seed=row.seed,
            model=self.name,
        )


def _common_prefix(sequences: list[list[int]]) -> list[int]:
    """The tokens that all sequences begin with, at least one token of each left over."""
    if not sequences:
        return []
    first, last = min(sequences), max(sequences)  # what these two share, all share
    limit = min(map(len, sequences)) - 1
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[: min(length, limit)]


def _uniforms(rows: list[Row], decoding: Decoding, device: torch.device) -> torch.Tensor | None:
    """One number in [0, 1) for each row and step, (B, max_new_tokens), from each row's own seed."""
    if decoding.temperature == 0:
        return None
    streams = [np.random.Generator(np.random.Philox(row.seed)).random(decoding.max_new_tokens) for row in rows]
    return torch.from_numpy(np.stack(streams)).float().to(device)
