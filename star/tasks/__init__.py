"""Tasks: one file each, and one explicit dict."""

from __future__ import annotations

import hashlib
import json
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from star.clock import spent
from star.errors import Complaints, UserError, shown
from star.overlap import Protected
from star.recipe import CustomTask, Recipe
from star.records import Problem, derive_seed
from star.spool import Chosen
from star.tasks.arithmetic import Arithmetic
from star.tasks.base import Task
from star.tasks.commonsenseqa import Commonsenseqa
from star.tasks.contamination import protect, without_overlap
from star.tasks.exemplars import load_exemplars
from star.tasks.gsm8k import Gsm8k
from star.tasks.jsonl import Jsonl
from star.tasks.math import Math
from star.tasks.reasoning_gym import ReasoningGym
from star.verify.text import normalise

TASKS: dict[str, type[Task]] = {
    "arithmetic": Arithmetic,
    "commonsenseqa": Commonsenseqa,
    "gsm8k": Gsm8k,
    "jsonl": Jsonl,
    "math": Math,
    "reasoning_gym": ReasoningGym,
}

__all__ = [
    "TASKS",
    "Problems",
    "Task",
    "build_task",
    "known_task",
    "load_exemplars",
    "load_held_out",
    "load_problems",
    "problems_hash",
]


def build_task(recipe: Recipe) -> Task:
    """The task of a recipe; reads no data yet.

    Raises:
        UserError: it is an object of the user's own.
    """
    if (task := known_task(recipe)) is None:
        raise UserError(
            "task.kind = 'custom': the task of this recipe is an object in Python, which is not here; "
            "give it as star.run(recipe, folder, task=...) (docs/api.md)"
        )
    return task


def known_task(recipe: Recipe) -> Task | None:
    """The task of a recipe; `None` for an object of the user's own."""
    return None if isinstance(recipe.task, CustomTask) else TASKS[recipe.task.kind](recipe.task)


class Problems(NamedTuple):
    """The problems of a run.

    Attributes:
        train, held_out: without overlap.
        protected: what no example may have: all held-out problems, evaluated or not, and the files of `audit.protect`.
        removed: training problems that are left out because they overlap those.
    """

    train: Sequence[Problem]
    held_out: Sequence[Problem]
    protected: Protected
    removed: Complaints


def load_problems(recipe: Recipe, task: Task) -> Problems:
    """Training and held-out problems, `limit` applied, ids unique, without overlap.

    Held-out problems that are exemplars are left out; `evaluation.problems` of the rest are drawn.

    Raises:
        UserError: bad data, duplicate ids, an overlap, or nothing left.
    """
    train, held_out = task.problems("train"), _not_shown(recipe, task)
    for split, problems in (("training", train), ("held-out", held_out)):
        _require_some(task, split, problems)
    _require_unique_ids(train, held_out)
    with spent("auditing"):
        protected = protect(held_out, recipe.audit)
        train, removed = without_overlap(train, protected, recipe.audit)
    return Problems(_first(recipe.limit, train), _evaluated(recipe, held_out), protected, removed)


def load_held_out(recipe: Recipe, task: Task) -> Sequence[Problem]:
    """The held-out problems of `load_problems`, without a look at those to train on.

    Raises:
        UserError: bad data, duplicate ids, or nothing left.
    """
    held_out = _not_shown(recipe, task)
    _require_some(task, "held-out", held_out)
    _require_unique_ids(held_out)
    return _evaluated(recipe, held_out)


def _not_shown(recipe: Recipe, task: Task) -> list[Problem]:
    """The held-out problems that are no exemplars."""
    exemplars = load_exemplars(recipe.prompt.exemplars, task) if recipe.prompt.exemplars else []
    shown = {normalise(problem.question) for problem, _ in exemplars}
    return [problem for problem in task.problems("held_out") if normalise(problem.question) not in shown]


def _evaluated(recipe: Recipe, held_out: Sequence[Problem]) -> Sequence[Problem]:
    """Those of the held-out problems that the recipe evaluates on."""
    count = recipe.evaluation.problems
    if count is not None and count < len(held_out):
        held_out = random.Random(derive_seed(recipe.seed, "evaluation problems")).sample(held_out, count)
    return _first(recipe.limit, held_out)


def _require_some(task: Task, split: str, problems: Sequence[Problem]) -> None:
    if not problems:
        raise UserError(f"task {task.name}: there are no {split} problems left{_left_out(task)}; give more data")


def problems_hash(problems: Iterable[Problem]) -> str:
    """SHA-256 of all problems: whether two runs saw the same data, wherever it came from."""
    digest = hashlib.sha256()
    for problem in problems:
        digest.update(json.dumps([problem.id, problem.question, problem.answer, problem.choices]).encode())
    return digest.hexdigest()


def _first(limit: int | None, problems: Sequence[Problem]) -> Sequence[Problem]:
    """The first `limit` problems of each group."""
    if limit is None:
        return problems
    taken: dict[str, int] = defaultdict(int)

    def places() -> Iterator[int]:
        for place, problem in enumerate(problems):
            taken[problem.group] += 1
            if taken[problem.group] <= limit:
                yield place

    return Chosen(problems, places())


def _left_out(task: Task) -> str:
    """Why there may be none."""
    if not task.skipped:
        return ""
    return f" ({len(task.skipped)} were left out by task.bad_gold=skip, the first: {task.skipped[0]})"


def _require_unique_ids(*splits: Sequence[Problem]) -> None:
    seen: set[str] = set()
    for problem in chain(*splits):
        if problem.id in seen:
            first = next(one for one in chain(*splits) if one.id == problem.id)
            raise UserError(
                f"{problem.source}: id {shown(problem.id)} was already used at {first.source}; ids must be unique"
            )
        seen.add(problem.id)
