"""Training examples packed one after another, without padding, and attention that keeps them apart.

Everything but attention works on single tokens, so a forward pass over packed tokens, (1, T), costs what its tokens
cost. For attention alone the tokens of each example are laid out as a row, padded on the right, where causality itself
hides the padding: no token sees one that comes later, and none of another example is in its row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch.nn.functional import dropout as drop
from torch.nn.functional import scaled_dot_product_attention
from transformers import PreTrainedModel

from star.models.routing import refuse_unknown, route

NAME = "star_packed"
"""What transformers calls this attention."""
PLAIN_UP_TO = 512
"""Tokens up to which two matrix products and a softmax train faster on a CPU than torch's fused kernel, whose bfloat16
backward pass took a quarter of a step (SmolLM2, rows of 41 tokens: 480 against 370 tokens/s)."""

_layout: ContextVar[Layout] = ContextVar("how the tokens of the running forward pass are packed")


class Layout:
    """Where the tokens of packed examples stand in padded rows.

    Args:
        lengths: tokens of each example, B in all.
        device: of the model.

    Attributes:
        positions: of each packed token in its example, (1, T).
        rows: for each place of the padded rows, the packed token that stands there, (B, W); any token for padding.
        places: for each packed token, its place in the flattened rows, (T,).
    """

    def __init__(self, lengths: Sequence[int], device: torch.device):
        sizes = torch.tensor(lengths)
        starts = sizes.cumsum(0) - sizes
        width = int(sizes.max())
        at = torch.arange(width).expand(len(lengths), -1)
        self.rows = (starts[:, None] + at.minimum(sizes[:, None] - 1)).to(device)
        self.places = (at < sizes[:, None]).flatten().nonzero()[:, 0].to(device)
        self.positions = torch.cat([torch.arange(n) for n in lengths])[None].to(device)
        self._masks: dict[tuple[int | None, torch.dtype], torch.Tensor] = {}

    def unseen(self, window: int | None, dtype: torch.dtype) -> torch.Tensor:
        """(W, W), to add to scores: -inf for later tokens, and for those before a sliding window."""
        if (window, dtype) not in self._masks:
            at = torch.arange(self.rows.shape[1], device=self.rows.device)
            is_seen = at <= at[:, None]
            if window is not None:
                is_seen &= at > at[:, None] - window
            mask = torch.zeros(is_seen.shape, dtype=dtype, device=at.device).masked_fill_(~is_seen, -torch.inf)
            self._masks[window, dtype] = mask
        return self._masks[window, dtype]


@contextmanager
def packed(layout: Layout) -> Iterator[None]:
    """Within: a model with this attention takes its tokens to be packed like that."""
    token = _layout.set(layout)
    try:
        yield
    finally:
        _layout.reset(token)


def pack_attention(model: PreTrainedModel) -> str | None:
    """Route the attention of `model` through packed rows; returns why not where that cannot be done."""
    return route(model, NAME, packed_attention, _by_packing)


def packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None = None,
    *,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    dropout: float = 0.0,
    **more: Any,
) -> tuple[torch.Tensor, None]:
    """An attention function as transformers wants it, for the packed tokens of one forward pass.

    Args:
        query: (1, heads, T, head_dim); `key` and `value` (1, key-value heads, T, head_dim).

    Returns:
        (1, T, heads, head_dim) and no weights.

    Raises:
        UnknownAttentionError: an argument is set that would change the result, in a way that is not known here.
    """
    refuse_unknown(more)
    layout = _layout.get()
    q, k, v = (_Pad.apply(states[0].transpose(0, 1), layout.rows, layout.places) for states in (query, key, value))
    q, k, v = (states.transpose(1, 2) for states in (q, k, v))  # (B, H, W, D)
    scale = q.shape[-1] ** -0.5 if scaling is None else scaling
    width, dropout = q.shape[2], dropout if module.training else 0.0
    window = sliding_window if sliding_window is not None and sliding_window < width else None
    if softcap is None and window is None and not (q.device.type == "cpu" and width <= PLAIN_UP_TO):
        grouped = {"enable_gqa": True} if q.shape[1] != k.shape[1] else {}
        out = scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale, dropout_p=dropout, **grouped)
    else:
        out = _attend(q, k, v, scale, layout.unseen(window, q.dtype), softcap, dropout)
    return _Unpad.apply(out.transpose(1, 2), layout.rows, layout.places)[None], None


def _attend(query, key, value, scale, mask, softcap, dropout) -> torch.Tensor:
    """(B, H, W, D): attention as two matrix products; heads that share keys and values are rows of one product."""
    batch, _, width, _ = query.shape
    grouped = (query * scale).reshape(batch, key.shape[1], -1, query.shape[-1])  # (B, H', H / H' * W, D)
    scores = grouped @ key.transpose(-1, -2)
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    weights = (scores.unflatten(2, (-1, width)) + mask).softmax(-1).flatten(2, 3)  # in float32 inside
    return (drop(weights, dropout) @ value).reshape(query.shape[:-1] + value.shape[-1:])


class _Pad(torch.autograd.Function):
    """Packed (T, H, D) to rows (B, W, H, D). Padding repeats a token, and nothing flows back from it."""

    @staticmethod
    def forward(ctx, states, rows, places):
        ctx.save_for_backward(places)
        return states[rows]

    @staticmethod
    def backward(ctx, grad):
        (places,) = ctx.saved_tensors
        return grad.flatten(0, 1)[places], None, None


class _Unpad(torch.autograd.Function):
    """Rows (B, W, H, D) to packed (T, H, D)."""

    @staticmethod
    def forward(ctx, states, rows, places):
        ctx.save_for_backward(places)
        ctx.shape = rows.shape
        return states.flatten(0, 1)[places]

    @staticmethod
    def backward(ctx, grad):
        (places,) = ctx.saved_tensors
        rows = grad.new_zeros((ctx.shape.numel(), *grad.shape[1:])).index_copy_(0, places, grad)
        return rows.unflatten(0, ctx.shape), None, None


def _by_packing(model: PreTrainedModel, sequences: list[list[int]]) -> torch.Tensor:
    layout = Layout([len(one) for one in sequences], model.device)
    ids = torch.tensor([[token for one in sequences for token in one]], device=model.device)
    with packed(layout):
        logits = model(input_ids=ids, position_ids=layout.positions, use_cache=False).logits[0]
    return torch.stack([part[-2:] for part in logits.split([len(one) for one in sequences])])
