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
from transformers import AttentionInterface

if TYPE_CHECKING:
    from star.sample.cache import SlotCache

NAME = "star_slots"
"""What transformers calls this attention."""
HARMLESS = {"dropout", "is_causal", "output_attentions", "output_router_logits", "position_ids", "use_cache"}
"""Further arguments of an attention function that change nothing here; any other that is set might."""

_cache: ContextVar[SlotCache] = ContextVar("the cache of the forward pass that is running")


class UnknownAttentionError(Exception):
    """A model asks for a kind of attention that is not known here."""


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
    if unknown := [name for name, setting in more.items() if name not in HARMLESS and setting is not None]:
        raise UnknownAttentionError(f"its attention takes {', '.join(unknown)}")
    cache = _cache.get()
    layer = cache.layers[module.layer_idx]
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    own, own_lse = cache.work.attend(layer, query, key, value, scale, sliding_window, softcap)
    if layer.prefix is not None:
        mask, is_seen = cache.work.prefix_mask(layer.prefix[0].shape[2], sliding_window, query)
        if is_seen:
            shared, shared_lse = attend(query, *layer.prefix, scale, mask=mask, softcap=softcap)
            own = merge(own, own_lse, shared, shared_lse)
    return own.transpose(1, 2), None


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    scale: float,
    *,
    mask: torch.Tensor | None = None,
    is_causal: bool = False,
    softcap: float | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention, and how much weight there was in all.

    Args:
        query: (B, H, T, D).
        key, value: (B, H', S, D), H a multiple of H'.
        mask: (1 or B, 1, 1 or T, S), added to the scores; see `additive`.
        is_causal: query i sees keys 0 to i; T = S.
        softcap: scores are squashed to this (Gemma 2, https://arxiv.org/abs/2408.00118, section 2).

    Returns:
        (B, H, T, D), and the log-sum-exp of the scores, (B, H, T), float32.
    """
    # For one query a row, two matrix products take two thirds of the time of torch's fused kernel (2 cores, bfloat16).
    fuses = query.device.type == "cpu" and softcap is None and query.shape[2] > 1 and key.shape == value.shape
    if fuses:
        return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            query, key, value, is_causal=is_causal, attn_mask=mask, scale=scale
        )
    batch, heads, length, dim = query.shape
    grouped = (query * scale).reshape(batch, key.shape[1], -1, dim)  # (B, H', H / H' * T, D)
    scores = _product(key, grouped.transpose(-1, -2)).transpose(-1, -2).float()  # this way round, no key is copied
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    if is_causal:
        ones = torch.ones(length, key.shape[2], dtype=torch.bool, device=query.device)
        mask = additive(ones.tril(), torch.float32)
    if mask is not None:
        scores = (scores.unflatten(2, (-1, length)) + mask[:, :, None]).flatten(2, 3)
    weights = scores.softmax(-1)
    lse = scores.amax(-1) - weights.amax(-1).log()  # a third of the time of `logsumexp`
    out = _product(weights.to(value.dtype), value)
    return out.reshape(batch, heads, length, -1), lse.reshape(batch, heads, length)


def _product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """`a @ b` of (B, H, n, m) and (B, H, m, l); `matmul` would copy slices of a cache."""
    return torch.bmm(a.flatten(0, 1), b.flatten(0, 1)).unflatten(0, a.shape[:2])


def additive(is_seen: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """(..., T, S) truths as a mask (1 or B, 1, T, S) to add: a finite number for what is not seen, so that a row that
    sees nothing has no weight instead of none that is a number."""
    lowest = torch.finfo(dtype).min / 2
    mask = torch.zeros(is_seen.shape, dtype=dtype, device=is_seen.device).masked_fill_(~is_seen, lowest)
    return mask.reshape(-1, 1, *is_seen.shape[-2:])


def merge(a: torch.Tensor, a_lse: torch.Tensor, b: torch.Tensor, b_lse: torch.Tensor) -> torch.Tensor:
    """Attention to the keys of both, from attention to either, (B, H, T, D), and its log-sum-exp, (B, H, T)."""
    return torch.lerp(b.float(), a.float(), torch.sigmoid(a_lse - b_lse)[..., None]).to(a.dtype)


AttentionInterface.register(NAME, slot_attention)
