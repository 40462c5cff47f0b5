"""What is looked for before a run: whether problems can be written at all."""

from __future__ import annotations

from collections.abc import Sequence

from star.errors import UserError, shown
from star.overlap import Protected
from star.recipe import Audit, Recipe
from star.records import WRITTEN, Problem
from star.synthesize.base import Asked, Sources, Writer
from star.synthesize.written import ask


def check_synthesis(writer: Writer | None, train: Sequence[Problem], protected: Protected, audit: Audit) -> list[str]:
    """What a user should know about it before the run.

    Raises:
        UserError: task, model or data do not fit.
    """
    if writer is None:
        return []
    for problem in train:
        if problem.id.startswith(f"{WRITTEN}/"):
            raise UserError(
                f"{problem.source}: id {shown(problem.id)}: ids that begin with {WRITTEN}/ are for problems that "
                "the model writes (synthesize.kind); give this one another"
            )
    return writer.check(train, protected, audit)


def first_prompt(recipe: Recipe, writer: Writer, train: Sequence[Problem]) -> Asked:
    """The first prompt of a run, for people to look at."""
    return ask(recipe, writer, 1, 0, Sources(train, (), ()))
