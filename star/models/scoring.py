"""How a model predicts text that is given: its perplexity, how often it is right, how far it is from the base model.

Texts are padded and go through plain transformers, once with the adapter and once without: both distributions come from
one model in memory. Logits are computed for the positions that predict a target token only.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from star.clock import spent
from star.models.checkpoint import Checkpoint
from star.models.loading import keeps_logits, load_model, with_adapter

if TYPE_CHECKING:
    import torch

LONGEST_TARGET = 1024
"""Tokens of a target that callers should give at most: those of one text have their logits in memory together."""
TOKENS_AT_ONCE = 1024
"""Tokens of one forward pass, padding included, unless a single text is longer: 200 MB of 49,152 logits each."""
ROWS_AT_ONCE = 128
"""Rows of logits compared together, in float32 (see `star/train/loss.py`)."""


class Passage(NamedTuple):
    """Token ids of a text: the target is to be predicted, behind the prompt. Nothing predicts a first token."""

    prompt: list[int]
    target: list[int]

    @property
    def predicted(self) -> list[int]:
        """The tokens that are scored."""
        return self.target if self.prompt else self.target[1:]

    @property
    def length(self) -> int:
        return len(self.prompt) + len(self.target)


class Scores(NamedTuple):
    """What a model makes of passages, all of it a mean over their predicted tokens.

    Attributes:
        tokens: how many.
        perplexity: exp of the mean negative log-likelihood (Jelinek et al. 1977, https://doi.org/10.1121/1.2016299).
        accuracy: share of tokens that are the most likely one.
        kl: KL divergence from the base model to this one, KL(base || this), in nats (Kullback and Leibler 1951,
            https://doi.org/10.1214/aoms/1177729694).
        agreement: share of tokens where both models have the same most likely token.
    """

    tokens: int
    perplexity: float
    accuracy: float
    kl: float
    agreement: float


def score(
    checkpoint: Checkpoint,
    adapter: Path | None,
    dtype: torch.dtype,
    device: torch.device,
    passages: Sequence[Passage],
) -> Scores:
    """Load the base model with `adapter` on it (`None`: the base model alone) and see `compare`.

    The adapter is not merged, so that in bfloat16 numbers differ by rounding from those of the model that samples.

    Raises:
        UserError: the model or the adapter cannot be loaded.
    """
    model = load_model(checkpoint, dtype, device)
    if adapter is not None:
        with spent("loading"):
            model = with_adapter(model, adapter).eval()
    scores = compare(model, passages)
    del model
    gc.collect()  # a model is full of reference cycles, and whoever comes next wants its memory
    return scores


def compare(model: torch.nn.Module, passages: Sequence[Passage], at_once: int = TOKENS_AT_ONCE) -> Scores:
    """The scores of a model, with its adapter against without it; one that has none is its own base.

    Args:
        model: a transformers or peft model, in evaluation mode.
        passages: with a predicted token among them.
        at_once: tokens of one forward pass, padding included.
    """
    import torch
    from peft import PeftModel

    base = model.get_base_model() if (adapted := isinstance(model, PeftModel)) else model
    keeps, count = keeps_logits(base), sum(len(passage.predicted) for passage in passages)
    sums = torch.zeros(4, dtype=torch.float64)
    with torch.inference_mode():
        for batch in _batches(passages, at_once):
            now = _logits(model, batch, keeps, base.device)
            with model.disable_adapter() if adapted else nullcontext():
                before = _logits(model, batch, keeps, base.device) if adapted else now
            wanted = torch.tensor([token for passage in batch for token in passage.predicted], device=now.device)
            for part in zip(*(t.split(ROWS_AT_ONCE) for t in (now, before, wanted)), strict=True):
                sums += _sums(*part)
    surprise, right, kl, same = (sums / count).tolist()
    perplexity = torch.tensor(surprise, dtype=torch.float64).exp().item()  # infinite where math.exp has an error
    return Scores(count, perplexity, right, kl, same)


def _batches(passages: Sequence[Passage], at_once: int) -> Iterator[list[Passage]]:
    """All passages, longest first, in batches of at most `at_once` tokens with padding, or of one passage."""
    batch: list[Passage] = []
    for passage in sorted(passages, key=lambda passage: -passage.length):
        if batch and (len(batch) + 1) * batch[0].length > at_once:
            yield batch
            batch = []
        batch.append(passage)
    yield batch


def _logits(model: torch.nn.Module, batch: Sequence[Passage], keeps: bool, device: torch.device) -> torch.Tensor:
    """The logits of all predicted tokens of a batch, one passage after the other, (n, V)."""
    import torch

    width = max(passage.length for passage in batch)
    ids = torch.zeros(len(batch), width, dtype=torch.long)
    mask, used = torch.zeros_like(ids), torch.zeros_like(ids, dtype=torch.bool)
    for i, passage in enumerate(batch):
        end = passage.length
        ids[i, :end] = torch.tensor(passage.prompt + passage.target)
        mask[i, :end] = 1
        used[i, end - len(passage.predicted) - 1 : end - 1] = True  # what a position predicts stands at the next
    columns = used.any(0).nonzero()[:, 0]
    only = {"logits_to_keep": columns.to(device)} if keeps else {}
    logits = model(input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False, **only).logits
    return logits[(used[:, columns] if keeps else used).to(device)]


def _sums(now: torch.Tensor, before: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Of logits (n, V), (n, V) and targets (n,): negative log-likelihood, hits, KL divergence and agreement, (4,)."""
    import torch

    now, before = now.float().log_softmax(-1), before.float().log_softmax(-1)
    kl = (before.exp() * (before - now)).sum(-1).clamp(min=0)  # below 0 is rounding
    best = now.argmax(-1)
    parts = (-now.gather(1, wanted[:, None])[:, 0], best == wanted, kl, best == before.argmax(-1))
    return torch.stack([part.cpu().double().sum() for part in parts])
