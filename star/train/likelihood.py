"""How likely a model finds given texts: what a verifier ranks by, and what preferences are measured from."""

from __future__ import annotations

import gc
import math
from collections.abc import Sequence
from pathlib import Path

import torch

from star.clock import spent
from star.models import (
    Checkpoint,
    choose_device,
    choose_dtype,
    encode_prompt,
    encode_target,
    load_model,
    load_tokenizer,
)
from star.models.loading import context_length, with_adapter
from star.recipe import Recipe
from star.train.adapters import speed_up
from star.train.batches import CPU_TOKENS, TokenisedExample, micro_batches
from star.train.loss import TargetLoss

TOKENS_AT_ONCE = {"cpu": CPU_TOKENS}
"""Tokens of one forward pass, unless a single text is longer."""
TOKENS_ELSEWHERE = 16384
"""The same on other devices."""


class Likelihood:
    """Log-likelihoods of texts by the base model with an adapter on it, one model in memory until `release`."""

    def __init__(self, recipe: Recipe, checkpoint: Checkpoint):
        self.recipe, self.checkpoint = recipe, checkpoint
        self._model: torch.nn.Module | None = None
        self._loss_of: TargetLoss | None = None
        self._adapter: Path | None = None

    def of(self, texts: Sequence[tuple[str, str]], adapter: Path) -> list[float | None]:
        """log p(target | prompt) of each (prompt, target), in nats, summed over the target's tokens and the
        end-of-sequence token; `None` for a text longer than the model's context.

        Raises:
            UserError: the model or the adapter cannot be loaded.
        """
        if self._model is None or adapter != self._adapter:
            self._load(adapter)
        rows = [self._encode(str(place), *text) for place, text in enumerate(texts)]
        found: list[float | None] = [None] * len(rows)
        longest = context_length(self._loss_of.base.config)
        fitting = [row for row in rows if longest is None or len(row) <= longest]
        tokens = TOKENS_AT_ONCE.get(self._loss_of.base.device.type, TOKENS_ELSEWHERE)
        with torch.inference_mode():
            for part in micro_batches(fitting, None, tokens) if fitting else ():
                for row, loss in zip(part, self._loss_of.of_each(self._model, part).tolist(), strict=True):
                    found[int(row.attempt_id)] = -loss if math.isfinite(loss) else None
        return found

    def release(self) -> None:
        """Let the model go, if there is one."""
        if self._model is not None:
            self._model = self._loss_of = self._adapter = None
            gc.collect()  # a model is full of reference cycles, and whoever comes next wants its memory

    def _load(self, adapter: Path) -> None:
        self.release()
        device = choose_device(self.recipe.model)
        self._tokenizer = load_tokenizer(self.checkpoint)
        base = load_model(self.checkpoint, choose_dtype(self.recipe.model, device), device)
        self._loss_of = TargetLoss(base, self._tokenizer.pad_token_id)
        with spent("loading"):
            self._model = with_adapter(base, adapter).eval()
        speed_up(self._model)
        self._adapter = adapter

    def _encode(self, place: str, prompt: str, target: str) -> TokenisedExample:
        encoded = encode_prompt(self._tokenizer, prompt, self.recipe.prompt.chat)
        return TokenisedExample(encoded, encode_target(self._tokenizer, target), place)
