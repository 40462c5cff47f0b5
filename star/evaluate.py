"""Held-out accuracy, by group, with its uncertainty; pass@k, majority@k and best-of-k of several samples a problem."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import groupby
from statistics import mean
from typing import Any

from star.records import Attempt
from star.vote import majority

Z95 = 1.959963984540054
"""Two-sided 95% quantile of the standard normal distribution."""


def wilson_interval(correct: float, total: int, z: float = Z95) -> tuple[float, float]:
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


def accuracy(attempts: Iterable[Attempt], meaning: Callable[[Attempt], Hashable | None]) -> dict[str, Any]:
    """Share of correct attempts over all and by problem group, each with count, 95% interval and false positives.

    The attempts at one problem come one after the other; where there are several, `pass_at` and `majority_at` say what
    k samples of a problem give, for k = 1, 2, 4 ... and all.

    Args:
        meaning: what the answer of an attempt says, the same for all ways to write it; `None` if it has none.
    """
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    passed: dict[int, list[float]] = defaultdict(list)
    voted: dict[int, list[bool]] = defaultdict(list)
    for _, one_problem in groupby(attempts, key=lambda attempt: attempt.problem.id):
        tries = list(one_problem)
        right = [attempt.verdict.accepted for attempt in tries]
        counts = groups[tries[0].problem.group]
        counts["problems"] += 1
        counts["total"] += len(tries)
        counts["correct"] += sum(right)
        counts["false_positives"] += sum(attempt.is_false_positive for attempt in tries)
        if len(tries) > 1:
            answers = [meaning(attempt) for attempt in tries]
            for k in _powers_of_two(len(tries)):
                passed[k].append(pass_at(k, sum(right), len(tries)))
                voted[k].append(majority_is_right(answers[:k], right[:k]))
    everything = sum(groups.values(), Counter())
    scores = {"all": _score(everything), "groups": {name: _score(counts) for name, counts in sorted(groups.items())}}
    if passed:
        scores["pass_at"] = {str(k): mean(values) for k, values in passed.items()}
        scores["majority_at"] = {str(k): mean(values) for k, values in voted.items()}
    return scores


def pass_at(k: int, correct: int, total: int) -> float:
    """Probability that of `k` samples drawn from `total`, of which `correct` are right, at least one is right: the
    unbiased estimator of Chen et al. 2021 (https://arxiv.org/abs/2107.03374, equation 1).

    >>> round(pass_at(2, 1, 4), 3), pass_at(4, 1, 4), pass_at(1, 0, 4)
    (0.5, 1.0, 0.0)
    """
    assert 1 <= k <= total, (k, total)
    return 1 - math.comb(total - correct, k) / math.comb(total, k)


def best_of(ranked: Iterable[tuple[Attempt, float | None]]) -> dict[str, float]:
    """How often the highest of k candidates is right, by k = 1, 2, 4 ... and all of them.

    Args:
        ranked: the attempts at one problem one after the other, each with its rank: higher is better, `None` last.
    """
    found: dict[int, list[float]] = defaultdict(list)
    for _, one_problem in groupby(ranked, key=lambda pair: pair[0].problem.id):
        candidates = sorted(one_problem, key=lambda pair: -math.inf if pair[1] is None else pair[1], reverse=True)
        right = [attempt.verdict.accepted for attempt, _ in candidates]
        for k in _powers_of_two(len(right)):
            found[k].append(best_of_at(k, right))
    return {str(k): mean(values) for k, values in found.items()}


def best_of_at(k: int, right: Sequence[bool]) -> float:
    """Probability that the highest ranked of `k` candidates, drawn from all, is right: the unbiased estimator of
    Hosseini et al. 2024 (https://arxiv.org/abs/2402.06457, section 4).

    Args:
        right: of each candidate, the highest ranked first.

    >>> [best_of_at(k, [False, True, True]) for k in (1, 3)], round(best_of_at(2, [False, True, True]), 3)
    ([0.6666666666666666, 0.0], 0.333)
    """
    total = len(right)
    assert 1 <= k <= total, (k, total)
    subsets = sum(math.comb(total - place - 1, k - 1) for place, is_right in enumerate(right) if is_right)
    return subsets / math.comb(total, k)


def majority_is_right(answers: Sequence[Hashable | None], right: Sequence[bool]) -> bool:
    """Whether the answer that most samples give is right (Wang et al. 2023, https://arxiv.org/abs/2203.11171)."""
    most = majority(answers)
    return most is not None and right[answers.index(most)]


def _powers_of_two(most: int) -> list[int]:
    """1, 2, 4 and so on up to `most`, and `most` itself."""
    return sorted({*(2**i for i in range(most.bit_length()) if 2**i <= most), most})


def _score(counts: Counter[str]) -> dict[str, Any]:
    """Several samples of one problem are no independent evidence, so the interval is that of as many as problems."""
    correct, total, problems = counts["correct"], counts["total"], counts["problems"]
    low, high = wilson_interval(correct * problems / total, problems)
    return {
        "correct": correct,
        "total": total,
        "accuracy": correct / total,
        "low": low,
        "high": high,
        "false_positives": counts["false_positives"],
    }
