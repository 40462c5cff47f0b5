"""What one iteration amounted to, in one JSON object: what trackers, tables and plots read."""

from __future__ import annotations

import json
from typing import Any

from star.files import read_rows
from star.recipe import Recipe
from star.records import Attempt
from star.select import solves
from star.store import Iteration


def summarise(iteration: Iteration, recipe: Recipe) -> dict[str, Any]:
    """The metrics of an iteration, from its artefacts alone.

    `accuracy` is on held-out problems, by evaluation mode. `solved` counts training problems that a plain attempt
    solves (`star/select.py`), `rationalized` those that needed the hint; plain and hinted attempts are kept apart.
    `cut_off` counts right attempts that ran into `max_new_tokens`, which are not trained on. `false_positives` counts
    right attempts with a wrong step in their working, of `checkable` right ones that have a step to check.
    """
    folder = iteration.folder
    metrics: dict[str, Any] = {
        "iteration": iteration.number,
        "accuracy": json.loads((folder / "scores.json").read_text(encoding="utf-8")),
        "seconds": iteration.seconds,
    }
    if iteration.number > 0:
        if (folder / "attempts.jsonl").exists():  # not with `method: direct`
            plain, hinted = read_rows(folder / "attempts.jsonl"), read_rows(folder / "rationalizations.jsonl")
            metrics |= _sampled(plain, hinted, recipe)
        examples = read_rows(folder / "train.jsonl")
        log = read_rows(folder / "adapter" / "training.jsonl")
        metrics |= {
            "examples": len(examples),
            "examples_carried": sum(row["iteration"] != iteration.number for row in examples),
            "examples_too_long": len(log[0]["too_long"]),
            "train_steps": log[0]["steps"],
            "train_loss_first": log[1]["loss"],
            "train_loss_last": log[-1]["loss"],
        }
    return metrics


def _sampled(plain: list[dict[str, Any]], hinted: list[dict[str, Any]], recipe: Recipe) -> dict[str, Any]:
    """What sampling gave, plain and hinted."""
    return {
        "problems": len({row["problem"]["id"] for row in plain}),
        "solved": len(_solved(plain, recipe)),
        "hinted": len({row["problem"]["id"] for row in hinted}),
        "rationalized": len(_solved(hinted, recipe)),
        "verdicts": {"plain": _statuses(plain), "hinted": _statuses(hinted)},
        "false_positives": {"plain": _false_positives(plain), "hinted": _false_positives(hinted)},
        "checkable": {"plain": _checkable(plain), "hinted": _checkable(hinted)},
        "cut_off": sum(_is_cut_off(row) for row in [*plain, *hinted]),
        "sampled_tokens": sum(row["completion"]["num_tokens"] for row in [*plain, *hinted]),
    }


def _false_positives(rows: list[dict[str, Any]]) -> int:
    """Right answers whose working has a wrong step."""
    return sum(row["verdict"]["status"] == "correct" and row["steps_wrong"] > 0 for row in rows)


def _checkable(rows: list[dict[str, Any]]) -> int:
    """Right answers whose working has a step that can be checked."""
    return sum(row["verdict"]["status"] == "correct" and row["steps_checked"] > 0 for row in rows)


def _solved(rows: list[dict[str, Any]], recipe: Recipe) -> set[str]:
    return {row["problem"]["id"] for row in rows if solves(Attempt.from_dict(row), recipe)}


def _is_cut_off(row: dict[str, Any]) -> bool:
    return row["verdict"]["status"] == "correct" and row["completion"]["finish_reason"] == "length"


def _statuses(rows: list[dict[str, Any]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in rows:
        status = row["verdict"]["status"]
        counts[status] = counts.get(status, 0) + 1
    return counts
