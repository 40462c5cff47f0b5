"""A few attempts of each kind for people to look at: drawn by their ids, so that nobody chooses the pretty ones."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from star.records import Attempt, derive_seed
from star.tasks import Task

KINDS = (
    "accepted",
    "rationalized",
    "rejected",
    "newly_solved",
    "forgotten",
    "false_positive",
    "hint_leak",
)
"""Right without the hint, right with it, not right; right or not for problems that were solved for the first time, or
are not solved any more; right with a wrong step; right because of the hint."""


def specimens(
    attempts: Iterable[Attempt],
    task: Task,
    count: int,
    *,
    new: Collection[str],
    forgotten: Collection[str],
    trained: Iterable[str],
    dropped: Mapping[str, str],
    leaks: Mapping[str, str],
) -> Iterator[dict[str, Any]]:
    """Up to `count` attempts of each of `KINDS`, as rows: `kind`, `attempt`, `trained_on`, `reason`, `wrong_steps`,
    `leak`.

    Args:
        new, forgotten: ids of problems.
        trained: ids of the attempts that were trained on.
        dropped: why accepted ones were not, by attempt id.
        leaks: how accepted rationalizations leak their hints, by attempt id; only of those that do.
    """
    heaps: dict[str, list[tuple[int, int, Attempt]]] = defaultdict(list)
    for place, attempt in enumerate(attempts):
        order = -derive_seed("specimen", attempt.id)
        for kind in _kinds(attempt, new, forgotten, leaks):
            push = heapq.heappush if len(heaps[kind]) < count else heapq.heappushpop
            push(heaps[kind], (order, place, attempt))
    chosen = {attempt.id for heap in heaps.values() for _, _, attempt in heap}
    trained = chosen.intersection(trained)
    for kind in KINDS:
        for _, _, attempt in sorted(heaps[kind], reverse=True):
            yield {
                "kind": kind,
                "attempt": attempt.to_dict(),
                "trained_on": attempt.id in trained,
                "reason": dropped.get(attempt.id, ""),
                "wrong_steps": list(task.steps(attempt.problem, attempt.completion.text).wrong),
                "leak": leaks.get(attempt.id, "") if kind == "hint_leak" else "",
            }


def _kinds(attempt: Attempt, new: Collection[str], forgotten: Collection[str], leaks: Collection[str]) -> Iterator[str]:
    hinted, right = attempt.prompt.hinted, attempt.verdict.accepted
    yield ("rationalized" if hinted else "accepted") if right else "rejected"
    if not hinted and right and attempt.problem.id in new:
        yield "newly_solved"
    if not hinted and not right and attempt.problem.id in forgotten:
        yield "forgotten"
    if attempt.is_false_positive:
        yield "false_positive"
    if attempt.id in leaks:
        yield "hint_leak"
