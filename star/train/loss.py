"""The loss that fine-tuning and pretraining share."""

from __future__ import annotations

import torch
from torch.nn.functional import cross_entropy

from star.models.loading import keeps_logits
from star.train.batches import IGNORE


def summed_loss(model: torch.nn.Module, ids: torch.Tensor, mask: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy summed over the labelled tokens of a batch, each argument (B, T).

    Logits are computed only at positions that predict a label in some row: the vocabulary is most of the work.
    """
    target = labels[:, 1:]  # what position t predicts stands at t + 1
    used = (target != IGNORE).any(0).nonzero()[:, 0]  # (n,)
    if keeps_logits(getattr(model, "get_base_model", lambda: model)()):
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False, logits_to_keep=used).logits  # (B, n, V)
    else:
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, used]
    return cross_entropy(logits.flatten(0, 1).float(), target[:, used].flatten(), ignore_index=IGNORE, reduction="sum")
