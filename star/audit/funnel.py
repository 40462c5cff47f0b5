"""From what was sampled to what was trained on: where attempts were lost. Those with a hint are counted apart, and so
are those at problems whose answer was voted on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from star.drop import Dropped
from star.records import Attempt, AttemptId

KINDS = ("plain", "hinted")
VOTED = "consensus"
"""The kind of an attempt at a problem whose answer was voted on; none of them has a hint."""


def funnel(judged: Iterable[tuple[Attempt, bool]], dropped: Iterable[Dropped], rule: str) -> dict[str, dict[str, int]]:
    """Counts for plain and hinted attempts, and `VOTED` ones if there are any: `sampled`; why they were not accepted (a
    status of their verdict, or `outvoted`); why accepted ones were dropped (`star.drop.REASONS`); `trained`.

    Args:
        judged: the attempts, and whether `rule` (the recipe's `selection.accept`) takes each for right.
    """
    found = {kind: Counter() for kind in (*KINDS, VOTED)}
    voted: set[str] = set()
    for attempt, is_right in judged:
        if attempt.problem.is_voted:
            voted.add(attempt.problem.id)
        counts = found[VOTED if attempt.problem.is_voted else attempt.kind]
        counts["sampled"] += 1
        counts["trained" if is_right else _rejection(attempt, rule)] += 1
    for row in dropped:
        id = AttemptId.parse(row.attempt_id)
        counts = found[VOTED if id.problem in voted else id.kind]
        counts[row.reason] += 1
        counts["trained"] -= 1
    counted = {kind: {name: n for name, n in counts.items() if n} for kind, counts in found.items()}
    return {kind: counts for kind, counts in counted.items() if counts or kind in KINDS}


def _rejection(attempt: Attempt, rule: str) -> str:
    return "outvoted" if rule == "majority" and attempt.verdict.answer is not None else attempt.verdict.status
