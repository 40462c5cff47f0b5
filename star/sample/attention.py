"""Attention of many sequences that begin alike, through transformers' own attention interface.

What every sequence shares is attended to once, all sequences' queries together, and merged with what is its own by the
log-sum-exp of the scores: the idea of Hydragen (Juravsky et al. 2024, https://arxiv.org/abs/2402.05099).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import torch

from star.models.routing import refuse_unknown

if TYPE_CHECKING:
    from star.sample.cache import SlotCache

SCORES = 1 << 20
"""Scores against a prefix that are held at once, so that they stay in the processor's cache."""
IGNORED = frozenset({"dropout"})
"""Nothing is dropped when sampling."""

_cache: ContextVar[SlotCache] = ContextVar("the cache of the forward pass that is running")


@contextmanager
def attending(cache: SlotCache) -> Iterator[None]:
    """Within: a model with this attention looks into `cache`."""
    token = _cache.set(cache)
    try:
        yield
    finally:
        _cache.reset(token)


def slot_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None = None,
    *,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **more: Any,
) -> tuple[torch.Tensor, None]:
    """An attention function as transformers wants it, for the packed tokens of one forward pass of a `SlotCache`.

    Args:
        query: (1, heads, T, head_dim); `key` and `value` (1, key-value heads, T, head_dim), just stored in the cache.

    Returns:
        (1, T, heads, head_dim) and no weights.

    Raises:
        UnknownAttentionError: an argument is set that would change the result, in a way that is not known here.
    """
    refuse_unknown(more, IGNORED)
    cache = _cache.get()
    layer = cache.layers[module.layer_idx]
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    out = cache.work.attend(layer, query, key, value, scale, sliding_window, softcap)
    return out.transpose(1, 2), None


