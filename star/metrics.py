"""What one iteration amounted to, in one JSON object: what trackers, tables and plots read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from star.files import Rows, read_json, read_rows
from star.recipe import Recipe
from star.records import STATUSES, Attempt
from star.select import by_problem, solves
from star.store import Iteration

QUALITY = ("auc", "auc_within", "needed", "refused", "candidates", "low", "threshold")
"""What the metrics have of `quality.json`."""


def summarise(iteration: Iteration, recipe: Recipe) -> dict[str, Any]:
    """The metrics of an iteration, from its artefacts alone.

    `seconds` are those of each stage, `spent` the same by activity (`star/clock.py`).
    `accuracy` is on held-out problems, by evaluation mode. `solved` counts training problems that a plain attempt
    solves (`star/select.py`), `rationalized` those that needed the hint; plain and hinted attempts are kept apart.
    `cut_off` counts right attempts that ran into `max_new_tokens`, which are not trained on. `false_positives` counts
    right attempts with a wrong step in their working, of `checkable` right ones that have a step to check. `audit` has
    the signals of `star/audit/signals.py`, `funnel` what became of the attempts. Problems whose answer was voted on are
    in none of these counts but that of tokens: `consensus` has them, as the audit counts them. `synthesis` is about new
    problems (`star/synthesize/summary.py`), `quality` what came of `selection.quality` (`star/quality/filter.py`).
    """
    folder = iteration.folder
    audit = read_json(folder / "audit.json")
    metrics: dict[str, Any] = {
        "iteration": iteration.number,
        "accuracy": read_json(folder / "scores.json"),
        "audit": audit["signals"],
        "funnel": audit["funnel"],
    }
    if iteration.number > 0:
        if (folder / "attempts.jsonl").exists():  # not with `method: direct`
            plain, hinted = (
                _counts(Rows(folder / f"{name}.jsonl", Attempt.from_dict), recipe)
                for name in ("attempts", "rationalizations")
            )
            metrics |= _sampled(plain, hinted)
        if (folder / "quality.json").exists():
            quality = read_json(folder / "quality.json")
            metrics["quality"] = {key: quality[key] for key in QUALITY}
        examples = Counter(row["iteration"] for row in Rows(folder / "train.jsonl"))
        log = read_rows(folder / "adapter" / "training.jsonl")
        metrics |= {
            "examples": examples.total(),
            "examples_carried": examples.total() - examples[iteration.number],
            "examples_too_long": len(log[0]["too_long"]),
            "train_steps": log[0]["steps"],
            "train_loss_first": log[1]["loss"],
            "train_loss_last": log[-1]["loss"],
        }
    if (synthesis := folder / "synthesis.json").exists():
        metrics["synthesis"] = read_json(synthesis)
    if "consensus" in audit:
        metrics["consensus"] = audit["consensus"]
    return metrics | iteration.times()


def _sampled(plain: Counter[str], hinted: Counter[str]) -> dict[str, Any]:
    """What sampling gave, plain and hinted."""
    both, kinds = plain + hinted, {"plain": plain, "hinted": hinted}
    return {
        "problems": plain["problems"],
        "solved": plain["solved"],
        "hinted": hinted["problems"],
        "rationalized": hinted["solved"],
        "verdicts": {kind: {s: counts[s] for s in STATUSES if counts[s]} for kind, counts in kinds.items()},
        "false_positives": {kind: counts["false_positives"] for kind, counts in kinds.items()},
        "checkable": {kind: counts["checkable"] for kind, counts in kinds.items()},
        "cut_off": both["cut_off"],
        "sampled_tokens": both["tokens"],
    }


def _counts(attempts: Iterable[Attempt], recipe: Recipe) -> Counter[str]:
    """What there is to count of the attempts of one kind, those at one problem one after the other."""
    counts: Counter[str] = Counter()
    for _, tries in by_problem(attempts):
        known = solved = False
        for attempt in tries:
            counts["tokens"] += attempt.completion.num_tokens
            if attempt.problem.is_voted:  # nobody knows what is right
                continue
            known, right = True, attempt.verdict.accepted
            solved = solved or solves(attempt, recipe)
            counts[attempt.verdict.status] += 1
            counts["false_positives"] += attempt.is_false_positive
            counts["checkable"] += right and attempt.steps_checked > 0
            counts["cut_off"] += right and attempt.completion.finish_reason == "length"
        counts["problems"] += known
        counts["solved"] += solved
    return counts
