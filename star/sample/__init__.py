"""Samplers: prompts in, completions out. One class a file, and one explicit dict."""

from __future__ import annotations

from star.models import Checkpoint
from star.recipe import Recipe
from star.sample.base import Sampler
from star.sample.local import LocalSampler

SAMPLERS: dict[str, type[LocalSampler]] = {"local": LocalSampler}

__all__ = ["SAMPLERS", "LocalSampler", "Sampler", "open_sampler"]


def open_sampler(recipe: Recipe, checkpoint: Checkpoint) -> Sampler:
    """The sampler of a recipe. Loads no weights before it is asked for text."""
    return SAMPLERS[recipe.sampler.kind](recipe.model, checkpoint, recipe.sampler.batch_size, recipe.prompt.chat)
