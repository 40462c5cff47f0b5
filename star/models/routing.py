"""Let a transformers model attend through a function of ours, and find out whether it then still computes the same.

Served: causal language models with full or sliding-window attention that go through transformers' attention interface
(or are of GPT-J's older make) and take position ids. The rest says why not, and keeps its own attention.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from transformers import AttentionInterface, DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

TOLERANCE = {torch.float32: 1e-3}
"""Largest difference of a logit in the probe, as a share of the largest logit; elsewhere `ROUGH`."""
ROUGH = 0.1
LENGTH_DEPENDENT_ROPE = ("dynamic", "longrope")
"""Rotary embeddings that depend on the longest sequence of a batch, so on the company that a sequence keeps."""
HARMLESS = {"is_causal", "output_attentions", "output_router_logits", "position_ids", "use_cache"}
"""Further arguments of an attention function that change nothing here; any other that is set might."""

Probe = Callable[[PreTrainedModel, list[list[int]]], torch.Tensor]
"""The logits behind the last two tokens of each of some sequences, (n, 2, V), with the attention in question."""


class UnknownAttentionError(Exception):
    """A model asks for a kind of attention that is not known here."""


def refuse_unknown(arguments: dict[str, Any], known: frozenset[str] = frozenset()) -> None:
    """Raise `UnknownAttentionError` if an attention function was given something that might change its result."""
    if unknown := [k for k, v in arguments.items() if k not in HARMLESS | known and v is not None]:
        raise UnknownAttentionError(f"its attention takes {', '.join(unknown)}")


def route(model: PreTrainedModel, name: str, attention: Callable[..., Any], probe: Probe) -> str | None:
    """Route the attention of `model` through `attention`; returns why not where it cannot be done, the model unchanged.

    Args:
        name: what transformers is to call it.
        attention: an attention function as `AttentionInterface` wants it.
        probe: computes logits with it, to be compared with those of the plain model.
    """
    if reason := _obstacle(model):
        return reason
    sequences = _sequences(model)
    wanted = _by_forward(model, sequences)
    before = model.config._attn_implementation
    older = [module for module in model.modules() if hasattr(module, "_attn") and hasattr(module, "scale_attn")]
    if older:  # GPT-J and its like
        for module in older:
            module._attn = partial(_older_attention, attention, module)
    elif model._can_set_attn_implementation():
        AttentionInterface.register(name, attention)
        model.set_attn_implementation(name)
    else:
        return "it does not use transformers' attention interface"
    reason = _difference(model, sequences, wanted, probe)
    if reason and older:
        for module in older:
            del module._attn
    elif reason:
        model.set_attn_implementation(before)
    return reason


def _obstacle(model: PreTrainedModel) -> str | None:
    config = model.config.get_text_config()
    takes = inspect.signature(model.forward).parameters
    if not {"position_ids", "past_key_values"} <= set(takes):
        return "it takes no position ids"
    kinds = {type(layer) for layer in DynamicCache(config=model.config).layers}
    if others := kinds - {DynamicLayer, DynamicSlidingWindowLayer}:
        return f"its cache has {', '.join(sorted(kind.__name__ for kind in others))}"
    source = inspect.getsource(inspect.getmodule(type(model)))
    if DynamicSlidingWindowLayer in kinds and "sliding_window=" not in source:
        return "it has a sliding window that its attention is not told of"
    rope = getattr(config, "rope_parameters", None) or {}
    for one in (rope, *(part for part in rope.values() if isinstance(part, dict))):
        if one.get("rope_type") in LENGTH_DEPENDENT_ROPE:
            return f"its {one['rope_type']} rotary embeddings depend on the longest sequence of a batch"
    return None


def _older_attention(attention, module, query, key, value, attention_mask=None):
    scaling, dropout = 1 / float(module.scale_attn), module.attn_dropout.p
    out, _ = attention(module, query, key, value, scaling=scaling, dropout=dropout)
    return out.transpose(1, 2), None


def _sequences(model: PreTrainedModel) -> list[list[int]]:
    """Three short sequences that begin alike, the first two the same."""
    size = model.get_input_embeddings().num_embeddings
    ids = torch.randint(size, (12,), generator=torch.Generator().manual_seed(0)).tolist()
    return [ids[:8], ids[:8], ids[:3] + ids[8:]]


@torch.inference_mode()
def _by_forward(model: PreTrainedModel, sequences: list[list[int]]) -> torch.Tensor:
    ids = [torch.tensor([one], device=model.device) for one in sequences]
    return torch.stack([model(input_ids=one, use_cache=False).logits[0, -2:] for one in ids]).float()


@torch.inference_mode()
def _difference(model: PreTrainedModel, sequences: list[list[int]], wanted: torch.Tensor, probe: Probe) -> str | None:
    try:
        found = probe(model, sequences)
    except UnknownAttentionError as error:
        return str(error)
    except (AttributeError, IndexError, LookupError, RuntimeError, TypeError, ValueError) as error:
        return f"its forward pass is another ({type(error).__name__}: {' '.join(str(error).split())[:200]})"
    worst = (found.float() - wanted).abs().max() / wanted.abs().max()
    if not worst <= TOLERANCE.get(model.dtype, ROUGH):
        return f"its logits come out otherwise (by {float(worst):.1g} of the largest)"
    return None
