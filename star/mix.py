"""What is trained on beside the rationales that an iteration accepted: those of iterations before, and real ones."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from star.recipe import Recipe
from star.records import AttemptId, Example, derive_seed
from star.select import digest_of
from star.vote import most_beside

NOTHING: Mapping[str, int] = MappingProxyType({})
"""No problem lost its answer."""


def mix(
    new: Iterable[Example],
    trained_on: Callable[[int], Collection[Example]],
    real: Sequence[Example],
    recipe: Recipe,
    number: int,
    lessons: Callable[[], Iterable[Example]] = tuple,
    withdrawn: Mapping[str, int] = NOTHING,
) -> Iterator[Example]:
    """The training data of iteration `number`: `new` examples, those carried along, lessons, replayed ones, real ones.

    Of examples carried along and replayed, those stay away that were accepted for an answer which does not stand any
    more, and those whose answer was voted on that would make such ones more than the recipe's share of all so far.

    Args:
        trained_on: what an earlier iteration was trained on.
        real: all of `mix.real`, of which a share is drawn.
        lessons: those of this iteration, the same whenever it is called.
        withdrawn: by id of a problem, the last iteration that gave it another answer or none.
    """
    counts: Counter[str] = Counter()
    yield from _capped(carry(new, trained_on(number - 1), recipe, number, withdrawn), counts, recipe, number)
    if share := recipe.max_lesson_share:
        drawn = _drawn(lessons, most_beside(counts.total(), share), derive_seed(recipe.seed, number, "lessons"))
        yield from _capped(drawn, counts, recipe, number)
    replayed, mixed = recipe.selection.replay, recipe.mix.real.share if recipe.mix.real else 0.0
    total = counts.total() / (1 - replayed - mixed)
    if replayed:
        again = replay(trained_on, round(replayed * total), recipe, number, withdrawn)
        yield from _capped(again, counts, recipe, number)
    if mixed:
        rng = random.Random(derive_seed(recipe.seed, number, "real"))
        yield from rng.sample(real, min(len(real), round(mixed * total)))


def carry(
    new: Iterable[Example],
    previous: Collection[Example],
    recipe: Recipe,
    number: int,
    withdrawn: Mapping[str, int] = NOTHING,
) -> Iterator[Example]:
    """`new` examples and, of the `previous` training data, what the last `selection.keep_iterations` accepted and what
    still stands."""
    oldest = _oldest(recipe, number)
    missing = {digest_of(example) for example in _standing(previous, withdrawn) if example.iteration >= oldest}
    for example in new:
        if missing:
            missing.discard(digest_of(example))
        yield example
    for example in _standing(previous, withdrawn):
        if (digest := digest_of(example)) in missing:
            missing.remove(digest)
            yield example


def replay(
    trained_on: Callable[[int], Collection[Example]],
    count: int,
    recipe: Recipe,
    number: int,
    withdrawn: Mapping[str, int] = NOTHING,
) -> Iterator[Example]:
    """`count` examples, or all there are, drawn from what iterations accepted that are no longer carried along, and
    what still stands."""

    def pool() -> Iterator[Example]:
        for earlier in range(1, _oldest(recipe, number)):
            standing = _standing(trained_on(earlier), withdrawn)
            yield from (example for example in standing if example.iteration == earlier)

    return _drawn(pool, count, derive_seed(recipe.seed, number, "replay"))


def _drawn(pool: Callable[[], Iterable[Example]], count: int, seed: int) -> Iterator[Example]:
    """`count` examples of a pool at random, or all there are, in its order; it is gone through twice."""
    size = sum(1 for _ in pool())
    drawn = set(random.Random(seed).sample(range(size), min(size, count)))
    return (example for place, example in enumerate(pool()) if place in drawn)


def _standing(past: Iterable[Example], withdrawn: Mapping[str, int]) -> Iterator[Example]:
    """What earlier iterations trained on, without lessons, and without what was accepted for an answer that has changed
    since."""
    for example in past:
        if example.is_lesson:
            continue
        changed = withdrawn.get(AttemptId.parse(example.attempt_id).problem, 0) if example.is_voted else 0
        if example.iteration >= changed:
            yield example


def _capped(examples: Iterable[Example], counts: Counter[str], recipe: Recipe, number: int) -> Iterator[Example]:
    """`examples` without those of earlier iterations that would make answers that were voted on more than their share;
    `counts` what is left."""
    share = recipe.max_voted_share
    for example in examples:
        is_capped = share is not None and example.is_voted and example.iteration < number
        if is_capped and counts["voted"] >= most_beside(counts["others"], share):
            continue
        counts["voted" if example.is_voted else "others"] += 1
        yield example


def origins(examples: Iterable[Example], recipe: Recipe, number: int) -> Counter[str]:
    """How much of the training data of iteration `number` is `plain`, `hinted`, `carried`, `lessons`, `replayed` and
    `real`."""
    return Counter(_origin(example, _oldest(recipe, number), number) for example in examples)


def _origin(example: Example, oldest: int, number: int) -> str:
    if example.is_lesson:
        return "lessons"
    if example.iteration == number:
        return "hinted" if example.rationalized else "plain"
    return "carried" if example.iteration >= oldest else "replayed" if example.iteration else "real"


def _oldest(recipe: Recipe, number: int) -> int:
    """The first iteration whose rationales iteration `number` carries along."""
    keep = recipe.selection.keep_iterations
    return 1 if keep == "all" else max(1, number - keep + 1)
