"""Recipes: YAML plus `key=value` overrides -> one validated `Recipe`; canonical form, hash and difference."""

from star.recipe.base import Section
from star.recipe.load import NOT_DECIDING, ROUNDING, canonical, difference, load_recipe, recipe_hash
from star.recipe.model import Model, Starter
from star.recipe.schema import Decoding, Prompting, Recipe, SamplerSettings, Selection, Training
from star.recipe.tasks import (
    ArithmeticTask,
    CommonsenseqaTask,
    DataTask,
    Gsm8kTask,
    JsonlFields,
    JsonlTask,
    MathTask,
    ReasoningGymTask,
)

__all__ = [
    "NOT_DECIDING",
    "ROUNDING",
    "ArithmeticTask",
    "CommonsenseqaTask",
    "DataTask",
    "Decoding",
    "Gsm8kTask",
    "JsonlFields",
    "JsonlTask",
    "MathTask",
    "Model",
    "Prompting",
    "ReasoningGymTask",
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
