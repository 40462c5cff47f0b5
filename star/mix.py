"""What is trained on beside the rationales that an iteration accepted: those of iterations before, and real ones."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from star.recipe import Recipe
from star.records import AttemptId, Example, derive_seed
from star.select import digest_of
from star.vote import most_beside


def mix(
    new: Iterable[Example],
    trained_on: Callable[[int], Collection[Example]],
    real: Sequence[Example],
    recipe: Recipe,
    number: int,
    lessons: Callable[[], Iterable[Example]] = tuple,
) -> Iterator[Example]:
    """The training data of iteration `number`: `new` examples, those carried along, lessons, replayed ones, real ones.

    Args:
        trained_on: what an earlier iteration was trained on.
        real: all of `mix.real`, of which a share is drawn.
        lessons: those of this iteration, the same whenever it is called.
    """
    count = 0
    for example in carry(new, trained_on(number - 1), recipe, number):
        count += 1
        yield example
    if share := recipe.max_lesson_share:
        for example in _drawn(lessons, most_beside(count, share), derive_seed(recipe.seed, number, "lessons")):
            count += 1
            yield example
    replayed, mixed = recipe.selection.replay, recipe.mix.real.share if recipe.mix.real else 0.0
    total = count / (1 - replayed - mixed)
    if replayed:
        yield from replay(trained_on, round(replayed * total), recipe, number)
    if mixed:
        rng = random.Random(derive_seed(recipe.seed, number, "real"))
        yield from rng.sample(real, min(len(real), round(mixed * total)))


def carry(new: Iterable[Example], previous: Collection[Example], recipe: Recipe, number: int) -> Iterator[Example]:
    """`new` examples and, of the `previous` training data, what the last `selection.keep_iterations` accepted."""
    oldest = _oldest(recipe, number)
    rationales = (example for example in previous if not example.is_lesson)
    missing = {digest_of(example) for example in rationales if example.iteration >= oldest}
    for example in new:
        if missing:
            missing.discard(digest_of(example))
        yield example
    for example in previous:
        if (digest := digest_of(example)) in missing:
            missing.remove(digest)
            yield example


def replay(
    trained_on: Callable[[int], Collection[Example]], count: int, recipe: Recipe, number: int
) -> Iterator[Example]:
    """`count` examples, or all there are, drawn from what iterations accepted that are no longer carried along."""

    def pool() -> Iterator[Example]:
        for earlier in range(1, _oldest(recipe, number)):
            own = (example for example in trained_on(earlier) if example.iteration == earlier)
            yield from (example for example in own if not example.is_lesson)

    return _drawn(pool, count, derive_seed(recipe.seed, number, "replay"))


def _drawn(pool: Callable[[], Iterable[Example]], count: int, seed: int) -> Iterator[Example]:
    """`count` examples of a pool at random, or all there are, in its order; it is gone through twice."""
    size = sum(1 for _ in pool())
    drawn = set(random.Random(seed).sample(range(size), min(size, count)))
    return (example for place, example in enumerate(pool()) if place in drawn)


def upheld(examples: Iterable[Example], withdrawn: Mapping[str, int], recipe: Recipe, number: int) -> Iterator[Example]:
    """`examples` without those of earlier iterations that were accepted for an answer which does not stand any more,
    and without those whose answer was voted on that would make such ones more than the recipe's share of all so far.

    Args:
        withdrawn: by id of a problem, the iteration that gave it another answer or none.
    """
    share, counts = recipe.max_voted_share, Counter()
    for example in examples:
        if share is not None and example.is_voted and example.iteration < number:
            if example.iteration < withdrawn.get(AttemptId.parse(example.attempt_id).problem, 0):
                continue
            if counts["voted"] >= most_beside(counts["others"], share):
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
