"""Where the attempts of an iteration go: shares of them by group and by the success that was expected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from star.curriculum.estimate import Estimates
from star.records import Problem

CLASSES = {"hopeless": 0.05, "rarely": 1 / 3, "sometimes": 2 / 3, "mostly": 0.95, "mastered": 1.0}
"""Of problems by expected success, each up to this much."""


def effort(problems: Iterable[Problem], estimates: Estimates) -> dict[str, Any]:
    """What `curriculum` in `metrics.jsonl` says of these problems.

    Returns:
        `expected`, the mean of the success that is expected of them; `by_group` and `by_expected`, the shares of the
        attempts that go to each group and to each of `CLASSES`.
    """
    total, expected = 0, 0.0
    groups: Counter[str] = Counter()
    classes: Counter[str] = Counter()
    for problem in problems:
        success = estimates.of(problem)
        total, expected = total + 1, expected + success
        groups[problem.group] += 1
        classes[next(name for name, most in CLASSES.items() if success <= most)] += 1
    return {
        "expected": expected / total,
        "by_group": {name: groups[name] / total for name in sorted(groups)},
        "by_expected": {name: classes[name] / total for name in CLASSES if classes[name]},
    }
