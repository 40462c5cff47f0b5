"""What one iteration amounted to, in one JSON object: what trackers, tables and plots read."""

from __future__ import annotations

import json
from collections import Counter
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
            plain, hinted = (
                [Attempt.from_dict(row) for row in read_rows(folder / f"{name}.jsonl")]
                for name in ("attempts", "rationalizations")
            )
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


def _sampled(plain: list[Attempt], hinted: list[Attempt], recipe: Recipe) -> dict[str, Any]:
    """What sampling gave, plain and hinted."""
    both, kinds = [*plain, *hinted], {"plain": plain, "hinted": hinted}
    return {
        "problems": len({attempt.problem.id for attempt in plain}),
        "solved": len(_solved(plain, recipe)),
        "hinted": len({attempt.problem.id for attempt in hinted}),
        "rationalized": len(_solved(hinted, recipe)),
        "verdicts": {kind: dict(Counter(a.verdict.status for a in attempts)) for kind, attempts in kinds.items()},
        "false_positives": {kind: sum(a.is_false_positive for a in attempts) for kind, attempts in kinds.items()},
        "checkable": {
            kind: sum(a.verdict.accepted and a.steps_checked > 0 for a in attempts) for kind, attempts in kinds.items()
        },
        "cut_off": sum(a.verdict.accepted and a.completion.finish_reason == "length" for a in both),
        "sampled_tokens": sum(a.completion.num_tokens for a in both),
    }


def _solved(attempts: list[Attempt], recipe: Recipe) -> set[str]:
    return {attempt.problem.id for attempt in attempts if solves(attempt, recipe)}
