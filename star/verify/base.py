"""What every verifier does."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol

from star.records import Problem, Verdict


class Verifier(Protocol):
    """Compares an extracted answer with a problem's ground truth."""

    def check_gold(self, problem: Problem) -> str | None:
        """What is wrong with the ground truth of `problem`, for the user to read; `None` if nothing is."""
        ...

    def canonical(self, answer: str, problem: Problem) -> Hashable | None:
        """What an answer means, the same for all ways to write it; `None` if it means nothing to this verifier."""
        ...

    def verify(self, answer: str, problem: Problem) -> Verdict:
        """The verdict on `answer`. Never raises on any text."""
        ...
