"""Writes worked solutions of a recipe's own training problems, as `mix.real` reads them: `python
scripts/worked_solutions.py RECIPE COUNT FILE.jsonl`. Arithmetic only; the same ones each time."""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

from star.console import errors
from star.errors import UserError
from star.files import to_line, write_text
from star.recipe import Recipe, load_recipe
from star.records import derive_seed
from star.tasks import build_task, load_problems


def rows(recipe: Recipe, count: int) -> list[dict[str, str]]:
    """`question`, `answer` and `rationale` of `count` training problems, drawn at random.

    Raises:
        UserError: there are fewer, or the task has no worked solutions.
    """
    task = build_task(recipe)
    problems = load_problems(recipe, task).train
    if count > len(problems):
        raise UserError(f"{count} worked solutions asked for, but the recipe has {len(problems)} training problems")
    chosen = random.Random(derive_seed("worked solutions", count)).sample(problems, count)
    found = []
    for problem, solution in zip(chosen, task.solutions(chosen), strict=True):
        if solution is None:
            raise UserError(f"task.kind = {recipe.task.kind}: there is no worked solution of {problem.id}")
        found.append({"question": problem.question, "answer": problem.answer, "rationale": solution})
    return found


def main() -> int:
    """Write them; returns the exit code."""
    parser = argparse.ArgumentParser(description="Write worked solutions of a recipe's training problems.")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("out", type=Path, metavar="FILE.jsonl")
    arguments = parser.parse_args()
    try:
        write_text(arguments.out, "".join(map(to_line, rows(load_recipe(arguments.recipe), arguments.count))))
    except UserError as error:
        errors.print(f"error: {error}", markup=False)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
