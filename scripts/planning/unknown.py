"""What an estimate leaves out, or cannot know from the recipe alone: one line each. For `estimate.py`."""

from __future__ import annotations

from scripts.planning.counts import Counts
from star.recipe import Recipe

FILTERS = ("require_sound_steps", "max_near_duplicates", "balance")
"""Of `selection`: they drop what nobody can foresee."""


def unknown(recipe: Recipe, counts: Counts, number: int) -> list[str]:
    """The lines that concern iteration `number` of a recipe."""
    lines = [
        *_of_the_loop(recipe, number),
        *_of_the_verifier(recipe, counts, number),
        *_of_new_problems(recipe, counts, number),
        *_of_selection(recipe, number),
    ]
    if (most := recipe.stop.samples) and counts.samples:
        lines.append(f"stop.samples: {most:,} are drawn after about {most / counts.samples:,.0f} such iterations")
    return [*lines, "the audit is not estimated"]


def _of_the_loop(recipe: Recipe, number: int) -> list[str]:
    kind, lines = recipe.curriculum.kind, []
    if recipe.method == "curate":
        lines.append("method: curate trains nothing; the held-out problems are attempted before, in iteration 0")
    if recipe.method == "direct":
        lines.append("method: direct samples nothing to train on")
    if kind == "learnable":
        lines.append("curriculum.kind: learnable changes which problems are tried, not how many; --solved is of those")
    if kind == "grow":
        known = recipe.curriculum.start is not None and number == 1
        levels = f"level {recipe.curriculum.start} and its neighbours" if known else "all levels alike"
        lines.append(f"curriculum.kind: grow finds its level in the run; problems are taken to be from {levels}")
    if recipe.sweep:
        lines.append("sweep finds temperature and threshold in the run; how many examples they leave is --taught")
    return lines


def _of_the_verifier(recipe: Recipe, counts: Counts, number: int) -> list[str]:
    if recipe.verifier is None:
        return []
    if not recipe.verifier.is_due(number, recipe.iterations):
        return [f"verifier.when: last trains none in iteration {number}; see --iteration {recipe.iterations}"]
    if not counts.pairs:
        return [f"verifier: no problem has a right attempt and a wrong one in iteration {number}, so it trains none"]
    return ["pairs: wrong attempts at a problem are taken to differ from each other"]


def _of_new_problems(recipe: Recipe, counts: Counts, number: int) -> list[str]:
    if recipe.synthesize.kind == "none":
        return []
    of = f"{number} iterations" if number > 1 else "this iteration"
    lines = [f"new problems of {of} are in the pool, and are taken to be as long and as hard as the given ones"]
    if number == 1 and "agreed" in counts.assumed and recipe.max_voted_share is not None:
        lines.append("there is nothing to vote on again in iteration 1; see --iteration 2")
    return lines


def _of_selection(recipe: Recipe, number: int) -> list[str]:
    lines = []
    if used := [f"selection.{name}" for name in FILTERS if getattr(recipe.selection, name)]:
        lines.append(f"what these drop beside is not foreseen: {', '.join(used)}")
    if quality := recipe.selection.quality:
        lines.append(f"selection.quality is taken to tell right from wrong, and to keep {quality.keep:.0%}")
    if number > 1 and (recipe.selection.keep_iterations != 1 or recipe.selection.replay):
        lines.append("rationales of earlier iterations are taken to be as many as now, and different ones")
    return lines
