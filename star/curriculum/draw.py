"""Draw the problems of an iteration from the training problems: all alike, or by what can be learned from them."""

from __future__ import annotations

import heapq
import math
import random
from array import array
from collections.abc import Sequence

from star.curriculum.estimate import Estimates
from star.recipe import Recipe
from star.records import Problem, derive_seed
from star.spool import Chosen

LEAST = 1e-12
"""Variance of success that a problem has at least: of what was always solved very often, rounding would leave none."""


def draw(problems: Sequence[Problem], recipe: Recipe, number: int) -> Sequence[Problem]:
    """The training problems of iteration `number`: all of them, or `problems_per_iteration`, drawn all alike."""
    count = recipe.problems_per_iteration
    if count is None or count >= len(problems):
        return problems
    rng = random.Random(derive_seed(recipe.seed, number, "draw"))
    return Chosen(problems, rng.sample(range(len(problems)), count))


def draw_learnable(problems: Sequence[Problem], estimates: Estimates, recipe: Recipe, number: int) -> Sequence[Problem]:
    """`problems_per_iteration` of them, each the likelier the more can be learned from it, in their order."""
    weights = learnability(problems, estimates, recipe.curriculum.explore)
    count = min(recipe.problems_per_iteration, len(problems))
    return Chosen(problems, weighted_places(weights, count, derive_seed(recipe.seed, number, "draw")))


def learnability(problems: Sequence[Problem], estimates: Estimates, explore: float) -> array:
    """The weight of each problem, 1 in all.

    A problem that is solved with probability p weighs p (1 - p), the variance of its success: what is always or never
    solved teaches nothing (Foster et al. 2025, "Learning to Reason at the Frontier of Learnability",
    https://arxiv.org/abs/2502.12272). A share `explore` of the weight is spread evenly.
    """
    weights = array("d", (max(p * (1 - p), LEAST) for p in map(estimates.of, problems)))
    total, floor = math.fsum(weights), explore / len(weights)
    for place, weight in enumerate(weights):
        weights[place] = floor + (1 - explore) * weight / total
    return weights


def weighted_places(weights: Sequence[float], count: int, seed: int) -> list[int]:
    """`count` places drawn without replacement in proportion to their weights, all above 0; ascending.

    Those with the largest u ** (1 / weight), u uniform on (0, 1) (Efraimidis and Spirakis 2006, "Weighted random
    sampling with a reservoir", https://doi.org/10.1016/j.ipl.2005.11.003), compared by their logarithms.
    """
    rng = random.Random(seed)
    keys = array("d", (math.log(1 - rng.random()) / weight for weight in weights))
    return sorted(heapq.nlargest(count, range(len(keys)), key=keys.__getitem__))
