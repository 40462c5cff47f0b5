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
    logits = logits.float() / temperature
    width = min(top_k or logits.shape[-1], logits.shape[-1])
    total = logits.logsumexp(-1, keepdim=True)  # (B, 1): of the whole vocabulary
    if top_k:  # the nucleus is taken inside the top k, whose probabilities are renormalised first
        total = logits.topk(width).values.logsumexp(-1, keepdim=True)
    head = min(PREFILTER, width)
    values, ids = logits.topk(head)  # (B, head), falling
    cumulative = (values - total).exp().cumsum(-1)
    if head < width and bool((cumulative[:, -1] < top_p).any()):
        values, ids = logits.topk(width)
        cumulative = (values - total).exp().cumsum(-1)
    before = torch.nn.functional.pad(cumulative[:, :-1], (1, 0))
    in_nucleus = (before < top_p).sum(-1, keepdim=True)  # (B, 1), at least 1
    mass = cumulative.gather(-1, in_nucleus - 1)
    rank = torch.searchsorted(cumulative, uniforms[:, None].to(cumulative) * mass, right=True)
    return ids.gather(-1, rank.minimum(in_nucleus - 1))[:, 0]