def attend_within(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    scale: float,
    *,
    mask: torch.Tensor | None = None,
    softcap: float | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention of whole sequences to themselves, and how much weight there was in all.

    Args:
        query: (B, H, T, D).
        key, value: (B, H', T, D), H a multiple of H'.
        mask: (1, 1, T, T), added to the scores, see `additive`; without one, a token sees itself and those before it.
        softcap: scores are squashed to this (Gemma 2, https://arxiv.org/abs/2408.00118, section 2).

    Returns:
        (B, H, T, D), and the log-sum-exp of the scores, (B, H, T), float32.
    """
    if query.device.type == "cpu" and softcap is None and key.shape == value.shape:
        return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            query, key, value, is_causal=mask is None, attn_mask=mask, scale=scale
        )
    if mask is None:
        ones = torch.ones(query.shape[2], key.shape[2], dtype=torch.bool, device=query.device)
        mask = additive(ones.tril(), query.dtype)[None, None]
    return _attend(query, key, value, scale, mask, softcap)


def attend_prefix(
    query: torch.Tensor,
    prefix: tuple[torch.Tensor, torch.Tensor],
    scale: float,
    *,
    mask: torch.Tensor | None = None,
    softcap: float | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention of any tokens to the same keys and values. Two matrix products and a softmax take half the time of
    torch's fused kernel here (SmolLM2, 4,000 tokens and a prefix of 800, 2 cores, bfloat16).

    Args:
        query: (1, H, T, D); `prefix` keys and values, (1, H', P, D).
        mask: (1, 1, T, P), added to the scores.

    Returns:
        (1, H, T, D), and the log-sum-exp of the scores, (1, H, T), float32.
    """
    rows = max(1, SCORES // (query.shape[1] * prefix[0].shape[2]))
    parts = [
        _attend(part, *prefix, scale, None if mask is None else mask[:, :, start : start + rows], softcap)
        for start, part in zip(range(0, query.shape[2], rows), query.split(rows, dim=2), strict=True)
    ]
    out, lse = zip(*parts, strict=True)
    return torch.cat(out, dim=2), torch.cat(lse, dim=2)


def _attend(query, key, value, scale, mask, softcap) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention and the log-sum-exp of its scores; `mask` (1, 1, T, S) or nothing."""
    batch, heads, length, dim = query.shape
    grouped = (query * scale).reshape(batch, key.shape[1], -1, dim)  # (B, H', H / H' * T, D)
    scores = _squash(_product(grouped, key.transpose(-1, -2)).float(), softcap)
    if mask is not None:
        scores = (scores.unflatten(2, (-1, length)) + mask[:, :, None]).flatten(2, 3)
    weights = scores.softmax(-1)
    lse = scores.amax(-1) - weights.amax(-1).log()  # a third of the time of `logsumexp`
    out = _product(weights.to(value.dtype), value)
    return out.reshape(batch, heads, length, -1), lse.reshape(batch, heads, length)


def attend_once(
    query: torch.Tensor,
    own: tuple[torch.Tensor, torch.Tensor],
    mask: torch.Tensor,
    prefix: tuple[torch.Tensor, torch.Tensor] | None,
    prefix_mask: torch.Tensor | None,
    scale: float,
    softcap: float | None,
) -> torch.Tensor:
    """Attention of one token of each row to the row's own keys and values and to those that all rows share.

    The shared scores of all rows are one matrix product; then one softmax goes over both.

    Args:
        query: (n, H, D).
        own: keys and values, (n, H', S, D) each, in one piece.
        mask: (n, 1, 1, S), added to the own scores.
        prefix: keys and values, (1, H', P, D) each.
        prefix_mask: (n, 1, 1, P), added to the shared scores.

    Returns:
        (n, H, D).
    """
    (keys, values), (rows, heads, room, _) = own, own[0].shape
    grouped = (query * scale).unflatten(1, (heads, -1))  # (n, H', H / H', D)
    scores = _squash(_product(grouped, keys.transpose(-1, -2)), softcap)
    scores += mask
    if prefix is not None:
        together = grouped.transpose(0, 1).flatten(1, 2)  # (H', n * H / H', D)
        shared = _squash(torch.bmm(together, prefix[0][0].transpose(-1, -2)), softcap)
        shared = shared.unflatten(1, (rows, -1)).transpose(0, 1)
        if prefix_mask is not None:
            shared = shared + prefix_mask
        scores = torch.cat([scores, shared], dim=-1)
    weights = scores.softmax(-1)  # in float32 inside, whatever goes in
    out = _product(weights[..., :room], values)
    if prefix is not None:
        together = weights[..., room:].transpose(0, 1).flatten(1, 2)
        out = out + torch.bmm(together, prefix[1][0]).unflatten(1, (rows, -1)).transpose(0, 1)
    return out.flatten(1, 2)


def _squash(scores: torch.Tensor, softcap: float | None) -> torch.Tensor:
    return scores if softcap is None else softcap * torch.tanh(scores / softcap)


def _product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """`a @ b` of (B, H, n, m) and (B, H, m, l); `matmul` would copy slices of a cache. Keys go in transposed: the other
    way round takes half as long again."""
    return torch.bmm(a.flatten(0, 1), b.flatten(0, 1)).unflatten(0, a.shape[:2])


def additive(is_seen: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Truths as a mask to add: a finite number for what is not seen, so that a row that sees nothing has no weight
    instead of none that is a number."""
    return torch.zeros(is_seen.shape, dtype=dtype, device=is_seen.device).masked_fill_(
        ~is_seen, torch.finfo(dtype).min / 2
    )


def merge(a: torch.Tensor, a_lse: torch.Tensor, b: torch.Tensor, b_lse: torch.Tensor) -> torch.Tensor:
    """Attention to the keys of both, from attention to either, (B, H, T, D), and its log-sum-exp, (B, H, T)."""
    return torch.lerp(b.float(), a.float(), torch.sigmoid(a_lse - b_lse)[..., None]).to(a.dtype)
