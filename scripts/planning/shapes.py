"""The shape of a model, from its configuration or its name: no weights are read. For `estimate.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scripts.planning.costs import Shape
from star.errors import UserError
from star.recipe import Recipe
from star.tasks import Task

LLAMAS = {
    "1B": Shape(16, 2048, 32, 8, 8192, 128256, 64, tied=True),
    "7B": Shape(32, 4096, 32, 32, 11008, 32000),
    "8B": Shape(32, 4096, 32, 8, 14336, 128256),
    "70B": Shape(80, 8192, 64, 8, 28672, 128256),
}
"""Llama 3.2 1B, 2 7B, 3.1 8B and 70B, by their `config.json` (https://huggingface.co/meta-llama)."""


def model_of(recipe: Recipe, task: Task, llama: str | None) -> tuple[Shape, Any, Any]:
    """Shape, configuration and tokenizer of the base model; of a Llama that is only a name, the shape alone.

    Raises:
        UserError: the model cannot be found.
    """
    if llama is not None:
        return LLAMAS[llama], None, None
    from transformers import AutoConfig, AutoTokenizer

    from star.models import Checkpoint, choose_device, choose_dtype, load_tokenizer
    from star.models.loading import load_config
    from star.models.starter import _new_model, starter_tokenizer

    model = recipe.model
    if model.starter is not None:
        tokenizer = starter_tokenizer()
        config = _new_model(model.starter, tokenizer).config
    elif model.gguf is not None:
        file = Path(model.gguf)
        if not file.is_file():
            raise UserError(f"model.gguf = {model.gguf!r}: there is no such file; give it, or a shape with --llama")
        where = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
        config, tokenizer = AutoConfig.from_pretrained(**where), AutoTokenizer.from_pretrained(**where)
    else:
        checkpoint = Checkpoint(model.path, model.revision, model.trust_remote_code)
        config, tokenizer = load_config(checkpoint), load_tokenizer(checkpoint)
    width = choose_dtype(model, choose_device(model)).itemsize
    return shape_of(config.get_text_config(), width), config, tokenizer


def shape_of(config: Any, width: int) -> Shape:
    """From a configuration of transformers, with the names that Llama's has."""
    heads = config.num_attention_heads
    return Shape(
        config.num_hidden_layers,
        config.hidden_size,
        heads,
        getattr(config, "num_key_value_heads", None) or heads,
        getattr(config, "intermediate_size", None) or 4 * config.hidden_size,
        config.vocab_size,
        getattr(config, "head_dim", None) or 0,
        bool(config.tie_word_embeddings),
        width,
    )
