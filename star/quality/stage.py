"""The stage that ranks rationales: `quality.json`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from star.console import console
from star.quality.filter import Quality, learn_quality
from star.recipe import Recipe
from star.records import Attempt
from star.store import Iteration


def rank(
    iteration: Iteration, attempts: Collection[Attempt], candidates: Callable[[], Iterable[Attempt]], recipe: Recipe
) -> Quality | None:
    """Learn what a good rationale looks like, and rank those that may be trained on; `None` if the recipe does not ask.

    Args:
        attempts: plain ones, to learn from.
        candidates: what is ranked.
    """
    if (settings := recipe.selection.quality) is None:
        return None

    def ranking() -> dict[str, Any]:
        quality = learn_quality(attempts, recipe, iteration.number).ranking(candidates(), settings.keep)
        console.print(f"iteration {iteration.number}: {quality}", markup=False)
        return quality.to_dict()

    return Quality.from_dict(iteration.json("quality", ranking))
