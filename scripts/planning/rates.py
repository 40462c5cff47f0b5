"""What a finished iteration says of what `estimate.py` assumes of it. For `check_estimate.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scripts.planning.assumed import Assumed
from scripts.planning.learned import looked_at, met, trains_verifier
from star.drop import REASONS
from star.files import Rows
from star.recipe import Recipe
from star.records import VOTED


def rates(recipe: Recipe, folder: Path, metrics: dict[str, Any], problems: int) -> Assumed:
    """The shares and counts of the iteration in `folder`; those by default of one that samples nothing to train on. How
    long texts are is not among them.

    Args:
        problems: training problems.
    """
    if "solved" not in metrics:  # method: direct
        return Assumed()
    solved, tried = metrics["solved"], max(1, metrics["problems"])
    learned_from = solved if recipe.selection.accept == "correct" else tried
    found = {
        "solved": solved / tried,
        "rationalized": metrics["rationalized"] / max(1, metrics["hinted"]),
        "taught": _distinct(metrics["funnel"]["plain"]) / max(1, learned_from * recipe.decoding.samples),
    }
    if trains_verifier(recipe, metrics["iteration"]):
        drawn = metrics["verifier"]["pairs"] if "verifier" in metrics else 0
        found["pairs"] = drawn / max(1.0, _looked_at(recipe, folder, metrics, problems))
    if "synthesis" in metrics:
        found |= _synthesis(folder, metrics["iteration"])
    return Assumed(**found)


def _distinct(plain: dict[str, int]) -> float:
    """Examples that plain attempts would have become, had `selection.quality` ranked none of them out: it is counted on
    its own (`learned.py`). What it drops is taken to repeat itself as often as what it keeps."""
    trained = plain.get("trained", 0)
    kept = trained + sum(plain.get(reason, 0) for reason in REASONS[REASONS.index("quality") + 1 :])
    return trained * (1 + plain.get("quality", 0) / max(1, kept))


def _looked_at(recipe: Recipe, folder: Path, metrics: dict[str, Any], problems: int) -> float:
    """Solved problems that the verifier's pairs are drawn from, if all iterations tried and solved as many."""
    tried = metrics["problems"]
    if (path := folder / "pool.jsonl").exists():
        members = (row["problem"] for row in Rows(path) if not row["retired"])
        problems += sum(problem["answer_source"] != VOTED for problem in members)
    different = met(recipe, tried, problems, looked_at(recipe, metrics["iteration"]))
    return metrics["solved"] * different / max(1, tried)


def _synthesis(folder: Path, number: int) -> dict[str, float]:
    """What became of drafts, votes and lessons."""
    written, pool = Rows(folder / "written.jsonl"), Rows(folder / "pool.jsonl")
    drafts = [draft["reason"] == "" for row in written for draft in row["drafts"]]
    asked = sum(not row["again"] for row in Rows(folder / "votes.jsonl"))
    agreed = sum(row["written"] == number and row["votes"] > 0 for row in pool)
    found = {
        "drafts": len(drafts) / max(1, len(written)),
        "passed": sum(drafts) / max(1, len(drafts)),
        "agreed": agreed / max(1, asked),
    }
    if (path := folder / "lessons.jsonl").exists():
        reasons = [row["reason"] for row in Rows(path)]
        found["lessons"] = reasons.count("") / max(1, len(reasons))
    return found
