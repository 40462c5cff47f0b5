"""What a rationale looks like, as numbers: length, structure, repetition, use of the question, and its phrases.

Nothing here sees a verdict, a ground truth or what the step checker says of the working. What could give the label away
is not a feature.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from star.verify.text import words

GRAM = 3
"""Characters of a phrase."""
GRAMS = 256
"""Phrases that are counted: those that most texts have."""
FEWEST = 5
"""Texts that a phrase must be in."""
LONGEST = 4000
"""Characters of a text that are looked at, its first ones."""
SHAPE = (
    "characters",
    "words",
    "lines",
    "words a line",
    "share of digits",
    "share of signs",
    "equals signs",
    "distinct words",
    "compression",
    "numbers of the question",
    "words of the question",
)
"""The features that are no phrases, in the order of `shape`."""

_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)*")


class Features:
    """The features of a rationale: `SHAPE`, then how often it has each phrase (the logarithm of one more).

    Args:
        grams: the phrases.
    """

    def __init__(self, grams: Sequence[str]):
        self.grams = tuple(grams)
        self._places = {gram: place for place, gram in enumerate(self.grams, len(SHAPE))}

    @property
    def names(self) -> list[str]:
        """What each feature is called: a phrase is in quotes."""
        return [*SHAPE, *map(repr, self.grams)]

    def of(self, question: str, text: str) -> np.ndarray:
        """The features of a rationale for a question: (features,). Never raises on any text."""
        text = text[:LONGEST]
        values = np.zeros(len(SHAPE) + len(self.grams))
        values[: len(SHAPE)] = shape(question[:LONGEST], text)
        for gram, count in _grams(text).items():
            if (place := self._places.get(gram)) is not None:
                values[place] = math.log1p(count)
        return values


def shape(question: str, text: str) -> list[float]:
    """The values of `SHAPE`, in that order. Counts are logarithms of one more, so that twice as long is one step."""
    said, lines = words(text), max(1, len(text.strip().splitlines()))
    asked, distinct = set(words(question)), set(said)
    given, used = (set(_NUMBER.findall(one)) for one in (question, text))
    data = text.encode("utf-8", "surrogatepass")
    counts = (len(text), len(said), lines, len(said) / lines)
    return [
        *map(math.log1p, counts),
        _share(sum(c.isdigit() for c in text), len(text)),
        _share(sum(not c.isalnum() and not c.isspace() for c in text), len(text)),
        math.log1p(text.count("=")),
        _share(len(distinct), len(said)),
        _share(len(data), len(zlib.compress(data))),
        _share(len(given & used), len(given)),
        _share(len(distinct & asked), len(distinct)),
    ]


def frequent_grams(texts: Iterable[str]) -> list[str]:
    """The `GRAMS` phrases that most texts have, those of equals first that sort first; none that few have."""
    found: Counter[str] = Counter()
    for text in texts:
        found.update(_grams(text[:LONGEST]).keys())
    common = sorted((-count, gram) for gram, count in found.items() if count >= FEWEST)
    return [gram for _, gram in common[:GRAMS]]


def _grams(text: str) -> Counter[str]:
    return Counter(text[i : i + GRAM] for i in range(len(text) - GRAM + 1))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
