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

from star.sample.attention import additive, attend_once, attend_prefix, attend_within, merge

Attended = tuple[torch.Tensor, torch.Tensor]
"""Attention, (1, H, T, D), and the log-sum-exp of its scores, (1, H, T)."""


BLOCK = 32
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

    def attend(self, layer: SlotLayer, query, key, value, scale, window, softcap) -> torch.Tensor:
        """(1, H, T, D): each token's attention to its own sequence and to the prefix."""
        own, lse = self._attend_within(query, key, value, scale, window, softcap)
        if layer.prefix is None:
            return own
        mask, is_seen = self._prefix_mask(layer.prefix[0].shape[2], window, query)
        if not is_seen:
            return own
        return merge(own, lse, *attend_prefix(query, layer.prefix, scale, mask=mask, softcap=softcap))

    def _attend_within(self, query, key, value, scale, window, softcap) -> Attended:
        parts, start = [], 0
        for length, same in groupby(self.lengths):
            count = len(list(same))
            q, k, v = (_apart(states, start, count, length) for states in (query, key, value))
            mask = None
            if window is not None and window < length:
                at = torch.arange(length, device=query.device)
                mask = additive((at <= at[:, None]) & (at > at[:, None] - window), query.dtype)[None, None]
            parts.append(attend_within(q, k, v, scale, mask=mask, softcap=softcap))
            start += count * length
        out = [part.transpose(0, 1).flatten(1, 2) for part, _ in parts]
        lse = [part.transpose(0, 1).flatten(1, 2) for _, part in parts]
        return torch.cat(out, dim=1)[None], torch.cat(lse, dim=1)[None]

    def _prefix_mask(self, length: int, window: int | None, query: torch.Tensor) -> tuple[torch.Tensor | None, bool]:
        """What of a prefix of `length` tokens each token sees: a mask if not all, and whether any sees any."""
        if window is None or window >= length + self.longest:
            return None, True
        at = torch.cat([torch.arange(n, device=query.device) for n in self.lengths]) + length
        is_seen = _sees_prefix(at, length, window)
        return additive(is_seen, query.dtype)[None, None], bool(is_seen.any())


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
        self._masks: dict[int | None, tuple[torch.Tensor, torch.Tensor | None, bool]] = {}  # by window
        self._targets: dict[tuple[int, int], torch.Tensor] = {}

    def store(self, states: torch.Tensor, new: torch.Tensor) -> None:
        if self.is_even:
            states[: len(self.rows), :, self.longest - 1] = new.transpose(0, 1)
        else:
            _, heads, room, dim = states.shape
            states.view(-1, dim).index_copy_(0, self._places(heads, room), new.transpose(0, 1).reshape(-1, dim))

    def _places(self, heads: int, room: int) -> torch.Tensor:
        """Where the tokens of this pass go in a cache whose first three dimensions are one, (n * heads,)."""
        if (heads, room) not in self._targets:
            of_head = self.rows[:, None] * heads + torch.arange(heads, device=self.rows.device)
            self._targets[heads, room] = (of_head * room + self.lengths[:, None]).flatten()
        return self._targets[heads, room]

    def attend(self, layer: SlotLayer, query, _key, _value, scale, window, softcap) -> torch.Tensor:
        """(1, H, n, D): each token's attention to its slot and to the prefix."""
        own = tuple(states[: len(self.rows)] for states in (layer.keys, layer.values))
        masks = self._masks.get(window)
        if masks is None:
            masks = self._masks[window] = self._make_masks(layer, window, query.dtype)
        mask, prefix_mask, is_seen = masks
        prefix = layer.prefix if is_seen else None
        out = attend_once(query[0].transpose(0, 1), own, mask, prefix, prefix_mask, scale, softcap)
        return out.transpose(0, 1)[None]

    def _make_masks(
        self, layer: SlotLayer, window: int | None, dtype: torch.dtype
    ) -> tuple[torch.Tensor, torch.Tensor | None, bool]:
        """What each row sees of its slot; of the prefix, if not all; and whether any row sees any of the prefix."""
        at, here = torch.arange(layer.keys.shape[2], device=self.lengths.device), self.lengths[:, None]
        is_seen = at <= here
        if window is not None:
            is_seen &= at > here - window
        mask = additive(is_seen, dtype)[:, None, None]
        length = 0 if layer.prefix is None else layer.prefix[0].shape[2]
        if window is None or window >= length + self.longest:
            return mask, None, True
        is_seen = _sees_prefix(self.lengths + length, length, window)
        return mask, additive(is_seen, dtype)[:, None, None], bool(is_seen.any())


def _sees_prefix(at: torch.Tensor, length: int, window: int) -> torch.Tensor:
    """Which of the `length` tokens of the prefix a token at each of these places sees, (T, P)."""
    return torch.arange(length, device=at.device) > at[:, None] - window


def _with_room(states: torch.Tensor, length: int) -> torch.Tensor:
    """`states`, or a copy with room for `length` tokens a slot, in blocks; what is empty is 0, for what is masked must
    still be a number."""
    slots, heads, room, dim = states.shape
    if length <= room:
        return states
    roomier = states.new_empty((slots, heads, -(-length // BLOCK) * BLOCK, dim))
    roomier[:, :, :room] = states
    roomier[:, :, room:] = 0
    return roomier


def _apart(states: torch.Tensor, start: int, count: int, length: int) -> torch.Tensor:
    """`count` packed sequences of `length` tokens from `start` of (1, H, T, D), as (count, H, length, D)."""
    return states[0, :, start : start + count * length].unflatten(1, (count, length)).transpose(0, 1)
