"""What every verifier does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence

from star.records import Problem, Verdict
from star.verify.text import normalise


class Verifier(ABC):
    """Compares an extracted answer with a problem's ground truth.

    Attributes:
        version: changes whenever the same answer may get another verdict; recorded with a run.
    """

    version: str

    @abstractmethod
    def check_gold(self, problem: Problem) -> str | None:
        """What is wrong with the ground truth of `problem`, for the user to read; `None` if nothing is."""

    @abstractmethod
    def canonical(self, answer: str, problem: Problem) -> Hashable | None:
        """What an answer means, the same for all ways to write it; `None` if it means nothing to this verifier."""

    @abstractmethod
    def verify(self, answer: str, problem: Problem) -> Verdict:
        """The verdict on `answer`. Never raises on any text."""

    def verify_all(self, pairs: Sequence[tuple[str, Problem]]) -> list[Verdict]:
        """The verdict on each answer: what a verifier with workers does many at a time."""
        return [self.verify(answer, problem) for answer, problem in pairs]

    def meaning(self, answer: str, problem: Problem) -> Hashable:
        """What an answer means; the answer itself, normalised, where it means nothing to this verifier."""
        found = self.canonical(answer, problem)
        return normalise(answer) if found is None else found

    def agree(self, answers: Sequence[str], problem: Problem) -> bool:
        """Whether all these answers mean the same."""
        return len({self.meaning(answer, problem) for answer in answers}) <= 1
