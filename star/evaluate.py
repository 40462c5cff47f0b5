"""Held-out accuracy, by group, with its uncertainty."""

from __future__ import annotations

import math
from collections import defaultdict
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
    by_group: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        by_group[attempt.problem.group].append(attempt)
    everything = [attempt for group in by_group.values() for attempt in group]
    return {"all": _score(everything), "groups": {name: _score(group) for name, group in sorted(by_group.items())}}


def _score(attempts: list[Attempt]) -> dict[str, Any]:
    correct = sum(attempt.verdict.accepted for attempt in attempts)
    low, high = wilson_interval(correct, len(attempts))
    return {
        "correct": correct,
        "total": len(attempts),
        "accuracy": correct / len(attempts),
        "low": low,
        "high": high,
        "false_positives": sum(attempt.is_false_positive for attempt in attempts),
    }
