"""The loss that fine-tuning, preferences and pretraining share, computed the quickest way that a model allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate

import torch
from torch.nn.functional import cross_entropy, linear
from transformers import PreTrainedModel

from star.models.loading import keeps_logits
from star.train.batches import IGNORE, TokenisedExample, collate
from star.train.packing import PLAIN_UP_TO, Layout, pack_attention, packed

ROWS_AT_ONCE = {"cpu": 128}
"""Target tokens whose logits are held at once (49,152 logits of each are 25 MB, and stay in the processor's cache)."""
ROWS_ELSEWHERE = 2048
"""The same on other devices, which want larger products."""


class TargetLoss:
    """Cross-entropy summed over the target tokens of examples, end-of-sequence tokens included: the negative
    log-likelihood of their targets.

    Examples go through the model packed; where a model cannot do that, padded. Logits are computed for positions that
    predict a target token and, where the head is frozen, a few at a time, forward and backward at once.

    Args:
        model: to be trained, before an adapter is put on it: its attention is routed through ours, if it can be.
        pad: the pad token.
        is_whole: whether all weights of the head are in this process, to be used outside of the model's forward pass.

    Attributes:
        obstacle: why examples are padded; `None` if they are packed.
    """

    def __init__(self, model: PreTrainedModel, pad: int, is_whole: bool = True):
        self.base, self.pad = model, pad
        self.own_attention = model.config._attn_implementation
        self.obstacle = pack_attention(model)
        self.keeps_logits = keeps_logits(model)
        can_split = is_whole and self.keeps_logits and not self.obstacle
        self.head = _separable_head(model) if can_split else None

    def __call__(self, model: torch.nn.Module, rows: Sequence[TokenisedExample]) -> torch.Tensor:
        """The summed loss of `rows`, for backward. `model` is the base model or wraps it."""
        return self.of_each(model, rows).sum()

    def of_each(self, model: torch.nn.Module, rows: Sequence[TokenisedExample]) -> torch.Tensor:
        """The loss of each of `rows`, float32 (B,), for backward."""
        return self._padded(model, rows) if self.obstacle else self._packed(model, rows)

    def _packed(self, model: torch.nn.Module, rows: Sequence[TokenisedExample]) -> torch.Tensor:
        device, layout = self.base.device, Layout([len(row) for row in rows], self.base.device)
        ids = torch.tensor([token for row in rows for token in row.prompt + row.target], device=device)
        learned = [row.target if row.prompt else row.target[1:] for row in rows]  # nothing predicts a first token
        targets = torch.tensor([token for target in learned for token in target], device=device)
        ends = accumulate(len(row) for row in rows)
        used = [torch.arange(end - len(target), end) - 1 for target, end in zip(learned, ends, strict=True)]
        used = torch.cat(used).to(device)  # what a position predicts stands at the next
        more = {"logits_to_keep": used} if self.keeps_logits else {}
        wraps = getattr(model, "get_base_model", lambda: model)()
        is_frozen = self.head is wraps.get_output_embeddings() and not self.head.weight.requires_grad
        head = self.head if is_frozen else None  # not where it is trained, or an adapter was put on it
        with packed(layout), _passing_on(head):
            out = model(input_ids=ids[None], position_ids=layout.positions, use_cache=False, **more).logits[0]
        if head is not None:
            losses = HeadLoss.apply(out, head.weight, head.bias, targets)
        else:
            losses = cross_entropy((out if more else out[used]).float(), targets, reduction="none")
        return torch.stack([part.sum() for part in losses.split(list(map(len, learned)))])

    def _padded(self, model: torch.nn.Module, rows: Sequence[TokenisedExample]) -> torch.Tensor:
        self._choose_attention(max(map(len, rows)))
        ids, mask, labels = (tensor.to(self.base.device) for tensor in collate(rows, self.pad))
        target = labels[:, 1:]  # what position t predicts stands at t + 1
        used = (target != IGNORE).any(0).nonzero()[:, 0]  # (n,)
        more = {"logits_to_keep": used} if self.keeps_logits else {}
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False, **more).logits
        logits = (logits if more else logits[:, used]).flatten(0, 1).float()
        losses = cross_entropy(logits, target[:, used].flatten(), ignore_index=IGNORE, reduction="none")
        return losses.unflatten(0, (len(rows), -1)).sum(1)

    def _choose_attention(self, width: int) -> None:
        """Plain attention for short rows on a CPU (see `PLAIN_UP_TO`), else the model's own."""
        wanted = "eager" if self.base.device.type == "cpu" and width <= PLAIN_UP_TO else self.own_attention
        if self.base.config._attn_implementation != wanted and self.base._can_set_attn_implementation():
            self.base.set_attn_implementation(wanted)


class HeadLoss(torch.autograd.Function):
    """Cross-entropy of a frozen head for each target, without ever holding all logits.

    The gradient is computed with the loss: softmax minus one-hot, times the head's weight (the idea of Liger Kernel's
    fused linear cross-entropy, https://arxiv.org/abs/2410.10989, section 3.2).
    """

    @staticmethod
    def forward(ctx, hidden, weight, bias, targets):
        """Of hidden states (n, C), weight (V, C), bias (V,) or `None`, targets (n,): (n,), float32."""
        losses, grad = hidden.new_empty(len(hidden), dtype=torch.float32), torch.empty_like(hidden)
        at_once = ROWS_AT_ONCE.get(hidden.device.type, ROWS_ELSEWHERE)
        for rows, wanted, loss, out in zip(*(t.split(at_once) for t in (hidden, targets, losses, grad)), strict=True):
            logarithms = linear(rows, weight, bias).float().log_softmax(-1)
            loss.copy_(logarithms.gather(1, wanted[:, None])[:, 0].neg_())
            if ctx.needs_input_grad[0]:
                slope = logarithms.exp_().scatter_add_(1, wanted[:, None], -torch.ones_like(logarithms[:, :1]))
                torch.mm(slope.to(weight.dtype), weight, out=out)
        ctx.save_for_backward(grad)
        return losses

    @staticmethod
    def backward(ctx, factors):
        (grad,) = ctx.saved_tensors
        return grad * factors[:, None].to(grad.dtype), None, None, None


def _separable_head(model: PreTrainedModel) -> torch.nn.Linear | None:
    """The head of `model`, if its logits are the head's product with the last hidden states and nothing else."""
    head = model.get_output_embeddings()
    if type(head) is not torch.nn.Linear:
        return None
    ids = torch.arange(8, device=model.device)[None] % model.get_input_embeddings().num_embeddings
    layout = Layout([ids.shape[1]], model.device)
    with torch.inference_mode(), packed(layout):
        wanted = model(input_ids=ids, position_ids=layout.positions, use_cache=False).logits
        with _passing_on(head):
            hidden = model(input_ids=ids, position_ids=layout.positions, use_cache=False).logits
        alike = hidden.shape[-1] == head.in_features and hidden.dtype == head.weight.dtype
        return head if alike and torch.equal(head(hidden), wanted) else None


@contextmanager
def _passing_on(head: torch.nn.Module | None) -> Iterator[None]:
    """Within: `head` hands on the hidden states that it is given, so that a model returns those for logits."""
    if head is None:
        yield
        return
    head.forward = lambda states: states
    try:
        yield
    finally:
        del head.forward
