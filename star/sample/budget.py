"""How many tokens may be in flight at once, so that no prompt is too long for the machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil
import torch

from star.models import Checkpoint, choose_device, choose_dtype
from star.models.loading import load_config
from star.recipe import Recipe

SHARE = 0.5
"""Of the free memory that keys and values may take; the rest is for activations, logits and everybody else."""
CGROUP = Path("/sys/fs/cgroup")


def tokens_in_flight(recipe: Recipe, checkpoint: Checkpoint, sharing: int = 1) -> int:
    """`sampler.max_tokens_in_flight`; `auto` is what fits into the memory that is free now, at least 1,024.

    Args:
        sharing: processes that share a machine's memory (each has a GPU of its own).

    A power of two, so that a little more or less memory gives the same batches, and with them the same rounding.

    Raises:
        UserError: the model cannot be found, or its device is not to be had.
    """
    if recipe.sampler.max_tokens_in_flight != "auto":
        return recipe.sampler.max_tokens_in_flight
    device = choose_device(recipe.model)
    bytes_each = token_bytes(load_config(checkpoint), choose_dtype(recipe.model, device))
    free = free_memory(device) // (sharing if device.type == "cpu" else 1)
    tokens = max(1024, int(SHARE * free / bytes_each))
    return 1 << (tokens.bit_length() - 1)


def token_bytes(config: Any, dtype: torch.dtype) -> int:
    """Bytes of the keys and values of one token, over all layers (as if all had attention, where some have not)."""
    config = config.get_text_config()
    heads = getattr(config, "num_attention_heads", None) or 1
    dim = getattr(config, "head_dim", None) or config.hidden_size // heads
    return 2 * config.num_hidden_layers * (getattr(config, "num_key_value_heads", None) or heads) * dim * dtype.itemsize


def free_memory(device: torch.device) -> int:
    """Bytes that this process could still take on `device`; on a CPU, a container's limit counts too."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    free = psutil.virtual_memory().available
    limit, used = (_number(CGROUP / name) for name in ("memory.max", "memory.current"))
    return free if limit is None or used is None else min(free, max(0, limit - used))


def _number(path: Path) -> int | None:
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
