"""Keys and values of sequences that go on from one shared prefix, each in a slot.

A forward pass is over packed tokens, (1, T), without padding. What it does is its `work`: `Prefill` of whole sequences,
or `Decode` of one more token for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, groupby

import torch
from transformers import Cache
from transformers.cache_utils import CacheLayerMixin

from star.sample.attention import additive, attend

Attended = tuple[torch.Tensor, torch.Tensor]
"""Attention, (1, H, T, D), and the log-sum-exp of its scores, (1, H, T)."""


BLOCK = 64
"""Tokens of room that slots get at a time. Batched products copy what is not in one piece, so slots are attended to
whole, and this much of them may be empty."""


class SlotLayer(CacheLayerMixin):
    """One layer: `keys` and `values` (slots, H', room, D), and the same of the `prefix`, (1, H', P, D)."""

    def __init__(self, slots: int, prefix: tuple[torch.Tensor, torch.Tensor] | None):
        super().__init__()
        self.slots, self.prefix = slots, prefix

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        shape = (self.slots, key_states.shape[1], 0)
        self.keys = key_states.new_empty((*shape, key_states.shape[3]))
        self.values = value_states.new_empty((*shape, value_states.shape[3]))
        self.is_initialized = True

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, work: Prefill | Decode) -> Attended:
        """Store (1, H', T, D) of packed tokens where `work` wants them, and hand them on."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        self.keys, self.values = (_with_room(states, work.longest) for states in (self.keys, self.values))
        work.store(self.keys, key_states[0])
        work.store(self.values, value_states[0])
        return key_states, value_states

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return query_length, 0

    def get_seq_length(self) -> int:
        return 0

    def get_max_length(self) -> int:
        return -1


class SlotCache(Cache):
    """See the module.

    Args:
        layers: how many.
        slots: how many sequences at once.
        prefix: a cache whose slot 0 holds what all sequences begin with.
        prefix_length: its tokens.
    """

    def __init__(self, layers: int, slots: int, prefix: SlotCache | None = None, prefix_length: int = 0):
        self.slots = slots
        self.work: Prefill | Decode
        shared = [None] * layers
        if prefix is not None:
            shared = [tuple(t[:1, :, :prefix_length] for t in (old.keys, old.values)) for old in prefix.layers]
        super().__init__(layers=[SlotLayer(slots, one) for one in shared])

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *_, **__) -> Attended:
        """Store what a layer made of the packed tokens of this pass."""
        return self.layers[layer_idx].update(key_states, value_states, self.work)

    def move(self, source: int, target: int, length: int) -> None:
        """Copy the first `length` tokens of one slot into another."""
        for layer in self.layers:
            for states in (layer.keys, layer.values):
                states[target, :, :length] = states[source, :, :length]


class Prefill:
    """Whole sequences, packed one after another.

    Args:
        lengths: tokens of each, the prefix not counted; like ones side by side are attended together.
        slots: where each is kept; several for the samples of one prompt.
    """

    def __init__(self, lengths: Sequence[int], slots: Sequence[Sequence[int]]):
        self.lengths, self.slots = lengths, slots
        self.ends, self.longest = list(accumulate(lengths)), max(lengths)

    def store(self, states: torch.Tensor, new: torch.Tensor) -> None:
        for length, end, slots in zip(self.lengths, self.ends, self.slots, strict=True):
            for slot in slots:
                states[slot, :, :length] = new[:, end - length : end]

    def attend(self, _layer, query, key, value, scale, window, softcap) -> Attended:
        parts, start = [], 0
        for length, same in groupby(self.lengths):
            count = len(list(same))
            q, k, v = (_apart(states, start, count, length) for states in (query, key, value))
            mask = None
            if window is not None and window < length:
                at = torch.arange(length, device=query.device)
                mask = additive((at <= at[:, None]) & (at > at[:, None] - window), query.dtype)
            parts.append(attend(q, k, v, scale, mask=mask, is_causal=mask is None, softcap=softcap))
            start += count * length
        out = [part.transpose(0, 1).flatten(1, 2) for part, _ in parts]
        lse = [part.transpose(0, 1).flatten(1, 2) for _, part in parts]
        return torch.cat(out, dim=1)[None], torch.cat(lse, dim=1)[None]

    def prefix_mask(self, length: int, window: int | None, query: torch.Tensor) -> tuple[torch.Tensor | None, bool]:
        """What of a prefix of `length` tokens each token sees: a mask if not all, and whether any sees any."""
        if window is None or window >= length + self.longest:
            return None, True
        at = torch.cat([torch.arange(n, device=query.device) for n in self.lengths]) + length
        return _prefix_mask(at, length, window, query.dtype)


