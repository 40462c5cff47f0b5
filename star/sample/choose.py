"""Choose the next token of each row: greedy, or from the nucleus by inverse transform sampling."""

from __future__ import annotations

import torch

BLOCK = 64
"""Neighbours of which the largest stands for all, in a first look for the largest of a row."""
WIDTHS = (64, 1024)
"""Tokens looked at before the whole vocabulary is sorted, for rows whose nucleus has more; the result is the same."""

CHUNK = 16
"""Rows that a CPU looks at together: what they take stays in its cache (64 rows of 49,152 logits: 5 ms, not 16)."""


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
    if logits.device.type == "cpu" and len(logits) > CHUNK:
        parts = zip(logits.split(CHUNK), uniforms.split(CHUNK), strict=True)
        return torch.cat([choose_tokens(*part, temperature, top_p, top_k) for part in parts])
    scores = logits.float() / temperature
    if 0 < top_k < logits.shape[-1]:  # the nucleus is taken inside the top k, renormalised
        scores, ids = scores.topk(top_k)
        return ids.gather(-1, _choose(scores.softmax(-1), uniforms, top_p, WIDTHS)[:, None])[:, 0]
    return _choose(scores.softmax(-1), uniforms, top_p, WIDTHS)


def _choose(probabilities: torch.Tensor, uniforms: torch.Tensor, top_p: float, widths: tuple[int, ...]) -> torch.Tensor:
    """The place chosen in each row of (B, V) probabilities, looking at the `widths[0]` largest first."""
    if top_p >= 1:  # the nucleus is everything, in any order
        cumulative = probabilities.cumsum(-1)
        rank = torch.searchsorted(cumulative, uniforms[:, None].to(cumulative) * cumulative[:, -1:], right=True)
        return rank.clamp(max=probabilities.shape[-1] - 1)[:, 0]
    width = min(widths[0], probabilities.shape[-1]) if widths else probabilities.shape[-1]
    values, ids = _largest(probabilities, width)  # (B, width), falling
    cumulative = values.cumsum(-1)
    before = torch.nn.functional.pad(cumulative[:, :-1], (1, 0))
    in_nucleus = (before < top_p).sum(-1, keepdim=True)  # (B, 1), at least 1
    mass = cumulative.gather(-1, in_nucleus - 1)
    rank = torch.searchsorted(cumulative, uniforms[:, None].to(cumulative) * mass, right=True)
    chosen = ids.gather(-1, rank.minimum(in_nucleus - 1))[:, 0]
    if width < probabilities.shape[-1]:
        wider = (cumulative[:, -1] < top_p).nonzero()[:, 0]
        if len(wider):
            chosen[wider] = _choose(probabilities[wider], uniforms[wider], top_p, widths[1:])
    return chosen


def _largest(probabilities: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """`probabilities.topk(count)`, in half the time where the vocabulary is large.

    No more than `count` blocks can hold one of the `count` largest, and those are the blocks with the largest maxima.
    """
    rows, size = probabilities.shape
    blocks = size // BLOCK
    if count * 4 > blocks:
        return probabilities.topk(count)
    maxima = probabilities[:, : blocks * BLOCK].unflatten(1, (blocks, BLOCK)).amax(-1)
    places = maxima.topk(count, sorted=False).indices[:, :, None] * BLOCK  # (B, count, 1)
    places = (places + torch.arange(BLOCK, device=places.device)).flatten(1)
    rest = torch.arange(blocks * BLOCK, size, device=places.device).expand(rows, -1)
    places = torch.cat([places, rest], dim=1)
    values, at = probabilities.gather(1, places).topk(count)
    return values, places.gather(1, at)
