"""Held-out accuracy, by group, with its uncertainty."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from star.records import Attempt

Z95 = 1.959963984540054
"""Two-sided 95% quantile of the standard normal distribution."""


def wilson_interval(correct: int, total: int, z: float = Z95) -> tuple[float, float]:
    """Wilson score interval of a proportion (Wilson 1927; https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval).

    >>> low, high = wilson_interval(0, 10)
    >>> round(low, 3), round(high, 3)
    (0.0, 0.278)
    """
    assert 0 <= correct <= total, (correct, total)
    assert total > 0
    share = correct / total
    scale = 1 + z * z / total
    centre = (share + z * z / (2 * total)) / scale
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / scale
    return (0.0 if correct == 0 else centre - half, 1.0 if correct == total else centre + half)


def accuracy(attempts: Iterable[Attempt]) -> dict[str, Any]:
    """Share of correct attempts over all and by problem group, each with count, 95% interval and false positives."""
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for attempt in attempts:
        counts = groups[attempt.problem.group]
        counts["total"] += 1
        counts["correct"] += attempt.verdict.accepted
        counts["false_positives"] += attempt.is_false_positive
    everything = sum(groups.values(), Counter())
    return {"all": _score(everything), "groups": {name: _score(counts) for name, counts in sorted(groups.items())}}


def _score(counts: Counter[str]) -> dict[str, Any]:
    correct, total = counts["correct"], counts["total"]
    low, high = wilson_interval(correct, total)
    return {
        "correct": correct,
        "total": total,
        "accuracy": correct / total,
        "low": low,
        "high": high,
        "false_positives": counts["false_positives"],
    }
