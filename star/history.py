"""What is known of each training problem: how often it was tried and solved without help, in all iterations so far."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from star.recipe import Recipe
from star.records import Attempt
from star.select import solves

CLASSES = ("new", "never", "rarely", "sometimes", "mostly", "always")
"""Of difficulty, by the share of attempts that solve a problem: none at all, none solves, up to a third, up to two,
more, each."""


@dataclass(frozen=True, slots=True)
class ProblemHistory:
    """Plain attempts at one problem.

    Attributes:
        tried, solved: attempts, and those of them that solve it (`star/select.py`).
        last, solved_last: the last iteration that tried it, and whether it was solved there.
        first_solved: the first iteration that solved it.
    """

    id: str
    group: str
    tried: int = 0
    solved: int = 0
    last: int = 0
    solved_last: bool = False
    first_solved: int | None = None

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ProblemHistory:
        return cls(**data)

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    def then(self, tried: int, solved: int, number: int) -> ProblemHistory:
        """What it becomes when iteration `number` tries it."""
        first = number if solved and self.first_solved is None else self.first_solved
        return ProblemHistory(
            self.id, self.group, self.tried + tried, self.solved + solved, number, solved > 0, first_solved=first
        )


def difficulty(history: ProblemHistory | None) -> str:
    """One of `CLASSES`."""
    if history is None:
        return "new"
    if history.solved in (0, history.tried):
        return "always" if history.solved else "never"
    share = history.solved / history.tried
    return "rarely" if share <= 1 / 3 else "sometimes" if share <= 2 / 3 else "mostly"


def continue_history(
    past: Iterable[ProblemHistory], attempts: Iterable[Attempt], recipe: Recipe, number: int
) -> Iterator[ProblemHistory]:
    """The problems of `past`, in that order, then new ones, with what plain `attempts` of iteration `number` add."""
    tallies: dict[str, _Tally] = {}
    kept: dict[_Tally, _Tally] = {}  # there are few different ones, however many problems have them
    for attempt in attempts:
        group, tried, solved = tallies.get(attempt.problem.id, (attempt.problem.group, 0, 0))
        tally = _Tally(group, tried + 1, solved + solves(attempt, recipe))
        tallies[attempt.problem.id] = kept.setdefault(tally, tally)
    for row in past:
        if tally := tallies.pop(row.id, None):
            row = row.then(tally.tried, tally.solved, number)
        yield row
    for id, tally in tallies.items():
        yield ProblemHistory(id, tally.group).then(tally.tried, tally.solved, number)


class _Tally(NamedTuple):
    """Attempts at one problem, and those of them that solve it."""

    group: str
    tried: int
    solved: int
