"""The LoRA step in several processes: each takes its share of a step's examples, and the gradients are summed.

Replicated, as accelerate's plain multi-GPU and multi-CPU launches ask for it: every process has the whole model, and
one all-reduce a step sums the gradients of the adapter, which are few. It is what DistributedDataParallel computes
(https://docs.pytorch.org/docs/stable/notes/ddp.html), with the sum taken over target tokens and not over processes, so
that shares need not be equal. Sharded, as an accelerate configuration with FSDP asks for it: every process has its part
of each layer's weights (FSDP2, https://docs.pytorch.org/docs/stable/distributed.fsdp.fully_shard.html).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import torch
from torch import distributed

from star.processes.launch import is_asked_for

Item = TypeVar("Item")


class Parallel:
    """The processes that fine-tune together, this one alone if nobody else has joined.

    Attributes:
        rank, size: number of this process, and of how many.
        is_sharded: whether weights are split among them.
        factor: of a loss before the backward pass, which takes the mean over processes where weights are split.
    """

    def __init__(self) -> None:
        has_joined = distributed.is_available() and distributed.is_initialized()
        self.rank, self.size = (distributed.get_rank(), distributed.get_world_size()) if has_joined else (0, 1)
        self.is_sharded = self.size > 1 and is_asked_for("FSDP")
        self.factor = self.size if self.is_sharded else 1

    def share(self, items: Sequence[Item]) -> Sequence[Item]:
        """The items of this process: dealt in turn, so that of sorted ones all get alike."""
        return items[self.rank :: self.size]

    def shard(self, model: torch.nn.Module, layers: Iterable[str]) -> None:
        """Split the weights of `model`, and of its modules of the classes `layers`, if this is how it is done."""
        if not self.is_sharded:
            return
        from torch.distributed.fsdp import fully_shard

        names = set(layers)
        for module in model.modules():
            if type(module).__name__ in names:
                fully_shard(module)
        fully_shard(model)

    def agreed(self, value: Item) -> Item:
        """What the first process says, in all of them."""
        if self.size == 1:
            return value
        box = [value]
        distributed.broadcast_object_list(box, src=0)
        return box[0]

    def equalise(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Give all processes the first one's values: those that each has drawn or read for itself may differ."""
        if self.size > 1 and not self.is_sharded:
            for parameter in parameters:
                distributed.broadcast(parameter.data, src=0)

    def sum_gradients(self, parameters: Sequence[torch.nn.Parameter], sums: Mapping[str, float]) -> Mapping[str, float]:
        """Sum gradients over the processes, in place, and return their `sums`, losses among them, added up."""
        if self.size == 1:
            return sums
        device = parameters[0].device
        total = torch.tensor(list(sums.values()), dtype=torch.float64, device=device)
        distributed.all_reduce(total)
        if not self.is_sharded:  # there, the backward pass has done it
            missing = (torch.zeros_like(p) for p in parameters)
            grads = [p.grad if p.grad is not None else zero for p, zero in zip(parameters, missing, strict=True)]
            flat = torch.cat([grad.flatten() for grad in grads])
            distributed.all_reduce(flat)
            for parameter, part in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
                parameter.grad = part.view_as(parameter)
        return dict(zip(sums, total.tolist(), strict=True))

    def whole(self, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Tensors put together of all processes' parts; every process must ask."""
        return {name: t.full_tensor() if hasattr(t, "full_tensor") else t for name, t in tensors.items()}
