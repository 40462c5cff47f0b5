"""Recipes: YAML plus `key=value` overrides -> one validated `Recipe`; canonical form, hash and difference."""

from star.recipe.base import Section
from star.recipe.decoding import Decoding
from star.recipe.load import NOT_DECIDING, ROUNDING, canonical, difference, load_recipe, make_recipe, recipe_hash
from star.recipe.model import Model, Starter
from star.recipe.samplers import OpenAIServers, SamplerSettings, VllmEngine
from star.recipe.schema import Prompting, Recipe, Training
from star.recipe.synthesis import (
    NoSynthesis,
    ReshapeSynthesis,
    SelfInstructSynthesis,
    Synthesis,
    TextbookSynthesis,
    Vote,
)
from star.recipe.tasks import (
    ArithmeticTask,
    CommonsenseqaTask,
    CustomTask,
    DataTask,
    Gsm8kTask,
    JsonlFields,
    JsonlTask,
    MathTask,
    ReasoningGymTask,
)
from star.recipe.tethers import Audit, RealData, Selection, Stop

__all__ = [
    "NOT_DECIDING",
    "ROUNDING",
    "ArithmeticTask",
    "Audit",
    "CommonsenseqaTask",
    "CustomTask",
    "DataTask",
    "Decoding",
    "Gsm8kTask",
    "JsonlFields",
    "JsonlTask",
    "MathTask",
    "Model",
    "NoSynthesis",
    "OpenAIServers",
    "Prompting",
    "RealData",
    "ReasoningGymTask",
    "Recipe",
    "ReshapeSynthesis",
    "SamplerSettings",
    "Section",
    "Selection",
    "SelfInstructSynthesis",
    "Starter",
    "Stop",
    "Synthesis",
    "TextbookSynthesis",
    "Training",
    "VllmEngine",
    "Vote",
    "canonical",
    "difference",
    "load_recipe",
    "make_recipe",
    "recipe_hash",
]
