"""Logistic regression, and how well scores tell two kinds apart. Plain numpy: no randomness, no state."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence

import numpy as np

RIDGE = 30.0
"""Weight of the penalty, half the sum of squared weights of standardised features: a normal prior of deviation 0.18. Of
1, 10, 30, 100, 300 and 1000 the one with the best mean held-out AUC on attempts of four runs of sums (0.84); 10 to 300
are within 0.02 of it."""
STEPS = 200
SMALL = 1e-5
"""A step that changes no weight by more than this is the last one."""


def fit(features: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, float]:
    """The weights and the bias that make the labels most likely, with a ridge penalty on the weights.

    Steps are Newton's with the bound of Böhning and Lindsay (1988, https://doi.org/10.1007/BF00049423) in place of the
    Hessian, a quarter of the Gram matrix: it is inverted once, and no step can go too far.

    Args:
        features: (n, d), standardised.
        labels: (n,) of 0 and 1.
    """
    inputs = np.column_stack([features, np.ones(len(features))])  # the last weight is the bias
    penalty = np.full(inputs.shape[1], RIDGE)
    penalty[-1] = 1e-6
    bound = np.linalg.inv(inputs.T @ inputs / 4 + np.diag(penalty))
    weights = np.zeros(inputs.shape[1])
    for _ in range(STEPS):
        step = bound @ (inputs.T @ (labels - sigmoid(inputs @ weights)) - penalty * weights)
        weights += step
        if np.abs(step).max() < SMALL:
            break
    return weights[:-1], float(weights[-1])


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Probabilities, whatever the size of the logits."""
    return 0.5 * (1 + np.tanh(0.5 * logits))


def auc(scores: Sequence[float], labels: Sequence[bool]) -> float | None:
    """The area under the ROC curve: how often one of label 1 has a higher score than one of label 0, half for equals
    (Hanley and McNeil 1982, https://doi.org/10.1148/radiology.143.1.7063747); `None` without a pair.

    >>> auc([0.1, 0.4, 0.4, 0.8], [False, False, True, True])
    0.875
    """
    wins, pairs = _wins(np.asarray(scores, float), np.asarray(labels, bool))
    return wins / pairs if pairs else None


def auc_within(scores: Sequence[float], labels: Sequence[bool], groups: Sequence[Hashable]) -> float | None:
    """The same of pairs in one group only."""
    members: dict[Hashable, list[int]] = defaultdict(list)
    for place, group in enumerate(groups):
        members[group].append(place)
    scores, labels = np.asarray(scores, float), np.asarray(labels, bool)
    found = [_wins(scores[places], labels[places]) for places in members.values()]
    wins, pairs = (sum(part) for part in zip(*found, strict=True)) if found else (0.0, 0)
    return wins / pairs if pairs else None


def chance(positives: int, negatives: int) -> float:
    """The standard deviation of the AUC of scores that say nothing (Mann and Whitney 1947,
    https://doi.org/10.1214/aoms/1177730491)."""
    return math.sqrt((positives + negatives + 1) / (12 * positives * negatives))


def _wins(scores: np.ndarray, labels: np.ndarray) -> tuple[float, int]:
    """Pairs of a 1 and a 0 where the 1 has the higher score, half for equals; and all pairs. By mean ranks."""
    _, which, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[which]
    ones = int(labels.sum())
    return float(ranks[labels].sum() - ones * (ones + 1) / 2), ones * (len(labels) - ones)
