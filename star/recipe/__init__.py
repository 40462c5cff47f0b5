"""Recipes: YAML plus `key=value` overrides -> one validated `Recipe`; canonical form, hash and difference."""

from star.recipe.load import canonical, difference, load_recipe, recipe_hash
from star.recipe.schema import (
    ArithmeticTask,
    Decoding,
    Gsm8kTask,
    JsonlTask,
    Model,
    Prompting,
    Recipe,
    SamplerSettings,
    Section,
    Selection,
    Starter,
    Training,
)

__all__ = [
    "ArithmeticTask",
    "Decoding",
    "Gsm8kTask",
    "JsonlTask",
    "Model",
    "Prompting",
    "Recipe",
    "SamplerSettings",
    "Section",
    "Selection",
    "Starter",
    "Training",
    "canonical",
    "difference",
    "load_recipe",
    "recipe_hash",
]
