"""Problems in the style of MATH: the final answer is in `\\boxed{}`, and compared as mathematics.

A solution that boxes two answers which differ has none. Rows hold `problem` and `solution` (MATH), or `answer` beside
them (MATH-500).
"""

from __future__ import annotations

from typing import Any

from star.errors import UserError, shown
from star.recipe import MathTask
from star.records import Problem
from star.tasks.dataset import BadGold, RowTask, one_line, row_id, text_field
from star.verify import Extractor, SymbolicVerifier

BOXED = r"\\(?:boxed|fbox)\s*\{((?:[^{}\\]|\\.|\{(?1)\})*+)\}"
"""What stands in `\\boxed{ }`, braces inside it balanced."""


class Math(RowTask):
    """MATH and its like."""

    name = "math"
    plain = "Problem: {question}\nSolution:"
    hinted = "Problem: {question} (the answer is {answer})\nSolution:"
    direct = r"$\boxed{{answer}}$"
    stop = ("\n\nProblem:", "\nProblem:")
    solution_key = "solution"

    def __init__(self, settings: MathTask):
        super().__init__(settings)
        self.extractor = Extractor(BOXED)
        self.verifier = SymbolicVerifier(timeout=settings.timeout, memory=settings.memory)

    def to_problem(self, row: dict[str, Any], place: str, split: str) -> Problem:
        question = text_field(row, "problem", place)
        id = next((text_field(row, key, place) for key in ("unique_id", "id") if key in row), row_id(place, split))
        return Problem(id, self.name, question, self._answer(row, place, id), source=place, group=_group(row))

    def _answer(self, row: dict[str, Any], place: str, id: str) -> str:
        where = f"{place} (id {one_line(id)})"
        if "answer" in row:
            return text_field(row, "answer", place)
        if "solution" not in row:
            raise UserError(f"{where}: neither a field 'answer' nor a 'solution'; its fields are {shown(list(row))}")
        solution = text_field(row, "solution", place)
        try:
            boxed = self.extractor(solution)
        except TimeoutError:
            raise BadGold(f"{where}: to look for \\boxed{{}} took too long in {solution[-60:]!r}") from None
        if not boxed:
            raise BadGold(f"{where}: no \\boxed{{}} in the ground truth {solution[-60:]!r}")
        if len(boxed) > 1 and not self.verifier.agree(boxed, Problem(id, self.name, "", boxed[0])):
            raise BadGold(f"{where}: {len(boxed)} different boxed answers in the ground truth: {boxed}")
        return boxed[0]


def _group(row: dict[str, Any]) -> str:
    if level := str(row.get("level", "")).removeprefix("Level").strip():
        return f"level {level}"
    return str(row.get("type") or row.get("subject") or "all")
