"""Whether the vote knows when it is right: how many samples agree on an answer, against how often it is the right one.

With several samples of a problem, the share of them that gives the majority answer is a confidence (Wang et al. 2023,
https://arxiv.org/abs/2203.11171, section 3). Its expected calibration error (Guo et al. 2017,
https://arxiv.org/abs/1706.04599, equation 3): put the problems into bins by confidence, and take the mean distance
between the mean confidence of a bin and its share of right answers, weighted by the problems in it. A model that is
trained on its own majority answers agrees with itself more and more, right or wrong, and then this error grows.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from star.vote import majority

BINS = 10
"""Of equal width."""

Votes = Sequence[tuple[Hashable | None, bool]]
"""The answers to one problem, the same for all ways to write them (`Task.meaning`; `None` if there is none), and
whether each is right."""


def calibration(problems: Iterable[Votes]) -> tuple[float | None, list[dict[str, Any]]]:
    """The expected calibration error of the majority answer, and the bins from which it comes.

    A sample without an answer counts, and agrees with none. A problem with one sample or no answer has no vote.

    Returns:
        The error, `None` without any vote; and each bin that has votes: `low` and `high` (it holds confidences above
        `low` and up to `high`), `votes` (problems in it), `confidence` (their mean) and `right` (those of them whose
        majority answer is right).
    """
    found: dict[int, list[tuple[float, bool]]] = {}
    for votes in problems:
        answers = [answer for answer, _ in votes]
        most = majority(answers)
        if len(votes) > 1 and most is not None:
            agree = answers.count(most)
            place = (agree * BINS - 1) // len(votes)  # in whole numbers, so that 3 of 10 are always in (0.2, 0.3]
            found.setdefault(place, []).append((agree / len(votes), votes[answers.index(most)][1]))
    bins = [_bin(place, found[place]) for place in sorted(found)]
    total = sum(one["votes"] for one in bins)
    distance = sum(abs(one["confidence"] * one["votes"] - one["right"]) for one in bins)
    return (distance / total if total else None), bins


def _bin(place: int, members: Sequence[tuple[float, bool]]) -> dict[str, Any]:
    return {
        "low": place / BINS,
        "high": (place + 1) / BINS,
        "votes": len(members),
        "confidence": sum(share for share, _ in members) / len(members),
        "right": sum(right for _, right in members),
    }
