"""The order in which training sees its examples: which of them an optimizer step learned. Needs no torch."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from star.recipe import Recipe
from star.records import derive_seed


def training_order(recipe: Recipe, number: int, count: int) -> Iterator[list[int]]:
    """Indices of the examples, of `count` that fit the context, in each optimizer step of iteration `number`."""
    settings, seed = recipe.train, derive_seed(recipe.seed, number, "order")
    return batches(count, settings.batch_size, settings.steps_in(number, count), settings.epochs, seed)


def batches(count: int, batch_size: int, steps: int, epochs: float | None, seed: int) -> Iterator[list[int]]:
    """Indices of each optimizer step's examples: every pass in a new random order, none left out.

    By `epochs`, the last batch is what remains; by `steps`, batches go on into the next pass.
    """
    stream = _endless(count, random.Random(seed))
    left = math.ceil(count * epochs) if epochs is not None else steps * batch_size
    for _ in range(steps):
        size = min(batch_size, left)
        left -= size
        yield [next(stream) for _ in range(size)]


def _endless(count: int, rng: random.Random) -> Iterator[int]:
    while True:
        order = list(range(count))
        rng.shuffle(order)
        yield from order
