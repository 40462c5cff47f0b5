"""How a model does on held-out problems: what is sampled of it, and what is counted of that.

The one way to score, for a run after each of its iterations (`session.py`) and for `star eval` (`evaluation/`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any

from star.evaluate import accuracy, best_of
from star.files import Rows
from star.prompts import evaluates_with_exemplars
from star.recipe import Decoding, Recipe
from star.records import Attempt

SEVERAL = {"pass_at": "pass@k", "majority_at": "majority@k", "best_of": "best-of-k"}
"""What k samples of a problem give, by its name in the scores."""
BEST_OF = "evaluation-best-of"
"""The stage with the samples that a verifier ranks."""

Sample = Callable[[str, Decoding, bool], Rows[Attempt]]
"""The stage of that name: attempts at the held-out problems, decoded so, with exemplars in the prompts or without."""
Rank = Callable[[str, Rows[Attempt]], Iterable[tuple[Attempt, float | None]]]
"""The stage of that name: attempts with their ranks, the higher the better; `None` is last."""


def held_out_scores(
    recipe: Recipe, number: int, sample: Sample, meaning: Callable[[Attempt], Hashable | None], rank: Rank | None = None
) -> dict[str, dict[str, Any]]:
    """Stages: attempt the held-out problems, and with `evaluation.best_of` several times more, to be ranked.

    Args:
        number: of the iteration that trained the model; 0 for the base model.
        meaning: what the answer of an attempt says (see `accuracy`).
        rank: what the verifier says of them; without one, nothing is sampled for it.

    Returns:
        By evaluation mode what `accuracy` says. The first mode has `best_of` too, beside the `majority_at` and
        `pass_at` of the same samples.
    """
    scores: dict[str, dict[str, Any]] = {}
    for exemplars in evaluates_with_exemplars(recipe, number):
        mode = "few-shot" if exemplars else "zero-shot"
        scores[mode] = accuracy(sample(f"evaluation-{mode}", recipe.evaluation_decoding, exemplars), meaning)
        if len(scores) == 1 and rank and (decoding := recipe.best_of_decoding):
            several = sample(BEST_OF, decoding, exemplars)
            found = accuracy(several, meaning)
            scores[mode] |= {kind: found[kind] for kind in ("majority_at", "pass_at")}
            scores[mode]["best_of"] = best_of(rank(f"{BEST_OF}-scores", several))
    return scores
