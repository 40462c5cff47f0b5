"""What every verifier does."""

from __future__ import annotations

from typing import Protocol

from star.records import Problem, Verdict


class Verifier(Protocol):
    """Compares an extracted answer with a problem's ground truth."""

    def check_gold(self, problem: Problem) -> str | None:
        """What is wrong with the ground truth of `problem`, for the user to read; `None` if nothing is."""
        ...

    def verify(self, answer: str, problem: Problem) -> Verdict:
        """The verdict on `answer`. Never raises on any text."""
        ...
