"""Recipes: YAML plus `key=value` overrides -> one validated `Recipe`; canonical form, hash and difference."""

from star.recipe.base import Section
from star.recipe.curriculum import Curriculum
from star.recipe.decoding import Decoding
from star.recipe.load import NOT_DECIDING, ROUNDING, canonical, difference, load_recipe, make_recipe, recipe_hash
from star.recipe.model import Model, Starter
from star.recipe.samplers import OpenAIServers, SamplerSettings, VllmEngine
from star.recipe.schema import Prompting, Recipe
from star.recipe.sweep import Sweep
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
from star.recipe.training import Optimization, Training
from star.recipe.verifier import BestOf, DpoVerifier

__all__ = [
    "NOT_DECIDING",
    "ROUNDING",
    "ArithmeticTask",
    "Audit",
    "BestOf",
    "CommonsenseqaTask",
    "Curriculum",
    "CustomTask",
    "DataTask",
    "Decoding",
    "DpoVerifier",
    "Gsm8kTask",
    "JsonlFields",
    "JsonlTask",
    "MathTask",
    "Model",
    "NoSynthesis",
    "OpenAIServers",
    "Optimization",
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
    "Sweep",
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
