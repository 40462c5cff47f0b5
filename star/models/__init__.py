"""Base models and adapters: a hub id, a path, a GGUF file or the starter -> model and tokenizer.

`checkpoint.py` turns what the recipe names into a normal transformers checkpoint, `starter.py` pretrains the tiny one,
`loading.py` loads weights, and `encoding.py` turns prompts into tokens. Imports of torch are inside functions, so that
a recipe error never waits for them.
"""

from star.models.checkpoint import Checkpoint, recorded_checkpoint, resolve_checkpoint
from star.models.encoding import encode_prompt, encode_target
from star.models.loading import (
    choose_device,
    choose_dtype,
    eos_token_ids,
    load_model,
    load_tokenizer,
    merge_adapter,
    set_threads,
)

__all__ = [
    "Checkpoint",
    "choose_device",
    "choose_dtype",
    "encode_prompt",
    "encode_target",
    "eos_token_ids",
    "load_model",
    "load_tokenizer",
    "merge_adapter",
    "recorded_checkpoint",
    "resolve_checkpoint",
    "set_threads",
]
