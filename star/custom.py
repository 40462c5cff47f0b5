"""What users bring from Python in the place of what a recipe would build: a task, a verifier, a sampler.

A run records which class each of them is, with its `version`, and is not continued with others: a recipe cannot say it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from star.errors import UserError, shown
from star.files import is_plain
from star.recipe import CustomTask, Recipe
from star.records import Problem
from star.tasks import Task, build_task
from star.verify import NumericVerifier, Verifier

if TYPE_CHECKING:
    from star.sample import Sampler  # with torch behind it

SAMPLES = ("use", "sample", "release")
"""Methods of a sampler (`star/sample/base.py`)."""


@dataclass(frozen=True)
class Own:
    """The user's own objects; `None` is what the recipe says.

    Raises:
        UserError: one is of another kind than it must be, or has no `version`.
    """

    task: Task | None = None
    verifier: Verifier | None = None
    sampler: Sampler | None = None

    def __post_init__(self) -> None:
        for name, kind in (("task", Task), ("verifier", Verifier)):
            found = getattr(self, name)
            if found is not None and not isinstance(found, kind):
                raise UserError(
                    f"{name}: {_class(found)} is no subclass of {kind.__module__}.{kind.__name__}; derive it from that"
                )
        if self.sampler is not None:
            missing = [method for method in SAMPLES if not callable(getattr(self.sampler, method, None))]
            if missing:
                raise UserError(
                    f"sampler: {_class(self.sampler)} lacks {', '.join(missing)}; "
                    "the protocol is star.sample.base.Sampler"
                )
        for name, found in self._given().items():
            if not isinstance(getattr(found, "version", None), str):
                raise UserError(
                    f"{name}: {_class(found)} has no `version`; give it a text that changes whenever it may do "
                    "something else, since a run is not continued with another one"
                )

    def facts(self) -> dict[str, str]:
        """Class and version of each, for the record of a run."""
        return {name: f"{_class(found)} {found.version}" for name, found in self._given().items()}

    def task_of(self, recipe: Recipe) -> Task:
        """The task that a run works on, with the verifier that it is to use.

        Raises:
            UserError: the recipe names a task and another one is given, or neither.
        """
        if self.task is not None and not isinstance(recipe.task, CustomTask):
            raise UserError(
                f"task: the recipe says task.kind = {recipe.task.kind!r}, and a task object is given; "
                "a recipe for an object says `task: {kind: custom}`"
            )
        task = self.task or build_task(recipe)
        if self.verifier is not None:
            task.verifier = self.verifier
            task.computed = task.computed and isinstance(self.verifier, NumericVerifier)
        return task

    def _given(self) -> dict[str, Task | Verifier | Sampler]:
        objects = {"task": self.task, "verifier": self.verifier, "sampler": self.sampler}
        return {name: found for name, found in objects.items() if found is not None}


NOTHING = Own()
"""All is as the recipe says."""


def require_plain(problems: Iterable[Problem]) -> None:
    """Raise an error for the first problem that would not be read back from a file as it is."""
    for problem in problems:
        if not is_plain(problem):
            raise UserError(
                f"task: problem {shown(problem.id)} cannot be written as JSON and read back: {shown(problem)}; "
                "its fields are texts, choices and parents tuples of texts, and meta a dict of what JSON has words for"
            )


def _class(found: object) -> str:
    return f"{type(found).__module__}.{type(found).__qualname__}"
