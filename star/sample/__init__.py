"""Samplers: prompts in, completions out."""

from __future__ import annotations

from pathlib import Path

from star.models import Checkpoint
from star.recipe import Recipe
from star.sample.base import Sampler
from star.sample.budget import tokens_in_flight
from star.sample.local import LocalSampler

__all__ = ["LocalSampler", "Sampler", "open_sampler", "tokens_in_flight"]


def open_sampler(recipe: Recipe, checkpoint: Checkpoint, tokens: int, folder: Path | None = None) -> Sampler:
    """The sampler of a recipe, with at most `tokens` tokens in flight. Loads no weights before it is asked for text.

    Args:
        folder: the run directory, where a sampler may save what is in no journal yet.

    Raises:
        UserError: the sampler lacks what it needs.
    """
    if recipe.sampler.kind == "openai":
        from star.sample.openai import OpenAISampler

        return OpenAISampler(recipe, checkpoint, folder)
    if recipe.sampler.kind == "vllm":
        from star.sample.vllm_engine import VllmSampler

        return VllmSampler(recipe, checkpoint)
    return LocalSampler(recipe.model, recipe.sampler, checkpoint, recipe.prompt.chat, tokens)
