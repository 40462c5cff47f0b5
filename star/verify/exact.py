"""Equality of text, once Unicode form, case and white space are normalised."""

from __future__ import annotations

from star.records import Problem, Verdict
from star.verify.base import Verifier
from star.verify.text import normalise


class ExactVerifier(Verifier):
    """Correct when the normalised texts are the same."""

    version = "exact 1"

    def check_gold(self, problem: Problem) -> str | None:
        return None if normalise(problem.answer) else "the ground truth is empty"

    def canonical(self, answer: str, problem: Problem) -> str:
        return normalise(answer)

    def verify(self, answer: str, problem: Problem) -> Verdict:
        same = normalise(answer) == normalise(problem.answer)
        return Verdict("correct" if same else "wrong", answer)
