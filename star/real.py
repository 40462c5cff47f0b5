"""The data of `mix.real`: rationales that people wrote, or gold ones, read and checked before the run.

A row has `question`, `answer` and `rationale` (and `choices`), or is one of the task's own with a worked solution, as
GSM8K's and MATH's are. Every rationale must give its answer, as an exemplar's must. `star/mix.py` draws from them.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from star.errors import Complaints, UserError, shown
from star.overlap import Protected
from star.prompts import PromptBuilder
from star.recipe import Recipe
from star.records import Example, Problem
from star.tasks import Task
from star.tasks.dataset import RowTask, choices_field, text_field
from star.tasks.source import read_rows

AT_ONCE = 1000
"""Rationales that are judged together."""


class Row(NamedTuple):
    """A problem, and the rationale that somebody wrote for it. Its `source` is `file:line`."""

    problem: Problem
    rationale: str


@dataclass(frozen=True)
class RealExamples(Sequence[Example]):
    """The rows of `mix.real` as training examples, made when they are asked for: prompts may be long.

    Attributes:
        removed: rows that are left out because they overlap what is protected.
    """

    rows: Sequence[Row]
    prompts: PromptBuilder
    removed: Complaints

    def __len__(self) -> int:
        return len(self.rows)

    def longest(self, count: int) -> list[Example]:
        """Those of the `count` longest rows."""
        lengths = [len(problem.question) + len(rationale) for problem, rationale in self.rows]
        return [self[index] for index in heapq.nlargest(count, range(len(self)), key=lengths.__getitem__)]

    def __getitem__(self, index: int) -> Example:
        problem, rationale = self.rows[index]
        target = self.prompts.solution_target(problem, rationale).rstrip()
        return Example(self.prompts.training_prompt(problem), target, f"real/{problem.source}", 0, answer_source="gold")


def load_real(recipe: Recipe, prompts: PromptBuilder, protected: Protected) -> RealExamples:
    """The rows of `mix.real`, each once.

    Raises:
        UserError: there is no such file, a row is malformed, rationales do not give their answers, or rows overlap what
            is protected and `audit.contamination` is `refuse`.
    """
    if recipe.mix.real is None:
        return RealExamples((), prompts, Complaints())
    path = Path(recipe.mix.real.path)
    if not path.is_file():
        what = "this is a folder" if path.is_dir() else "there is no such file"
        raise UserError(
            f"mix.real.path = {str(path)!r}: {what}; give a JSONL file with question, answer and rationale in each row"
        )
    rows = list(_distinct(_row(prompts.task, row, place) for place, row in read_rows(path)))
    _require_right(prompts.task, rows, path)
    clean, removed = [], Complaints()
    for row in rows:
        if hit := protected.hit_by(row.problem) or protected.hit(row.rationale):
            removed.add(f"{row.problem.source} {hit}")
        else:
            clean.append(row)
    if removed.count and (recipe.audit.contamination == "refuse" or not clean):
        remedy = "leave them out with audit.contamination=remove" if clean else "give others"
        raise UserError(
            f"mix.real: {removed.count} of {len(rows)} rows of {path} overlap held-out or protected problems:\n  "
            f"{removed}\ntake them out of the file, or {remedy}"
        )
    return RealExamples(clean, prompts, removed)


def _row(task: Task, row: dict[str, Any], place: str) -> Row:
    """One row of the file as a problem with its rationale; the ground truth is checked.

    Raises:
        UserError: a field is missing or of the wrong type, or the ground truth cannot be verified.
    """
    own = task.solution_key if isinstance(task, RowTask) else ""
    if own and "rationale" not in row:
        problem, rationale = task.to_problem(row, place, "real"), text_field(row, own, place)
    else:
        question, answer, rationale = (text_field(row, key, place) for key in ("question", "answer", "rationale"))
        problem = Problem(place, task.name, question, answer, choices_field(row, place), source=place)
    if complaint := task.verifier.check_gold(problem):
        raise UserError(f"{place}: {complaint}; mend it, or take the row out")
    return Row(problem, rationale)


def _distinct(rows: Iterable[Row]) -> Iterator[Row]:
    """Each pair of problem and rationale once."""
    seen = set()
    for row in rows:
        key = (row.problem.question, row.problem.choices, row.rationale)
        if key not in seen:
            seen.add(key)
            yield row


def _require_right(task: Task, rows: Sequence[Row], path: Path) -> None:
    """Every rationale gives the answer of its row."""
    wrong = Complaints()
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        for (problem, _), verdict in zip(some, task.judge_all(some), strict=True):
            if not verdict.accepted:
                why = f"{verdict.status}{': ' * bool(verdict.detail)}{verdict.detail}"
                said = f"the task reads {shown(verdict.answer)} ({why})"
                wrong.add(f"{problem.source}: {said}, and the answer is {shown(problem.answer)}")
    if wrong.count:
        raise UserError(
            f"mix.real: {wrong.count} of {len(rows)} rationales of {path} do not give their answer:\n  {wrong}\n"
            "mend them, or take them out of the file"
        )