class Decode:
    """One more token for each of the first slots.

    Args:
        lengths: tokens that each slot holds already, (n,), on the CPU.
        device: of the cache.
    """

    def __init__(self, lengths: torch.Tensor, device: torch.device):
        self.longest = int(lengths.max()) + 1
        self.is_even = bool((lengths == self.longest - 1).all())
        self.rows, self.lengths = torch.arange(len(lengths), device=device), lengths.to(device)
        self._masks: dict[int | None, torch.Tensor] = {}
        self._prefix_masks: dict[int | None, tuple[torch.Tensor | None, bool]] = {}

    def store(self, states: torch.Tensor, new: torch.Tensor) -> None:
        if self.is_even:
            states[: len(self.rows), :, self.longest - 1] = new.transpose(0, 1)
        else:
            states[self.rows, :, self.lengths] = new.transpose(0, 1)

    def attend(self, layer, query, _key, _value, scale, window, softcap) -> Attended:
        k, v = (states[: len(self.rows)] for states in (layer.keys, layer.values))
        q = query[0].transpose(0, 1)[:, :, None]  # (n, H, 1, D)
        out, lse = attend(q, k, v, scale, mask=self._mask(window, k.shape[2]), softcap=softcap)
        return out[:, :, 0].transpose(0, 1)[None], lse[:, :, 0].transpose(0, 1)[None]

    def _mask(self, window: int | None, room: int) -> torch.Tensor:
        if window not in self._masks:
            at, here = torch.arange(room, device=self.lengths.device), self.lengths[:, None]
            is_seen = at <= here
            if window is not None:
                is_seen &= at > here - window
            self._masks[window] = additive(is_seen[:, None], torch.float32)
        return self._masks[window]

    def prefix_mask(self, length: int, window: int | None, query: torch.Tensor) -> tuple[torch.Tensor | None, bool]:
        """What of a prefix of `length` tokens each token sees: a mask if not all, and whether any sees any."""
        if window is None or window >= length + self.longest:
            return None, True
        if window not in self._prefix_masks:
            self._prefix_masks[window] = _prefix_mask(self.lengths + length, length, window, query.dtype)
        return self._prefix_masks[window]


def _prefix_mask(at: torch.Tensor, length: int, window: int, dtype: torch.dtype) -> tuple[torch.Tensor, bool]:
    is_seen = torch.arange(length, device=at.device) > at[:, None] - window  # (T, P)
    return additive(is_seen, dtype), bool(is_seen.any())


def _with_room(states: torch.Tensor, length: int) -> torch.Tensor:
    """`states`, or a copy with room for `length` tokens a slot, in blocks; what is empty is 0, for what is masked must
    still be a number."""
    slots, heads, room, dim = states.shape
    if length <= room:
        return states
    roomier = states.new_zeros((slots, heads, -(-length // BLOCK) * BLOCK, dim))
    roomier[:, :, :room] = states
    return roomier


def _apart(states: torch.Tensor, start: int, count: int, length: int) -> torch.Tensor:
    """`count` packed sequences of `length` tokens from `start` of (1, H, T, D), as (count, H, length, D)."""
    return states[0, :, start : start + count * length].unflatten(1, (count, length)).transpose(0, 1)
