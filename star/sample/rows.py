"""Completions in the making: their tokens, their randomness, and when they end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from star.errors import UserError
from star.models import encode_prompt
from star.recipe import Decoding
from star.records import Completion, Prompt, derive_seed
from star.sample.choose import choose_tokens
from star.sample.stop import StopStrings


@dataclass(eq=False)
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
    uniforms: np.ndarray | None = None

    def uniform(self, max_new_tokens: int) -> float:
        """The number in [0, 1) that chooses the next token: a stream of this row's own seed."""
        if self.uniforms is None:
            self.uniforms = np.random.Generator(np.random.Philox(self.seed)).random(max_new_tokens, dtype=np.float64)
        return float(self.uniforms[len(self.tokens)])

    def completion(self, model: str) -> Completion:
        return Completion(
            problem_id=self.prompt.problem_id,
            sample_index=self.sample_index,
            text=self.text,
            num_tokens=len(self.tokens),
            finish_reason=self.finish_reason,
            seed=self.seed,
            model=model,
        )


def make_rows(
    prompts: Sequence[Prompt], decoding: Decoding, seed: int, tokenizer: Any, chat: bool, context: int | None
) -> list[Row]:
    """`decoding.samples` rows for each prompt.

    Raises:
        UserError: a prompt and its completion would not fit `context` tokens.
    """
    rows = []
    for prompt in prompts:
        ids = encode_prompt(tokenizer, prompt.text, chat)
        for sample_index in range(decoding.samples):
            own = derive_seed(seed, prompt.problem_id, sample_index)
            rows.append(Row(prompt, len(rows), sample_index, ids, own))
    room = (context or math.inf) - decoding.max_new_tokens
    if too_long := [row for row in rows[:: decoding.samples] if len(row.ids) > room]:
        worst = max(too_long, key=lambda row: len(row.ids))
        raise UserError(
            f"{len(too_long)} prompts do not fit the context of {context} tokens; the longest, of problem "
            f"{worst.prompt.problem_id}, has {len(worst.ids)} and may get {decoding.max_new_tokens} more; "
            "use fewer exemplars (prompt.shots) or a smaller decoding.max_new_tokens"
        )
    return rows


def next_tokens(logits: torch.Tensor, rows: Sequence[Row], decoding: Decoding) -> torch.Tensor:
    """The next token of each row, (B,), from its logits, (B, V), and its own random stream; anything for ended rows."""
    uniforms = None
    if decoding.temperature > 0:
        own = [0.0 if row.finish_reason else row.uniform(decoding.max_new_tokens) for row in rows]
        uniforms = torch.tensor(own, device=logits.device)
    return choose_tokens(logits, uniforms, decoding.temperature, decoding.top_p, decoding.top_k)


class Endings:
    """Adds tokens to rows, and ends a row at an end token, a stop string or its last token."""

    def __init__(self, tokenizer: Any, eos: set[int], stop: tuple[str, ...]):
        self.tokenizer, self.eos, self.stops = tokenizer, eos, StopStrings(tokenizer, stop)

    def extend(self, row: Row, token: int, max_new_tokens: int) -> bool:
        """Add one token to a row; returns whether that ends it."""
        row.tokens.append(token)
        if token in self.eos or token in self.stops.tokens:
            row.text = self._text(row.tokens[:-1])
            row.finish_reason = "eos" if token in self.eos else "stop"
        elif self.stops.may_end_with(token) and (end := self.stops.find(text := self._text(row.tokens))) is not None:
            row.text, row.finish_reason = text[:end], "stop"
        elif len(row.tokens) == max_new_tokens:
            row.text, row.finish_reason = self._text(row.tokens), "length"
        return bool(row.finish_reason)

    def _text(self, tokens: list[int]) -> str:
        return self.tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
