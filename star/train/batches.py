"""Examples as tokens, and the parts that a step takes them in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from star.models import encode_prompt, encode_target
from star.records import Example

CPU_TOKENS = 2048
"""Tokens of one forward pass in training on a CPU: what they take stays near the processor."""
GPU_TOKENS = 4096
"""The same on any other device: enough to keep one at work, and what a 7B model makes of them fits beside its weights
(18 GB, `scripts/estimate.py`)."""
IGNORE = -100
"""Label of a token that is not learned (`torch.nn.functional.cross_entropy`'s default)."""


@dataclass(frozen=True)
class TokenisedExample:
    """Token ids of prompt and target (EOS included), and the attempt they come from."""

    prompt: list[int]
    target: list[int]
    attempt_id: str

    def __len__(self) -> int:
        return len(self.prompt) + len(self.target)


def tokenise(
    examples: Iterable[Example], tokenizer: Any, chat: bool, context: int | None
) -> tuple[list[TokenisedExample], list[str]]:
    """Examples as tokens, and the attempt ids of those longer than `context`, which are left out, never cut."""
    rows = [
        TokenisedExample(encode_prompt(tokenizer, e.prompt, chat), encode_target(tokenizer, e.target), e.attempt_id)
        for e in examples
    ]
    fits = [context is None or len(row) <= context for row in rows]
    kept = [row for row, fit in zip(rows, fits, strict=True) if fit]
    return kept, [row.attempt_id for row, fit in zip(rows, fits, strict=True) if not fit]


def tokens_at_once(device: torch.device) -> int:
    """Tokens of one forward pass in training, unless a single example is longer."""
    return CPU_TOKENS if device.type == "cpu" else GPU_TOKENS


def micro_batches(
    rows: Sequence[TokenisedExample], examples: int | None, tokens: int | None
) -> list[list[TokenisedExample]]:
    """`rows`, longest first, in parts of at most so many examples and tokens (`None`: any number), one at least."""
    parts: list[list[TokenisedExample]] = [[]]
    for row in sorted(rows, key=len, reverse=True):
        full = len(parts[-1]) == examples or (tokens and sum(map(len, parts[-1])) + len(row) > tokens)
        if parts[-1] and full:
            parts.append([])
        parts[-1].append(row)
    return parts


def collate(rows: Sequence[TokenisedExample], pad: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Right-padded ids, attention mask and labels, each (B, T). Labels cover the target, EOS included, and no more."""
    width = max(map(len, rows))
    ids = torch.full((len(rows), width), pad)
    mask = torch.zeros_like(ids)
    labels = torch.full_like(ids, IGNORE)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row.prompt + row.target)
        mask[i, : len(row)] = 1
        labels[i, len(row.prompt) : len(row)] = torch.tensor(row.target)
    return ids, mask, labels
