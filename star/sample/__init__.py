"""Samplers: prompts in, completions out."""

from __future__ import annotations

from star.models import Checkpoint
from star.recipe import Recipe
from star.sample.base import Sampler
from star.sample.budget import tokens_in_flight
from star.sample.local import LocalSampler

__all__ = ["LocalSampler", "Sampler", "open_sampler", "tokens_in_flight"]


def open_sampler(recipe: Recipe, checkpoint: Checkpoint, tokens: int) -> Sampler:
    """The sampler of a recipe, with at most `tokens` tokens in flight. Loads no weights before it is asked for text."""
    return LocalSampler(recipe.model, recipe.sampler, checkpoint, recipe.prompt.chat, tokens)
