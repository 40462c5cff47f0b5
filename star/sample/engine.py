"""The forward passes of sampling: prompts in, next-token logits out, for sequences that come and go.

Sequences live in the first slots of a `SlotCache`. Whoever is done is dropped, and the last sequences move into the
gaps, so that a pass over n sequences costs n rows and no more.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import PreTrainedModel

from star.models.loading import keeps_logits
from star.sample.attention import attending
from star.sample.cache import Decode, Prefill, SlotCache

PREFILL_TOKENS = 2048
"""Packed prompt tokens of one forward pass, unless a single prompt is longer: bounds the memory of activations."""


class Engine:
    """Runs a model whose attention is `slot_attention` (`adapt.py`).

    Attributes:
        lengths: tokens of each sequence that is alive, the prefix not counted; sequence i lives in slot i.
    """

    def __init__(self, model: PreTrainedModel):
        self.model = model
        self.layers = model.config.get_text_config().num_hidden_layers
        self.keeps_logits = keeps_logits(model)
        self.lengths: list[int] = []
        self._prefix: tuple[tuple[int, ...], SlotCache | None] = ((), None)

    def start(self, prefix: Sequence[int], slots: int) -> None:
        """Forget all sequences; those to come begin with `prefix`, and `slots` of them may be alive at once."""
        if self._prefix[0] != tuple(prefix):
            self._prefix = ((), None)  # its memory is free before the next one takes its own
            self._prefix = (tuple(prefix), self._prefill_prefix(prefix) if prefix else None)
        self.cache = SlotCache(self.layers, slots, self._prefix[1], len(prefix))
        self.lengths = []

    def stop(self) -> None:
        """Free the memory of the slots; the prefix stays for the next start."""
        self.lengths, self.cache = [], None

    @property
    def free(self) -> int:
        """Slots without a sequence."""
        return self.cache.slots - len(self.lengths)

    def admit(self, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        """Take in sequences, each the tokens behind the prefix (one at least); returns their logits, (n, V).

        Equal prompts that stand side by side go through the model once.
        """
        first = len(self.lengths)
        runs: list[tuple[Sequence[int], list[int]]] = []  # a prompt, and the slots that it goes to
        for slot, prompt in enumerate(prompts, first):
            if runs and prompt == runs[-1][0]:
                runs[-1][1].append(slot)
            else:
                runs.append((prompt, [slot]))
        self.lengths += map(len, prompts)
        logits = [self._prefill(part) for part in _parts(runs)]
        copies = torch.tensor([len(slots) for _, slots in runs], device=logits[0].device)
        return torch.cat(logits).repeat_interleave(copies, dim=0)

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Add one token, (n,), to each sequence; returns the logits of the next, (n, V)."""
        self.cache.work = Decode(torch.tensor(self.lengths), self.model.device)
        positions = self.cache.work.lengths + len(self._prefix[0])
        logits = self._forward(self.cache, tokens, positions)
        self.lengths = [length + 1 for length in self.lengths]
        return logits

    def drop(self, gone: Sequence[int]) -> list[int]:
        """Free the slots of these sequences; returns which old place each remaining sequence, in its new place, had."""
        order = list(range(len(self.lengths)))
        for slot in sorted(gone, reverse=True):
            last = order.pop()
            if slot != len(order):
                self.cache.move(len(order), slot, self.lengths[last])
                order[slot] = last
        self.lengths = [self.lengths[old] for old in order]
        return order

    def _prefill_prefix(self, prefix: Sequence[int]) -> SlotCache:
        cache = SlotCache(self.layers, 1)
        cache.work = Prefill([len(prefix)], [[0]])
        ids = torch.tensor(prefix, device=self.model.device)
        self._forward(cache, ids, torch.arange(len(prefix), device=ids.device), torch.tensor([len(prefix) - 1]))
        return cache

    def _prefill(self, runs: Sequence[tuple[Sequence[int], list[int]]]) -> torch.Tensor:
        """One pass over prompts; returns the logits of their last tokens, (n, V)."""
        device = self.model.device
        self.cache.work = Prefill([len(prompt) for prompt, _ in runs], [slots for _, slots in runs])
        ids = torch.tensor([token for prompt, _ in runs for token in prompt], device=device)
        positions = torch.cat([torch.arange(len(prompt)) for prompt, _ in runs]).to(device) + len(self._prefix[0])
        return self._forward(self.cache, ids, positions, torch.tensor(self.cache.work.ends, device=device) - 1)

    def _forward(
        self, cache: SlotCache, ids: torch.Tensor, positions: torch.Tensor, keep: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Logits of packed tokens `ids`, (T,), at `positions`: (T, V), or (n, V) of the places `keep`, (n,)."""
        only = {"logits_to_keep": keep} if keep is not None and self.keeps_logits else {}
        with attending(cache):
            logits = self.model(
                input_ids=ids[None], position_ids=positions[None], past_key_values=cache, use_cache=True, **only
            ).logits[0]
        return logits if keep is None or only else logits[keep]


def _parts(runs: list[tuple[Sequence[int], list[int]]]) -> list[list[tuple[Sequence[int], list[int]]]]:
    """`runs` in parts of at most `PREFILL_TOKENS` tokens, or of one prompt."""
    parts, size = [[]], 0
    for prompt, slots in runs:
        size += len(prompt)
        if parts[-1] and size > PREFILL_TOKENS:
            parts.append([])
            size = len(prompt)
        parts[-1].append((prompt, slots))
    return parts
