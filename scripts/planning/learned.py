"""What is trained on in one iteration, and what a verifier that learns takes. For `counts.py`."""

from __future__ import annotations

from dataclasses import dataclass

from scripts.planning.assumed import Assumed
from scripts.planning.costs import FineTuning, Scoring
from star.recipe import Recipe

PAIR, SCORE = 100, 97
"""Bytes of a pair, texts aside, and of a score (`star/ranker.py`)."""


@dataclass(frozen=True)
class Tried:
    """Problems of an iteration: `known` answers and `voted` ones, from a pool of `pool`, and those that `failed`, to be
    rationalized."""

    known: float
    voted: float
    pool: float
    failed: float

    @property
    def all(self) -> float:
        return self.known + self.voted


def examples(recipe: Recipe, tried: Tried, lessons: float, assumed: Assumed, number: int) -> float:
    """That iteration `number` trains on: accepted ones, those of earlier iterations, lessons, replayed and real ones.

    Rationales of earlier iterations are taken to be other ones.
    """
    selection = recipe.selection
    if recipe.method == "direct":
        return tried.all
    each = _right(recipe, recipe.decoding.samples, assumed)
    each = min(each, selection.max_per_problem or each)
    plain = each * tried.all * (assumed.solved if selection.accept == "correct" else 1)
    hinted = each * tried.failed * assumed.rationalized
    if most := selection.max_rationalized_share:
        hinted = min(hinted, most / (1 - most) * plain)
    accepted = (plain + hinted) * (selection.quality.keep if selection.quality else 1)
    kept = number if selection.keep_iterations == "all" else min(number, selection.keep_iterations)
    total = accepted * kept
    if share := recipe.max_lesson_share:
        total += min(lessons, share / (1 - share) * total)
    real = recipe.mix.real.share if recipe.mix.real else 0.0
    whole = total / (1 - selection.replay - real)
    return total + min(selection.replay * whole, accepted * (number - kept)) + real * whole


def fine_tuning(recipe: Recipe, examples: float, prompt: float, completion: float, number: int) -> FineTuning:
    """The adapter of iteration `number`, from examples of so many tokens."""
    settings = recipe.train
    seen = examples * settings.epochs if settings.epochs else settings.steps_in(number, 1) * settings.batch_size
    return FineTuning(seen, prompt, completion, settings.batch_size)


def pairs(recipe: Recipe, tried: Tried, assumed: Assumed, number: int) -> float:
    """That the verifier of iteration `number` learns from, drawn from the attempts of the iterations that it looks at.

    Right attempts and wrong ones at one problem are taken to be different, as far as `assumed.taught` lets right ones
    be.
    """
    settings, iterations = recipe.verifier, looked_at(recipe, number)
    different = met(recipe, tried.known, tried.pool * tried.known / tried.all, iterations)
    if assumed.pairs is not None:
        return assumed.pairs * different * assumed.solved
    samples = recipe.decoding.samples * iterations * tried.known / different
    right = _right(recipe, samples, assumed)
    each = right * (samples - right)
    return min(each, settings.pairs_per_problem or each) * different * assumed.solved


def trains_verifier(recipe: Recipe, number: int) -> bool:
    """Whether iteration `number` trains one, if it has pairs to learn from."""
    return recipe.method == "star" and recipe.verifier is not None and recipe.verifier.is_due(number, recipe.iterations)


def looked_at(recipe: Recipe, number: int) -> int:
    """Iterations whose attempts the verifier of iteration `number` learns from."""
    last = recipe.verifier.iterations
    return number if last == "all" else min(number, last)


def met(recipe: Recipe, each: float, pool: float, iterations: int) -> float:
    """Different problems that so many iterations try, `each` of them as many.

    They are taken to be different until all of the pool were tried; a practice world makes new ones in every iteration.
    """
    tried = each * iterations
    return tried if recipe.curriculum.kind == "grow" else min(tried, max(each, pool))


def dpo(recipe: Recipe, pairs: float, prompt: float, completion: float, number: int) -> tuple[Scoring, FineTuning]:
    """What the reference says of both sides of each pair, once, and the training: forward and backward through both."""
    settings = recipe.verifier
    steps = settings.steps.in_iteration(number) * settings.batch_size if settings.steps else None
    seen = pairs * (settings.epochs or 1) if steps is None else steps
    return Scoring(2 * pairs, prompt, completion), FineTuning(2 * seen, prompt, completion, 2 * settings.batch_size)


def pair_bytes(characters: float) -> float:
    """Of a pair whose texts have so many characters, and of what the reference says of it."""
    return PAIR + characters + 2 * SCORE


def _right(recipe: Recipe, samples: float, assumed: Assumed) -> float:
    """Of so many samples of a solved problem, those that are right and different from each other: one at least."""
    return max(1.0, samples * assumed.taught) if samples > 1 else 1.0
