"""The audit of one iteration: every signal that its artefacts give, or why there is none."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from typing import Any

from star.audit.calibration import calibration
from star.audit.coverage import Coverage, coverage, easiest_decile
from star.audit.diversity import TOO_LITTLE, diversity
from star.audit.funnel import funnel
from star.audit.leaks import leak
from star.audit.signals import BY_NAME, SIGNALS
from star.audit.specimens import specimens
from star.drop import Dropped
from star.history import ProblemHistory
from star.mix import origins
from star.recipe import Recipe
from star.records import VOTED_GROUP, Attempt, AttemptId, Example, derive_seed
from star.select import by_problem, judged
from star.tasks import Task

MISSING = {
    **TOO_LITTLE,
    "coverage": "nothing was sampled",
    "forgotten": "no problem that was tried had been solved before",
    "easiest_decile": "nothing that was sampled was trained on",
    "false_positives": "no right answer has a step that can be checked",
    "plain_accuracy": "nothing was sampled",
    "hinted_accuracy": "nothing was rationalized",
    "hint_leaks": "no rationalization was accepted",
    "learned_plain": "no problem was tried again whose plain rationale was trained on",
    "learned_rationalized": "no problem was tried again whose rationalization was trained on",
    "vote_error": "one sample of a problem is no vote (decoding.samples)",
}
"""Why a signal, or all of a part, has no value."""

Values = dict[str, float | None]

MOST_JUDGED = 50_000
"""Rationalizations that are searched for leaks: of 2% that leak, the share is then known to within 0.13 points."""


@dataclass
class Audit:
    """What there is to say about iteration `number`.

    Args:
        attempts, rationalizations, dropped, examples: its artefacts; the first three are empty with `method: direct`.
        past, now: histories of the training problems before it and after it.
        trained_before: what the iteration before it was trained on.
        reference: what `reference.json` holds.
        problems_removed: training problems left out because they overlap what is protected.
    """

    recipe: Recipe
    task: Task
    number: int
    attempts: Collection[Attempt]
    rationalizations: Collection[Attempt]
    dropped: Collection[Dropped]
    examples: Collection[Example]
    past: Collection[ProblemHistory]
    now: Collection[ProblemHistory]
    trained_before: Collection[Example]
    reference: Mapping[str, Any]
    problems_removed: int = 0

    def to_dict(self) -> dict[str, Any]:
        """What `audit.json` holds."""
        error, bins = calibration(self._votes())
        values = self._diversity() | self.coverage.signals() | self._drift() | self._trust() | {"vote_error": error}
        values["easiest_decile"] = easiest_decile(self._examples_of, self._known, self.number)
        signals = {signal.name: values.get(signal.name) for signal in SIGNALS}
        return {
            "signals": signals,
            "missing": {name: self._why_missing(name) for name, value in signals.items() if value is None},
            "coverage": {
                "by_group": {name: dict(+counts) for name, counts in sorted(self.coverage.by_group.items())},
                "by_difficulty": {name: dict(+counts) for name, counts in self.coverage.by_difficulty.items()},
            },
            "funnel": self._funnel(),
            "calibration": bins,
            "contamination": {
                "problems_removed": self.problems_removed,
                "texts_removed": sum(row.reason == "contaminated" for row in self.dropped),
            },
            **({"consensus": dict(found)} if (found := self._voted()) else {}),
        }

    def specimens(self) -> Iterator[dict[str, Any]]:
        """What `specimens.jsonl` holds."""
        return specimens(
            self._all(),
            self.task,
            self.recipe.audit.specimens,
            new=self.coverage.new,
            forgotten=self.coverage.forgotten,
            trained=(example.attempt_id for example in self._own),
            dropped={row.attempt_id: row.reason for row in self.dropped},
            leaks=self._leaks,
        )

    @cached_property
    def coverage(self) -> Coverage:
        return coverage(self.past, self.now, self.number)

    @cached_property
    def _leaks(self) -> dict[str, str]:
        """How accepted rationalizations leak their hints, by attempt id: judged once, since it takes long."""
        return {attempt.id: how for attempt in self._judged if (how := leak(self.task, attempt)) is not None}

    @property
    def _judged(self) -> Iterator[Attempt]:
        """The accepted ones of at most `MOST_JUDGED` rationalizations, evenly spread over all."""
        every = math.ceil(len(self.rationalizations) / MOST_JUDGED) or 1
        return (attempt for attempt in islice(self.rationalizations, 0, None, every) if attempt.verdict.accepted)

    @property
    def _own(self) -> Iterator[Example]:
        """The examples that this iteration accepted, without lessons."""
        return (one for one in self.examples if one.iteration == self.number and not one.is_lesson)

    @property
    def _examples_of(self) -> Counter[str]:
        """How many of them each problem gave."""
        if self.recipe.method == "direct":
            return Counter()
        return Counter(AttemptId.parse(example.attempt_id).problem for example in self._own)

    @property
    def _known(self) -> Iterator[ProblemHistory]:
        """Histories of problems whose answer is known."""
        return (row for row in self.now if row.group != VOTED_GROUP)

    def _all(self) -> Iterator[Attempt]:
        return chain(self.attempts, self.rationalizations)

    def _diversity(self) -> Values:
        if self.recipe.method == "direct":
            return {}
        return diversity((example.target for example in self._own), derive_seed(self.recipe.seed, "diversity"))

    def _drift(self) -> Values:
        names = {
            "reference_perplexity": "perplexity",
            "reference_accuracy": "accuracy",
            "base_kl": "kl",
            "base_agreement": "agreement",
        }
        return {name: self.reference.get(key) for name, key in names.items()}

    def _trust(self) -> Values:
        """Shares of right attempts, of wrong working behind them, and of hints that show."""
        counts: Counter[str] = Counter()
        for attempt in self._all():
            if attempt.problem.is_voted:  # nobody knows what is right
                continue
            right = attempt.verdict.accepted
            counts[attempt.kind] += 1
            counts[f"{attempt.kind} right"] += right
            counts["checkable"] += right and attempt.steps_checked > 0
            counts["false positives"] += attempt.is_false_positive
        return {
            "plain_accuracy": _share(counts["plain right"], counts["plain"]),
            "hinted_accuracy": _share(counts["hinted right"], counts["hinted"]),
            "false_positives": _share(counts["false positives"], counts["checkable"]),
            "hint_leaks": _share(len(self._leaks), sum(1 for _ in self._judged)),
        } | self._learned()

    def _voted(self) -> Counter[str]:
        """Of attempts at problems whose answer was voted on, which no signal counts: how many `agree` with it, and how
        many of those have working that can be checked (`checkable`), or is wrong (`false_positives`)."""
        counts: Counter[str] = Counter()
        for attempt in self._all():
            if attempt.problem.is_voted:
                counts["attempts"] += 1
                counts["agree"] += attempt.verdict.accepted
                counts["checkable"] += attempt.verdict.accepted and attempt.steps_checked > 0
                counts["false_positives"] += attempt.is_false_positive
        return counts

    def _learned(self) -> Values:
        """Of the problems that the iteration before it trained on, from a plain rationale or a rationalization: how
        many are solved now. The paper asks which of the two teaches more (Zelikman et al. 2022, section 4)."""
        kinds: dict[str, bool] = {}
        if self.recipe.method != "direct":
            for example in self.trained_before:
                if example.iteration == self.number - 1 and not example.is_lesson:
                    kinds[AttemptId.parse(example.attempt_id).problem] = example.rationalized
        tried: Counter[bool] = Counter()
        solved: Counter[bool] = Counter()
        for row in self._known:
            if row.last == self.number and (rationalized := kinds.get(row.id)) is not None:
                tried[rationalized] += 1
                solved[rationalized] += row.solved_last
        return {
            "learned_plain": _share(solved[False], tried[False]),
            "learned_rationalized": _share(solved[True], tried[True]),
        }

    def _votes(self) -> Iterator[list[tuple[Any, bool]]]:
        """The answers to each problem that was sampled more than once, and whether they are right."""
        if self.recipe.decoding.samples > 1:
            known = (attempt for attempt in self.attempts if not attempt.problem.is_voted)
            for _, tries in by_problem(known):
                yield [(self.task.meaning(attempt), attempt.verdict.accepted) for attempt in tries]

    def _funnel(self) -> dict[str, Any]:
        judged_ones = judged(self._all(), self.recipe, self.task.meaning)
        counts = origins(self.examples, self.recipe, self.number)
        lessons = {"lessons": counts["lessons"]} if self.recipe.max_lesson_share else {}
        kinds = funnel(judged_ones, self.dropped, self.recipe.selection.accept)
        return {**kinds, **{name: counts[name] for name in ("carried", "replayed", "real")}, **lessons}

    def _why_missing(self, name: str) -> str:
        if name in MISSING:
            return MISSING[name]
        part = BY_NAME[name].part
        return self.reference.get("missing", "not measured") if part == "drift" else MISSING[part]


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
