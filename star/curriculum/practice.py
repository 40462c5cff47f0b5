"""A practice world: new problems in every iteration, at the level of difficulty that the model has reached.

The level goes up where the model succeeds and down where it cannot, by the attempts of the iteration before. Some
problems are from below it, against forgetting, and some from above, to see whether the model is ready for them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from star.console import console
from star.curriculum.estimate import NOTHING, Tally
from star.errors import UserError
from star.overlap import Protected
from star.recipe import Curriculum, Recipe
from star.records import Attempt, Problem, derive_seed
from star.select import solves
from star.spool import Spool
from star.store import Artefacts, Iteration, Journal, Store
from star.tasks import Task

EXAMPLES = 10
"""Problems of the highest level whose length is looked at before a run begins."""


def practise(
    iteration: Iteration, store: Store, task: Task, recipe: Recipe, protected: Protected
) -> tuple[Sequence[Problem], int]:
    """Stage: the practice problems of an iteration, `practice.jsonl`, the easiest first; and its level.

    Raises:
        UserError: there are none of its level.
    """
    level, counts = _plan(iteration.number, store, task, recipe)

    def produce(journal: Journal) -> None:
        journal.clear()
        journal.append(_problems(counts, task, recipe, iteration.number, protected))

    problems = Spool(iteration.rows("practice", produce, Problem))
    _require(problems, level, counts, task, iteration.number)
    return problems, level


def _require(problems: Sequence[Problem], level: int, counts: Mapping[int, int], task: Task, number: int) -> None:
    """Problems of the level itself, since it can neither go up nor down without; fewer in all than planned are told.

    Raises:
        UserError: there are none.
    """
    needed = [level] if counts.get(level) else list(counts)  # the first iteration may have fewer problems than levels
    if not any(problem.meta.get("level") in needed for problem in problems):
        remedy = f"take a curriculum.highest below {level}, or" if level > 1 else "choose"
        raise UserError(
            f"curriculum.kind = 'grow': iteration {number} is to practise level {', '.join(map(str, needed))}, of "
            f"which task {task.name} has no new problems; {remedy} other settings of the task, in a new run or in a "
            f"fork from iteration {number - 1} (--fork NEW --from-iteration {number - 1})"
        )
    if len(problems) < (planned := sum(counts.values())):
        console.print(
            f"note: iteration {number} practises {len(problems)} problems, not {planned}: task {task.name} has no more "
            f"new ones at levels {', '.join(map(str, counts))}",
            markup=False,
        )


def _plan(number: int, store: Store, task: Task, recipe: Recipe) -> tuple[int, dict[int, int]]:
    """The level of an iteration, and how many problems it is to have of each."""
    settings, count = recipe.curriculum, recipe.problems_per_iteration
    highest = highest_level(settings, task)
    before = Artefacts(store, number - 1).json("curriculum") or {}
    if reached := before.get("level"):
        level = next_level(min(reached, highest), highest, _tallies(store, recipe, number - 1), settings)
    elif settings.start is None:
        return 1, spread(range(1, highest + 1), count)
    else:
        level = settings.start
    return level, shares(level, highest, count, settings)


def next_level(level: int, highest: int, tallies: Mapping[int, Tally], settings: Curriculum) -> int:
    """The level of an iteration after one at `level`.

    Args:
        tallies: attempts of the iteration before, by level; what was not tried is neither too easy nor too hard.
    """

    def success(of: int) -> float | None:
        tried, solved = tallies.get(of, NOTHING)
        return solved / tried if tried else None

    def is_too_hard(of: int) -> bool:
        return (share := success(of)) is not None and share < settings.lower_at

    if is_too_hard(level):
        return max(level - 1, 1)
    while level < highest and (success(level) or 0.0) >= settings.raise_at and not is_too_hard(level + 1):
        level += 1
    return level


def shares(level: int, highest: int, count: int, settings: Curriculum) -> dict[int, int]:
    """How many of `count` problems are from each level, in order: one at least from `level`, those below all alike."""
    ahead = min(round(count * settings.ahead), count - 1) if level < highest else 0
    review = min(round(count * settings.review), count - 1 - ahead) if level > 1 else 0
    wanted = spread(range(1, level), review) | {level: count - ahead - review, level + 1: ahead}
    return {one: number for one, number in wanted.items() if number}


def spread(levels: Sequence[int], count: int) -> dict[int, int]:
    """How many of `count` problems are from each of `levels`, all alike; one more of the last ones."""
    each, more = divmod(count, max(len(levels), 1))
    return {level: each + (place >= len(levels) - more) for place, level in enumerate(levels)}


def highest_level(settings: Curriculum, task: Task) -> int:
    """The highest level of a practice world.

    Raises:
        UserError: the task makes no problems, or does not have the levels that the recipe names.
    """
    if not (there := task.levels()):
        raise UserError(
            f"curriculum.kind = 'grow': task {task.name} makes no new problems (arithmetic and reasoning_gym do); "
            "take curriculum.kind=learnable"
        )
    for key in ("start", "highest"):
        if (asked := getattr(settings, key)) is not None and asked > there:
            raise UserError(f"curriculum.{key} = {asked}: task {task.name} has levels 1 to {there}; give one of them")
    return settings.highest or there


def practice_examples(recipe: Recipe, task: Task) -> list[Problem]:
    """Some problems of the highest level, whose prompts are among the longest; none unless `curriculum.kind` is `grow`.

    Raises:
        UserError: see `highest_level`.
    """
    if recipe.curriculum.kind != "grow":
        return []
    highest = highest_level(recipe.curriculum, task)
    problems = islice(task.practice(highest, derive_seed(recipe.seed, "practice examples")), EXAMPLES)
    return [replace(problem, id=f"practice-level-{highest}") for problem in problems]


def _problems(
    counts: Mapping[int, int], task: Task, recipe: Recipe, number: int, protected: Protected
) -> Iterator[Problem]:
    """As many of each level; where one has not so many, more of the next."""
    missing = 0
    for level, count in counts.items():
        seed = derive_seed(recipe.seed, number, "practice", level)
        fresh = (problem for problem in task.practice(level, seed) if protected.hit_by(problem) is None)
        made = 0
        for problem in islice(fresh, count + missing):
            yield replace(problem, id=f"practice-{number:03d}-level-{level:02d}-{made:06d}")
            made += 1
        missing += count - made


def _tallies(store: Store, recipe: Recipe, number: int) -> dict[int, Tally]:
    """The attempts of an iteration at each level."""
    tallies: dict[int, Tally] = defaultdict(lambda: NOTHING)
    for attempt in store.rows(number, "attempts", Attempt):
        if (level := attempt.problem.meta.get("level")) is not None:
            tried, solved = tallies[level]
            tallies[level] = Tally(tried + 1, solved + solves(attempt, recipe))
    return tallies
