"""Choose the problems of an iteration, as `curriculum.kind` says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from star.curriculum.draw import draw, draw_learnable
from star.curriculum.effort import effort
from star.curriculum.estimate import Estimates, estimate
from star.curriculum.practice import practise
from star.history import ProblemHistory
from star.overlap import Protected
from star.recipe import Recipe
from star.records import Problem
from star.spool import Chosen
from star.store import Iteration, Store
from star.synthesize.pool import within_share
from star.tasks import Task


def choose(
    iteration: Iteration, pool: Sequence[Problem], store: Store, task: Task, recipe: Recipe, protected: Protected
) -> Sequence[Problem]:
    """Stages: the problems of an iteration, and `curriculum.json`, which says where its attempts go (`effort.py`).

    Args:
        pool: the training problems, and those that the model wrote, of which no more are tried than their share if
            their answers were voted on; a practice world does without.
        protected: what no practice problem may ask.

    Raises:
        UserError: there are no practice problems at the levels that the model has come to.
    """
    kind, number = recipe.curriculum.kind, iteration.number
    pool = within_share(pool, recipe, number)  # of the pool, so that the draw is of nearly as many as it is to be
    if kind == "uniform":
        return _drawn(pool, partial(draw, recipe=recipe, number=number), recipe, number)
    estimates = _estimates(store, recipe, number)
    if kind == "learnable":
        by_estimate = partial(draw_learnable, estimates=estimates, recipe=recipe, number=number)
        problems, reached = _drawn(pool, by_estimate, recipe, number), {}
    else:
        problems, level = practise(iteration, store, task, recipe, protected)
        reached = {"level": level}
    iteration.json("curriculum", lambda: {"kind": kind, **reached, **effort(problems, estimates)})
    return problems


def _drawn(
    pool: Sequence[Problem], pick: Callable[[Sequence[Problem]], Sequence[Problem]], recipe: Recipe, number: int
) -> Sequence[Problem]:
    """What `pick` draws from the pool, without voted answers beyond their share; if it drew such alone, as few may be,
    what it draws from the other problems."""
    if problems := within_share(pick(pool), recipe, number):
        return problems
    return pick(Chosen(pool, (place for place, problem in enumerate(pool) if not problem.is_voted)))


def _estimates(store: Store, recipe: Recipe, number: int) -> Estimates:
    """From the attempts of the last iterations before `number`."""
    settings = recipe.curriculum
    last, before = number - 1, max(number - 1 - settings.window, 0)
    histories = [store.rows(one, "history", ProblemHistory) for one in (last, before)]
    return estimate(*histories, settings.prior)
