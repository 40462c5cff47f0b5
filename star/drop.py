"""Which right attempts are not trained on, and why: what the recipe's filters drop.

Attempts are gone through one problem at a time: what is kept of them is ids and digests.
"""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, islice
from typing import Any, NamedTuple

from star.distinct import one_of_each
from star.minhash import NearDuplicates
from star.overlap import AreProtected
from star.prompts import PromptBuilder
from star.quality import Quality
from star.recipe import Recipe
from star.records import Attempt, derive_seed
from star.select import digest_of, example_of, is_unsound
from star.vote import most_beside

REASONS = (
    "unsound",
    "under_threshold",
    "cut_off",
    "contaminated",
    "quality",
    "duplicate",
    "same_equations",
    "near_duplicate",
    "per_problem",
    "balance",
    "consensus_share",
    "rationalized_share",
)
"""Why an accepted attempt is not trained on, in the order in which that is asked: wrong steps, no end, a text that must
not be learned, one that others outrank, one that was accepted already (or nearly), enough of its problem, and what is
drawn last."""

AT_ONCE = 256
"""Attempts that are compared with what is protected together."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """An accepted attempt that is not trained on, and why: one of `REASONS`; its `score` where it was outranked."""

    attempt_id: str
    reason: str
    score: float | None = None

    def to_dict(self) -> dict[str, Any]:
        fields = {"attempt_id": self.attempt_id, "reason": self.reason}
        return fields if self.score is None else {**fields, "score": self.score}


class Candidate(NamedTuple):
    """What the last draws know of an accepted attempt."""

    attempt_id: str
    problem: str
    group: str
    rationalized: bool
    is_voted: bool


class Filters:
    """What an accepted attempt must pass on its own, or beside others.

    Args:
        are_protected: which texts must not be trained on.
        threshold: the least `soundness` that is trained on, where the iteration chose one (`star/sweep.py`).
        quality: what ranked the attempts, for `selection.quality`.
    """

    def __init__(
        self,
        prompts: PromptBuilder,
        recipe: Recipe,
        number: int,
        are_protected: AreProtected,
        threshold: float = 0.0,
        quality: Quality | None = None,
    ):
        self.prompts, self.recipe, self.number, self.are_protected = prompts, recipe, number, are_protected
        self.rules, self.target = recipe.selection, prompts.training_target
        self.threshold, self.quality = threshold, quality
        self.seen: set[bytes] = set()
        self.of_problem: Counter[str] = Counter()
        self.of_cluster: Counter[int] = Counter()
        self.near = NearDuplicates()

    def passing(self, candidates: Iterable[Attempt]) -> Iterator[Attempt]:
        """The attempts that pass what looks at one of them alone: what `Quality` ranks."""
        return (attempt for attempt, fault in self._faults(candidates) if not fault)

    def judge(self, candidates: Iterable[Attempt]) -> Iterator[tuple[Attempt, Dropped | None]]:
        """Each accepted attempt, and why it is not trained on, if it is not. Those at one problem follow each other."""
        looked_at = ((attempt, self._alone(attempt, fault)) for attempt, fault in self._faults(candidates))
        for _, tries in groupby(looked_at, key=lambda pair: pair[0].problem.id):
            found = list(tries)
            alike = self._alike([attempt for attempt, dropped in found if not dropped]) if self.rules.distinct else ()
            for attempt, dropped in found:
                if not dropped and (reason := self._repeats(attempt, attempt.id in alike)):
                    dropped = Dropped(attempt.id, reason)
                yield attempt, dropped

    def _faults(self, candidates: Iterable[Attempt]) -> Iterator[tuple[Attempt, str]]:
        """What is wrong with each attempt itself; empty if nothing is."""
        candidates = iter(candidates)
        while some := list(islice(candidates, AT_ONCE)):
            protected = self.are_protected([self.target(attempt.completion.text) for attempt in some])
            for attempt, is_protected in zip(some, protected, strict=True):
                yield attempt, self._fault(attempt) or ("contaminated" if is_protected else "")

    def _fault(self, attempt: Attempt) -> str:
        if is_unsound(attempt, self.recipe):
            return "unsound"
        if attempt.soundness < self.threshold:
            return "under_threshold"
        return "cut_off" if attempt.completion.finish_reason == "length" else ""  # teaches to end in mid-sentence

    def _alone(self, attempt: Attempt, fault: str) -> Dropped | None:
        if fault:
            return Dropped(attempt.id, fault)
        score = self.quality.score(attempt) if self.quality else None
        if score is not None and score < self.quality.threshold:
            return Dropped(attempt.id, "quality", score)
        return None

    def _alike(self, fit: Sequence[Attempt]) -> set[str]:
        """The ids of those whose list of equations another one stands for."""
        lists = [self.prompts.task.equations(attempt.problem, attempt.completion.text) for attempt in fit]
        kept = one_of_each(lists, [self.target(attempt.completion.text) for attempt in fit])
        return {attempt.id for attempt in fit} - {fit[place].id for place in kept}

    def _repeats(self, attempt: Attempt, has_same_equations: bool) -> str:
        """What is wrong with an attempt beside the others."""
        example = example_of(attempt, self.prompts, self.recipe, self.number)
        if (digest := digest_of(example)) in self.seen:
            return "duplicate"
        if has_same_equations:
            return "same_equations"
        most, alike = self.rules.max_per_problem, self.rules.max_near_duplicates
        if most and self.of_problem[attempt.problem.id] >= most:
            return "per_problem"
        if alike and self.of_cluster[cluster := self.near.add(example.target)] >= alike:
            return "near_duplicate"
        self.seen.add(digest)
        if most:
            self.of_problem[attempt.problem.id] += 1
        if alike:
            self.of_cluster[cluster] += 1
        return ""


def drop(
    candidates: Iterable[Attempt], filters: Filters, recipe: Recipe, number: int, difficulty: Mapping[str, str]
) -> Iterator[Dropped]:
    """Which of the accepted attempts of iteration `number` are not trained on.

    Args:
        candidates: those at one problem one after the other.
        difficulty: class of each problem by success so far, for `selection.balance`.
    """
    voted_share = recipe.max_voted_share
    kept: list[Candidate] = []
    for attempt, dropped in filters.judge(candidates):
        if dropped:
            yield dropped
        elif recipe.selection.balance or recipe.selection.max_rationalized_share or voted_share is not None:
            problem = attempt.problem
            kept.append(Candidate(attempt.id, problem.id, problem.group, attempt.prompt.hinted, problem.is_voted))
    rng = random.Random(derive_seed(recipe.seed, number, "draw examples"))
    if by := recipe.selection.balance:
        kinds = {
            "problem": lambda candidate: candidate.problem,
            "group": lambda candidate: candidate.group,
            "difficulty": lambda candidate: difficulty.get(candidate.problem, "new"),
        }
        over = _over_the_mean(kept, kinds[by], rng)
        kept = [candidate for candidate in kept if candidate not in over]
        yield from (Dropped(candidate.attempt_id, "balance") for candidate in over)
    if voted_share is not None:
        over = _over_the_voted_share(kept, voted_share, rng)
        kept = [candidate for candidate in kept if candidate not in over]
        yield from (Dropped(candidate.attempt_id, "consensus_share") for candidate in over)
    if share := recipe.selection.max_rationalized_share:
        yield from (Dropped(c.attempt_id, "rationalized_share") for c in _over_the_share(kept, share, rng))


def _over_the_mean(
    kept: Collection[Candidate], kind: Callable[[Candidate], str], rng: random.Random
) -> dict[Candidate, None]:
    """What has to go for no class to have more than the mean of all."""
    classes: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in kept:
        classes[kind(candidate)].append(candidate)
    most = math.ceil(len(kept) / max(1, len(classes)))
    over = (rng.sample(members, len(members) - most) for members in classes.values() if len(members) > most)
    return dict.fromkeys(chain.from_iterable(over))


def _over_the_share(kept: Collection[Candidate], share: float, rng: random.Random) -> list[Candidate]:
    """What has to go for the rationalized to be no more than `share` of what is left."""
    hinted = [candidate for candidate in kept if candidate.rationalized]
    most = most_beside(len(kept) - len(hinted), share)
    return rng.sample(hinted, max(0, len(hinted) - most))


def _over_the_voted_share(kept: Collection[Candidate], share: float, rng: random.Random) -> dict[Candidate, None]:
    """What has to go for answers that were voted on to be no more than `share`, even if no rationalized one is left."""
    voted = [candidate for candidate in kept if candidate.is_voted]
    plain = sum(not (candidate.is_voted or candidate.rationalized) for candidate in kept)
    return dict.fromkeys(rng.sample(voted, max(0, len(voted) - most_beside(plain, share))))
