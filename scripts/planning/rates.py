"""What a finished iteration says of what `estimate.py` assumes of it. For `check_estimate.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scripts.planning.assumed import Assumed
from star.files import Rows
from star.recipe import Recipe


def rates(recipe: Recipe, folder: Path, metrics: dict[str, Any], problems: int) -> Assumed:
    """The shares and counts of the iteration in `folder`. How long texts are is not among them.

    Args:
        problems: training problems.
    """
    solved, tried = metrics["solved"], max(1, metrics["problems"])
    learned_from = solved if recipe.selection.accept == "correct" else tried
    trained = metrics["funnel"]["plain"].get("trained", 0)
    found = {
        "solved": solved / tried,
        "rationalized": metrics["rationalized"] / max(1, metrics["hinted"]),
        "taught": trained / max(1, learned_from * recipe.decoding.samples),
    }
    if "verifier" in metrics:
        found["pairs"] = metrics["verifier"]["pairs"] / max(1, _looked_at(recipe, metrics, problems))
    if "synthesis" in metrics:
        found |= _synthesis(folder, metrics["iteration"])
    return Assumed(**found)


def _looked_at(recipe: Recipe, metrics: dict[str, Any], problems: int) -> float:
    """Solved problems that the verifier's pairs are drawn from, if all iterations solved as many."""
    last, number = recipe.verifier.iterations, metrics["iteration"]
    iterations = number if last == "all" else min(number, last)
    return metrics["solved"] * min(iterations, problems / metrics["problems"])


def _synthesis(folder: Path, number: int) -> dict[str, float]:
    """What became of drafts, votes and lessons."""
    written, pool = Rows(folder / "written.jsonl"), Rows(folder / "pool.jsonl")
    drafts = [draft["reason"] == "" for row in written for draft in row["drafts"]]
    asked = sum(not row["again"] for row in Rows(folder / "votes.jsonl"))
    agreed = sum(row["written"] == number and row["votes"] > 0 for row in pool)
    found = {
        "drafts": len(drafts) / max(1, len(written)) or None,
        "passed": sum(drafts) / max(1, len(drafts)),
        "agreed": agreed / max(1, asked),
    }
    if (path := folder / "lessons.jsonl").exists():
        reasons = [row["reason"] for row in Rows(path)]
        found["lessons"] = reasons.count("") / max(1, len(reasons))
    return found
