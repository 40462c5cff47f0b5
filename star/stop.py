"""When to end a run early: the rules of `stop`, on the metrics of the iterations so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from star.audit.verdict import findings
from star.console import console
from star.recipe import Stop
from star.store.retention import best as best_of


def goes_on(rows: Sequence[dict[str, Any]], rules: Stop) -> bool:
    """Tell the alarms after iterations with these metrics, and whether the rules let another one begin."""
    for finding in findings(rows):
        if finding.level == "alarm":
            console.print(f"alarm: {finding.says} {finding.do}", markup=False)
    leader = best_of(rows)
    if (reason := stop_reason(rows, leader, rules)) is None:
        return True
    console.print(
        f"stopped after iteration {rows[-1]['iteration']}: {reason}; the best is iteration {leader}", markup=False
    )
    return False


def stop_reason(rows: Sequence[dict[str, Any]], best: int | None, rules: Stop) -> str | None:
    """The first rule that says that no more iterations are worth it after the last of `rows`, in words.

    Args:
        rows: metrics of the finished iterations, in order.
        best: the iteration with the best held-out accuracy.
    """
    drawn = [row.get("samples", 0) for row in rows]
    if rules.samples is not None and sum(drawn) + sum(drawn[-1:]) / 2 >= rules.samples:
        return f"{sum(drawn):,} samples were drawn (stop.samples is {rules.samples:,})"
    if best is None:
        return None
    last = rows[-1]
    watched = last.get("audit", {})
    without = last["iteration"] - best
    if rules.patience is not None and without >= rules.patience:
        return f"{without} iterations without a better held-out accuracy (stop.patience)"
    new, solved = watched.get("newly_solved"), watched.get("ever_solved")
    if None not in (rules.min_new_solved, new, solved) and new < rules.min_new_solved and solved < 1:
        return f"{new} problems were solved for the first time (stop.min_new_solved is {rules.min_new_solved})"
    for key, name, what in (
        ("max_forgotten", "forgotten", "of the problems that were solved before are not any more"),
        ("max_duplicate_share", "near_duplicates", "of the accepted rationales nearly repeat another"),
    ):
        most, share = getattr(rules, key), watched.get(name)
        if None not in (most, share) and share > most:
            return f"{share:.1%} {what} (stop.{key} is {most})"
    distinct = watched.get("distinct_2")
    if None not in (rules.min_distinct, distinct) and distinct < rules.min_distinct:
        return f"{distinct:.1%} of the word pairs are distinct (stop.min_distinct is {rules.min_distinct})"
    return None
