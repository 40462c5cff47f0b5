"""From what was sampled to what was trained on: where attempts were lost, those with a hint apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from star.records import Attempt, AttemptId
from star.select import Dropped

KINDS = ("plain", "hinted")


def funnel(judged: Iterable[tuple[Attempt, bool]], dropped: Iterable[Dropped], rule: str) -> dict[str, dict[str, int]]:
    """Counts for plain and hinted attempts: `sampled`; why they were not accepted (a status of their verdict, or
    `outvoted`); why accepted ones were dropped (`star.select.REASONS`); `trained`.

    Args:
        judged: the attempts, and whether `rule` (the recipe's `selection.accept`) takes each for right.
    """
    found = {kind: Counter() for kind in KINDS}
    for attempt, is_right in judged:
        counts = found[attempt.kind]
        counts["sampled"] += 1
        counts["trained" if is_right else _rejection(attempt, rule)] += 1
    for row in dropped:
        counts = found[AttemptId.parse(row.attempt_id).kind]
        counts[row.reason] += 1
        counts["trained"] -= 1
    return {kind: {name: n for name, n in counts.items() if n} for kind, counts in found.items()}


def _rejection(attempt: Attempt, rule: str) -> str:
    return "outvoted" if rule == "majority" and attempt.verdict.answer is not None else attempt.verdict.status
