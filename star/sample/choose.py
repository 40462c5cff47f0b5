"""Choose the next token of each row: greedy, or from the nucleus by inverse transform sampling."""

from __future__ import annotations

import torch

PREFILTER = 256
"""Tokens looked at before the whole vocabulary is sorted; the result is the same either way."""


def choose_tokens(
    logits: torch.Tensor, uniforms: torch.Tensor | None, temperature: float, top_p: float, top_k: int
) -> torch.Tensor:
    """The next token of each row.

    Args:
        logits: (B, V), any floating dtype.
        uniforms: (B,) numbers in [0, 1), one for each row; not read at temperature 0.
        temperature: 0 is greedy.
        top_p: probability mass of the nucleus (Holtzman et al. 2020, https://arxiv.org/abs/1904.09751).
        top_k: how many tokens at most; 0 for all.

    Returns:
        (B,) token ids, int64.
    """
    if temperature == 0:
        return logits.argmax(-1)
    width = min(top_k or logits.shape[-1], logits.shape[-1])
    head = min(PREFILTER, width)
    values, ids, total = _top(logits, head, width, temperature)
    cumulative = (values - total).exp().cumsum(-1)  # (B, head)
    if head < width and bool((cumulative[:, -1] < top_p).any()):
        values, ids, total = _top(logits, width, width, temperature)
        cumulative = (values - total).exp().cumsum(-1)
    before = torch.nn.functional.pad(cumulative[:, :-1], (1, 0))
    in_nucleus = (before < top_p).sum(-1, keepdim=True)  # (B, 1), at least 1
    mass = cumulative.gather(-1, in_nucleus - 1)
    rank = torch.searchsorted(cumulative, uniforms[:, None].to(cumulative) * mass, right=True)
    return ids.gather(-1, rank.minimum(in_nucleus - 1))[:, 0]


def _top(
    logits: torch.Tensor, count: int, width: int, temperature: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The `count` largest scores of each row, falling, their ids, both (B, count), and the log of all mass, (B, 1).

    All mass is that of the vocabulary, or of the top `width`, renormalised before the nucleus is taken.
    """
    if width < logits.shape[-1]:
        values, ids = logits.topk(width)
        values = values.float() / temperature
        return values[:, :count], ids[:, :count], values.logsumexp(-1, keepdim=True)
    values, ids = logits.topk(count)
    return values.float() / temperature, ids, (logits.float() / temperature).logsumexp(-1, keepdim=True)
