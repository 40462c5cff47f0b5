"""Tasks: one file each, and one explicit dict."""

from __future__ import annotations

import hashlib
import json
import random
from collections import defaultdict

from star.errors import UserError, shown
from star.recipe import Recipe
from star.records import Problem, derive_seed
from star.tasks.arithmetic import Arithmetic
from star.tasks.base import Task
from star.tasks.commonsenseqa import Commonsenseqa
from star.tasks.dataset import one_line
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

__all__ = ["TASKS", "Task", "build_task", "load_exemplars", "load_problems", "problems_hash"]


def build_task(recipe: Recipe) -> Task:
    """The task of a recipe; reads no data yet."""
    return TASKS[recipe.task.kind](recipe.task)


def load_problems(recipe: Recipe, task: Task) -> tuple[list[Problem], list[Problem]]:
    """Training and held-out problems, `limit` applied, ids unique, no question in both.

    Held-out problems that are exemplars are left out; `evaluation.problems` of the rest are drawn.

    Raises:
        UserError: bad data, duplicate ids, an overlap, or nothing left.
    """
    exemplars = load_exemplars(recipe.prompt.exemplars, task) if recipe.prompt.exemplars else []
    shown = {normalise(problem.question) for problem, _ in exemplars}
    train = task.problems("train")
    held_out = [problem for problem in task.problems("held_out") if normalise(problem.question) not in shown]
    for split, problems in (("training", train), ("held-out", held_out)):
        if not problems:
            raise UserError(f"task {task.name}: there are no {split} problems left{_left_out(task)}; give more data")
    _require_unique_ids([*train, *held_out])
    _require_disjoint(train, held_out)
    count = recipe.evaluation.problems
    if count is not None and count < len(held_out):
        held_out = random.Random(derive_seed(recipe.seed, "evaluation problems")).sample(held_out, count)
    return _first(recipe.limit, train), _first(recipe.limit, held_out)


def problems_hash(problems: list[Problem]) -> str:
    """SHA-256 of all problems: whether two runs saw the same data, wherever it came from."""
    digest = hashlib.sha256()
    for problem in problems:
        digest.update(json.dumps([problem.id, problem.question, problem.answer, problem.choices]).encode())
    return digest.hexdigest()


def _first(limit: int | None, problems: list[Problem]) -> list[Problem]:
    """The first `limit` problems of each group."""
    if limit is None:
        return problems
    taken: dict[str, int] = defaultdict(int)
    kept = []
    for problem in problems:
        taken[problem.group] += 1
        if taken[problem.group] <= limit:
            kept.append(problem)
    return kept


def _left_out(task: Task) -> str:
    """Why there may be none."""
    if not task.skipped:
        return ""
    return f" ({len(task.skipped)} were left out by task.bad_gold=skip, the first: {task.skipped[0]})"


def _require_unique_ids(problems: list[Problem]) -> None:
    seen: dict[str, Problem] = {}
    for problem in problems:
        if problem.id in seen:
            raise UserError(
                f"{problem.source}: id {shown(problem.id)} was already used at {seen[problem.id].source}; "
                "ids must be unique"
            )
        seen[problem.id] = problem


def _require_disjoint(train: list[Problem], held_out: list[Problem]) -> None:
    questions = {normalise(problem.question) for problem in held_out}
    trained = {question: p for p in train if (question := normalise(p.question)) in questions}
    shared = [(trained[question], p) for p in held_out if (question := normalise(p.question)) in trained]
    if shared:
        trained, held = shared[0]
        raise UserError(
            f"{len(shared)} held-out questions are also training questions, so accuracy would mean nothing; the first: "
            f"{trained.source} (id {one_line(trained.id)}) and {held.source} (id {one_line(held.id)}): "
            f"{held.question[:80]!r}. "
            "Remove them from one of the two"
        )
