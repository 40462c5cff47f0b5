"""Whether a checkpoint is one to train: found out before a run begins, without loading a weight or running its code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from star.errors import UserError, reason
from star.models.checkpoint import Checkpoint

WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLED = (".bin", ".pt", ".pth", ".pkl", ".ckpt")


def require_causal(checkpoint: Checkpoint, config: Any) -> None:
    """A model whose weights predict the next token.

    Another kind (an encoder, a classifier) would often load as a causal language model, with a head of random weights.

    Raises:
        UserError: it is none, by its configuration.
    """
    if checkpoint.trust_remote_code and "AutoModelForCausalLM" in (getattr(config, "auto_map", None) or {}):
        return
    if not _is_causal(config):
        named = " ".join(config.architectures or [f"model_type {config.model_type}"])
        raise UserError(
            f"model {checkpoint.name}: its config.json names {named}, which is not a causal language model; "
            "give one that AutoModelForCausalLM saved (its name ends in ForCausalLM or LMHeadModel)"
        )


def _is_causal(config: Any) -> bool:
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    )

    own = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(config.model_type)
    is_encoder = config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES and not getattr(config, "is_decoder", False)
    if own is None or is_encoder:
        return False
    tied = getattr(config, "tie_word_embeddings", False)  # the bare model has the weights of the head then
    return not config.architectures or any(
        name == own or "CausalLM" in name or "LMHead" in name or (tied and name.endswith("Model"))
        for name in config.architectures
    )


def check_weights(folder: Path) -> None:
    """The headers and sizes of a folder's weights, which must be safetensors: a pickle can run any code.

    Raises:
        UserError: they are missing, pickled or damaged.
    """
    if (folder / "adapter_config.json").is_file():
        raise UserError(f"model {folder}: this is an adapter, not a whole model; merge it into its base model first")
    index = folder / INDEX
    if (folder / WHOLE).is_file():
        files = [folder / WHOLE]
    elif index.is_file():
        files = [folder / name for name in _shards(index)]
    else:
        pickled = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLED)
        what = f"its weights are pickled ({', '.join(pickled[:3])}), and a pickle can run any code" if pickled else ""
        raise UserError(
            f"model {folder}: {what or f'there is no {WHOLE}'}; give one saved as safetensors "
            "(save_pretrained of transformers 5 does so)"
        )
    for file in files:
        _check_file(file, index)


def _shards(index: Path) -> list[str]:
    try:
        shards = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        if not shards or any(Path(name).name != name for name in shards):
            raise ValueError(f"it names {shards or 'no file'}")
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise UserError(f"{index}: not an index of safetensors files ({reason(error)}); get the file again") from None
    return shards


def _check_file(file: Path, index: Path) -> None:
    from safetensors import SafetensorError, safe_open

    if not file.is_file():
        raise UserError(f"{file}: there is no such file, but {index.name} names it; get the missing file")
    try:
        with safe_open(file, framework="numpy"):  # reads the header, and compares the size
            pass
    except (SafetensorError, OSError) as error:
        raise UserError(
            f"{file}: damaged safetensors file of {file.stat().st_size} bytes ({reason(error)}); get the file again"
        ) from None
