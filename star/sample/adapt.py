"""Make a transformers model attend through slots, and find out whether it then still computes the same.

Served: causal language models with full or sliding-window attention that go through transformers' attention interface
(or are of GPT-J's older make) and take position ids. The rest says why not, and is sampled with `generate`.
"""

from __future__ import annotations

import inspect
from functools import partial

import torch
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from star.sample.attention import NAME, UnknownAttentionError, slot_attention
from star.sample.engine import Engine

TOLERANCE = {torch.float32: 1e-3}
"""Largest difference of a logit in the probe, as a share of the largest logit; elsewhere `ROUGH`."""
ROUGH = 0.1
LENGTH_DEPENDENT_ROPE = ("dynamic", "longrope")
"""Rotary embeddings that depend on the longest sequence of a batch, so on the company that a sequence keeps."""


def adapt(model: PreTrainedModel) -> str | None:
    """Route the attention of `model` through slots; returns why not where it cannot be done, the model unchanged."""
    if reason := _obstacle(model):
        return reason
    before = model.config._attn_implementation
    probes = _probes(model)
    wanted = _by_forward(model, probes)
    older = [module for module in model.modules() if hasattr(module, "_attn") and hasattr(module, "scale_attn")]
    if older:  # GPT-J and its like
        for module in older:
            module._attn = partial(_older_attention, module)
    elif model._can_set_attn_implementation():
        model.set_attn_implementation(NAME)
    else:
        return "it does not use transformers' attention interface"
    reason = _difference(model, probes, wanted)
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
    rope = getattr(config, "rope_parameters", None) or {}
    for one in (rope, *(part for part in rope.values() if isinstance(part, dict))):
        if one.get("rope_type") in LENGTH_DEPENDENT_ROPE:
            return f"its {one['rope_type']} rotary embeddings depend on the longest sequence of a batch"
    return None


def _older_attention(module, query, key, value, attention_mask=None):
    out, _ = slot_attention(module, query, key, value, scaling=1 / float(module.scale_attn))
    return out.transpose(1, 2), None


def _probes(model: PreTrainedModel) -> list[list[int]]:
    """Three short sequences that begin alike, the first two the same."""
    size = model.get_input_embeddings().num_embeddings
    ids = torch.randint(size, (12,), generator=torch.Generator().manual_seed(0)).tolist()
    return [ids[:8], ids[:8], ids[:3] + ids[8:]]


@torch.inference_mode()
def _by_forward(model: PreTrainedModel, probes: list[list[int]]) -> torch.Tensor:
    """Logits behind the last two tokens of each sequence, (3, 2, V), the usual way."""
    ids = [torch.tensor([probe], device=model.device) for probe in probes]
    return torch.stack([model(input_ids=one, use_cache=False).logits[0, -2:] for one in ids]).float()


@torch.inference_mode()
def _difference(model: PreTrainedModel, probes: list[list[int]], wanted: torch.Tensor) -> str | None:
    engine = Engine(model)
    shared = 3
    try:
        engine.start(probes[0][:shared], slots=len(probes))
        first = engine.admit([probe[shared:-1] for probe in probes])
        second = engine.step(torch.tensor([probe[-1] for probe in probes], device=model.device))
    except UnknownAttentionError as error:
        return str(error)
    except (AttributeError, IndexError, LookupError, RuntimeError, TypeError, ValueError) as error:
        return f"its forward pass is another ({type(error).__name__}: {' '.join(str(error).split())[:200]})"
    worst = (torch.stack([first, second], dim=1).float() - wanted).abs().max() / wanted.abs().max()
    if not worst <= TOLERANCE.get(model.dtype, ROUGH):
        return f"its logits come out otherwise (by {float(worst):.1g} of the largest)"
    return None
