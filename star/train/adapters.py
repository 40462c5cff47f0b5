"""LoRA layers as they are trained here: the frozen weight and the adapter in one step of autograd.

peft's own forward pass takes the states to float32 and back for every adapter, and autograd keeps what it needs on the
way. Here the products are taken in the dtype of the frozen weight, what is kept is the layer's input and a (T, rank)
tensor, and the adapter itself stays in float32, where the optimizer adds its small steps (Hu et al. 2021,
https://arxiv.org/abs/2106.09685, equation 3: h = W x + alpha / r B A x).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from peft import PeftModel
from peft.tuners.lora import Linear


def speed_up(model: PeftModel) -> None:
    """Let the plain LoRA layers of `model` compute with `LoraProduct`; others (dropout, DoRA, biases of their own,
    frozen layers that are no `torch.nn.Linear`) stay as peft has them."""
    for module in model.modules():
        if isinstance(module, Linear) and _is_plain(module):
            module.forward = partial(_forward, module)


def _is_plain(layer: Linear) -> bool:
    names = layer.active_adapters
    return (
        type(layer.base_layer) is torch.nn.Linear
        and len(names) == 1
        and names[0] in layer.lora_A
        and names[0] not in layer.lora_variant
        and isinstance(layer.lora_dropout[names[0]], torch.nn.Identity)
        and layer.lora_B[names[0]].bias is None
    )


def _forward(layer: Linear, states: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
    (name,) = layer.active_adapters
    base = layer.base_layer
    a, b = layer.lora_A[name].weight, layer.lora_B[name].weight
    out = LoraProduct.apply(states.flatten(0, -2), base.weight, base.bias, a, b, layer.scaling[name])
    return out.unflatten(0, states.shape[:-1])  # out here: what a function of autograd makes a view of is read-only


class LoraProduct(torch.autograd.Function):
    """`x W' + b + scaling x A' B'` for states (T, in), a frozen W (out, in), A (rank, in) and B (out, rank)."""

    @staticmethod
    def forward(ctx, x, weight, bias, a, b, scaling):
        down, up = a.to(x.dtype), (b * scaling).to(x.dtype)
        inner = x @ down.T  # (T, rank)
        out = torch.nn.functional.linear(x, weight, bias).addmm_(inner, up.T)
        ctx.save_for_backward(x, weight, down, up, inner)
        ctx.scaling = scaling
        return out

    @staticmethod
    def backward(ctx, g):
        x, weight, down, up, inner = ctx.saved_tensors
        g_inner = g @ up  # (T, rank)
        g_x = (g @ weight).addmm_(g_inner, down) if ctx.needs_input_grad[0] else None
        return g_x, None, None, (g_inner.T @ x).float(), (g.T @ inner).float() * ctx.scaling, None
