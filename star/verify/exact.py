"""Equality of text, once Unicode form, case and white space are normalised."""

from __future__ import annotations

import unicodedata

from star.records import Problem, Verdict


def normalise(text: str) -> str:
    """NFKC, case-folded, runs of white space as one space.

    >>> normalise("  New\\u00a0York ")
    'new york'
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


class ExactVerifier:
    """Correct when the normalised texts are the same."""

    def check_gold(self, problem: Problem) -> str | None:
        return None if normalise(problem.answer) else "the ground truth is empty"

    def canonical(self, answer: str, problem: Problem) -> str:
        return normalise(answer)

    def verify(self, answer: str, problem: Problem) -> Verdict:
        same = normalise(answer) == normalise(problem.answer)
        return Verdict("correct" if same else "wrong", answer)
