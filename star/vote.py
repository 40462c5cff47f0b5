"""The answer that most samples of a problem give (self-consistency: Wang et al. 2023, https://arxiv.org/abs/2203.11171)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable


def majority(answers: Iterable[Hashable | None]) -> Hashable | None:
    """The most frequent answer, of equals the one given first; `None`, no answer, has no vote.

    >>> majority(["7", None, "8", "8", "7"])
    '7'
    """
    votes = Counter(answer for answer in answers if answer is not None)
    return max(votes, key=votes.__getitem__, default=None)


def most_beside(others: int, share: float) -> int:
    """How many may stand beside `others` and be no more than `share` of all."""
    most = max(0, math.floor(share / (1 - share) * others) - 1)  # less, for what floating point may have added
    while (most + 1) / (most + 1 + others) <= share:
        most += 1
    return most
