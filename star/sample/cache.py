"""Keys and values that grow in place: `torch.cat` at every token costs a quarter of a decoding step on a CPU."""

from __future__ import annotations

import torch
from transformers import DynamicCache, PreTrainedConfig
from transformers.cache_utils import DynamicLayer

SPARE = 64
"""Tokens of room added whenever a layer is full."""


class GrowingLayer(DynamicLayer):
    """A `DynamicLayer` whose `keys` and `values`, (B, heads, length, head_dim), are views of roomier tensors."""

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        super().lazy_initialization(key_states, value_states)
        self.keys, self.values = key_states[:, :, :0], value_states[:, :, :0]

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args, **kwargs):
        """Append (B, heads, n, head_dim) keys and values; returns all of them."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        self.keys = _append(self.keys, key_states)
        self.values = _append(self.values, value_states)
        return self.keys, self.values


def new_cache(config: PreTrainedConfig) -> DynamicCache:
    """An empty cache for a model: growing layers for full attention, transformers' own for every other kind."""
    cache = DynamicCache(config=config)
    cache.layers = [GrowingLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache


def shares_prefix(cache: DynamicCache) -> bool:
    """Whether padding may stand between a shared prefix and the rest: with full attention, which masks it, alone.

    A sliding window counts places in the cache, padding included.
    """
    return all(type(layer) is GrowingLayer for layer in cache.layers)


def can_drop_rows(cache: DynamicCache) -> bool:
    """Whether rows can be taken out of a batch (recurrent layers have no such thing)."""
    return all(hasattr(layer, "batch_select_indices") for layer in cache.layers)


def _append(past: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
    """`past` with `new` behind it, along dimension 2; in place if the memory behind `past` is its own spare room."""
    batch, heads, length, dim = past.shape
    end = length + new.shape[2]
    room = getattr(past, "room", None)
    if room is None or room.shape[2] < end:
        room = new.new_empty((batch, heads, end + SPARE, dim))
        room[:, :, :length] = past
    room[:, :, length:end] = new
    grown = room[:, :, :end]
    grown.room = room  # indexing or copying `grown` drops this, and with it the claim to the room
    return grown
