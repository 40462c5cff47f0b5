"""A classifier of rationales: features, how they are standardised, and the weights of a logistic regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from star.quality.features import Features, frequent_grams
from star.quality.logistic import fit, sigmoid

SHOWN = 10
"""Features that are named as the weightiest."""


@dataclass(frozen=True)
class Classifier:
    """How likely a rationale is a good one.

    Attributes:
        grams: the phrases among its features.
        mean, scale, weights: of each feature, in the order of `Features`.
    """

    grams: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float

    @classmethod
    def fitted(cls, questions: Sequence[str], texts: Sequence[str], labels: Sequence[bool]) -> Classifier:
        """The one that learns from these rationales: `labels` says which are good."""
        grams = frequent_grams(texts)
        of = Features(grams).of
        values = np.stack([of(question, text) for question, text in zip(questions, texts, strict=True)])
        mean, scale = values.mean(axis=0), values.std(axis=0)
        scale[scale < 1e-9] = 1.0  # the same in all texts
        weights, bias = fit((values - mean) / scale, np.array(labels, float))
        return cls(tuple(grams), *(tuple(one.tolist()) for one in (mean, scale, weights)), bias)

    def score(self, question: str, text: str) -> float:
        """How likely a rationale is a good one, 0 to 1, to the millionth. Never raises on any text."""
        mean, scale, weights = self._table
        values = (self._features.of(question, text) - mean) / scale
        return round(float(sigmoid(np.dot(values, weights) + self.bias)), 6)

    def weightiest(self) -> list[tuple[str, float]]:
        """Names and weights of the features that say most; a positive weight speaks for a rationale."""
        named = zip(self._features.names, self.weights, strict=True)
        return sorted(named, key=lambda pair: -abs(pair[1]))[:SHOWN]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Classifier:
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in data.items()})

    @cached_property
    def _features(self) -> Features:
        return Features(self.grams)

    @cached_property
    def _table(self) -> np.ndarray:  # (3, features)
        return np.array([self.mean, self.scale, self.weights])
