"""The quality filter: rank accepted rationales by a classifier, and keep the best share of them.

As phi-1 keeps the code that a classifier finds educational (Gunasekar et al. 2023, https://arxiv.org/abs/2306.11644,
section 2.1), but its labels are no opinion: a plain attempt of this iteration is good if its final answer is right and
no step of it is wrong, and bad if the answer is wrong or a step is. A hinted attempt has no label, for it was told its
answer; and neither has one that gives no answer, that was cut off, or whose problem has an answer by vote. The
classifier sees the text and the question alone (`features.py`), is fitted on some problems and measured on the others,
and is refused, so that nothing is dropped, if it does not rank those better than chance would.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from math import ceil
from typing import Any, NamedTuple

import numpy as np

from star.quality.classifier import Classifier
from star.quality.logistic import auc, auc_within, chance
from star.recipe import Recipe
from star.records import Attempt, derive_seed

MOST = 20_000
"""Attempts that the classifier learns from and is measured on, evenly spread over all: a bound on memory."""
HELD_OUT = 0.3
"""Share of the problems whose attempts measure it."""
FEWEST = 20
"""Good and bad attempts that there must be in either part."""
SURE = 2.326
"""Standard deviations above 0.5 that the AUC must be: scores that say nothing get there once in a hundred times."""


@dataclass(frozen=True)
class Quality:
    """What was learned in an iteration, and what it amounts to.

    Attributes:
        counts: good and bad attempts in the part that was fitted and in the held-out one.
        needed: the AUC from which on the classifier is used.
        auc: how often it ranks a good attempt above a bad one, at held-out problems; `None` if there was none to fit.
        auc_within: the same of pairs at one problem; `None` without such a pair. It says what the classifier knows of
            rationales beside how hard their problems are.
        refused: why it is not used; empty if it is.
        weightiest: names and weights of the features that say most.
        classifier: `None` if it is refused.
        candidates, low, threshold: accepted attempts that it ranked, and those of them below the score from which on
            one is kept.
    """

    counts: Mapping[str, int]
    needed: float
    auc: float | None = None
    auc_within: float | None = None
    refused: str = ""
    weightiest: Sequence[tuple[str, float]] = ()
    classifier: Classifier | None = None
    candidates: int = 0
    low: int = 0
    threshold: float = 0.0

    def score(self, attempt: Attempt) -> float | None:
        """How likely an attempt is good, for all that its text says, 0 to 1; `None` if the classifier is refused."""
        if self.classifier is None:
            return None
        return self.classifier.score(attempt.problem.question, attempt.completion.text)

    def ranking(self, candidates: Iterable[Attempt], keep: float) -> Quality:
        """With the threshold that keeps the best `keep` of the candidates, and those that score like the last of them.

        Takes eight bytes of memory for each of them.
        """
        if self.classifier is None:
            return self
        scores = np.sort(np.fromiter(map(self.score, candidates), float))
        if not len(scores):
            return self
        threshold = float(scores[len(scores) - max(1, round(keep * len(scores)))])
        low = int(np.searchsorted(scores, threshold))
        return replace(self, candidates=len(scores), low=low, threshold=threshold)

    def to_dict(self) -> dict[str, Any]:
        """What `quality.json` holds."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Quality:
        found = data["classifier"]
        return cls(**{**data, "classifier": found and Classifier.from_dict(found)})

    def __str__(self) -> str:
        if self.refused:
            return f"the quality filter drops nothing: {self.refused}"
        drops = f"drops {self.low:,} of {self.candidates:,} rationales"
        within = f" ({self.auc_within:.3f} among attempts at one problem)" if self.auc_within is not None else ""
        return f"the quality filter {drops}; its held-out AUC is {self.auc:.3f}{within}"


class _Labelled(NamedTuple):
    problem: str
    question: str
    text: str
    is_good: bool


def label(attempt: Attempt) -> bool | None:
    """Whether an attempt is right and sound; `None` where that is not known."""
    if attempt.prompt.hinted or attempt.completion.finish_reason == "length":
        return None
    if attempt.problem.answer_source == "consensus" or attempt.verdict.status not in ("correct", "wrong"):
        return None
    return attempt.verdict.accepted and not attempt.steps_wrong


def learn_quality(attempts: Collection[Attempt], recipe: Recipe, number: int) -> Quality:
    """Fit the classifier on plain attempts of iteration `number`, and measure it on those at held-out problems.

    Returns:
        The classifier, or why it is refused. It has ranked nothing yet.
    """
    fitted, held_out = _parts(attempts, derive_seed(recipe.seed, number, "quality"))
    counts = _counts(fitted, "fitted") | _counts(held_out, "held_out")
    least = recipe.selection.quality.min_auc
    if min(counts.values()) < FEWEST:
        few = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
        return Quality(counts, least, refused=f"too few attempts to learn from ({few}; it takes {FEWEST} of each)")
    _, questions, texts, labels = zip(*fitted, strict=True)
    classifier = Classifier.fitted(questions, texts, labels)
    problems, questions, texts, labels = zip(*held_out, strict=True)
    scores = list(map(classifier.score, questions, texts))
    found = auc(scores, labels)
    needed = max(least, 0.5 + SURE * chance(counts["held_out_good"], counts["held_out_bad"]))
    refused = f"its held-out AUC is {found:.3f}, and it takes {needed:.3f}" if found < needed else ""
    return Quality(
        counts,
        needed,
        found,
        auc_within(scores, labels, problems),
        refused,
        classifier.weightiest(),
        None if refused else classifier,
    )


def _parts(attempts: Collection[Attempt], seed: int) -> tuple[list[_Labelled], list[_Labelled]]:
    """What there is to fit, and what is held out: all attempts at a problem are in one of the two."""
    fitted, held_out = [], []
    every = ceil(len(attempts) / MOST) or 1
    for attempt in islice(attempts, 0, None, every):
        problem, is_good = attempt.problem, label(attempt)
        if is_good is not None:
            part = held_out if derive_seed(seed, problem.id) < HELD_OUT * 2**63 else fitted
            part.append(_Labelled(problem.id, problem.question, attempt.completion.text, is_good))
    return fitted, held_out


def _counts(part: Collection[_Labelled], name: str) -> dict[str, int]:
    counts = Counter(one.is_good for one in part)
    return {f"{name}_good": counts[True], f"{name}_bad": counts[False]}
