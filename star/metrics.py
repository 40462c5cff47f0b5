"""What one iteration amounted to, in one JSON object: what trackers, tables and plots read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from star.files import Rows, read_json, read_rows
from star.recipe import Recipe
from star.records import STATUSES, Attempt
from star.select import by_problem, solves
from star.store import Iteration
from star.sweep import SWEEP

ENDS = {"first": 1, "last": -1}
"""Places in a training log of the first and the last optimizer step."""

QUALITY = ("auc", "auc_within", "needed", "refused", "candidates", "low", "threshold")
"""What the metrics have of `quality.json`."""


def summarise(iteration: Iteration, recipe: Recipe) -> dict[str, Any]:
    """The metrics of an iteration, from its artefacts alone.

    `seconds` are those of each stage, `spent` the same by activity (`star/clock.py`).
    `accuracy` is on held-out problems, by evaluation mode. `audit` has the signals of `star/audit/signals.py`, `funnel`
    what became of the attempts. Problems whose answer was voted on are in no count of right and wrong: `consensus` has
    them, as the audit counts them. The rest is what the functions below say.
    """
    folder = iteration.folder
    audit = read_json(folder / "audit.json")
    metrics: dict[str, Any] = {
        "iteration": iteration.number,
        "accuracy": read_json(folder / "scores.json"),
        "audit": audit["signals"],
        "funnel": audit["funnel"],
    }
    if "consensus" in audit:
        metrics["consensus"] = audit["consensus"]
    if iteration.number > 0:
        metrics |= _sampled(folder, recipe) | _trained(folder, iteration.number)
    return metrics | iteration.times()


def _sampled(folder: Path, recipe: Recipe) -> dict[str, Any]:
    """What sampling gave; nothing with `method: direct`.

    `solved` counts training problems that a plain attempt solves (`star/select.py`), `rationalized` those that needed
    the hint; plain and hinted attempts are kept apart. `cut_off` counts right attempts that ran into `max_new_tokens`,
    which are not trained on. `false_positives` counts right attempts with a wrong step in their working, of `checkable`
    right ones that have a step to check. `samples` counts all completions drawn to train on, those of a sweep, of new
    problems and of votes among them, and `sampled_tokens` their tokens.

    Of what not every recipe has: `sweep` is its choice and what it cost (`star/sweep.py`), `synthesis` is about new
    problems (`star/synthesize/summary.py`), `curriculum` says where attempts went (`star/curriculum/effort.py`), and
    `quality` what came of `selection.quality` (`star/quality/filter.py`).
    """
    if not (folder / "attempts.jsonl").exists():
        return {}
    kinds = {
        kind: _counts(Rows(folder / f"{name}.jsonl", Attempt), recipe)
        for kind, name in (("plain", "attempts"), ("hinted", "rationalizations"))
    }
    both = kinds["plain"] + kinds["hinted"]
    own = {name: _read(folder, name) for name in (SWEEP, "synthesis", "curriculum", "quality")}
    sweep, synthesis = own[SWEEP], own["synthesis"] or {"samples": {}, "tokens": {}}
    more = sweep or {"samples": 0, "tokens": 0}
    found: dict[str, Any] = {
        "problems": kinds["plain"]["problems"],
        "solved": kinds["plain"]["solved"],
        "hinted": kinds["hinted"]["problems"],
        "rationalized": kinds["hinted"]["solved"],
        "verdicts": {kind: {s: counts[s] for s in STATUSES if counts[s]} for kind, counts in kinds.items()},
        "false_positives": {kind: counts["false_positives"] for kind, counts in kinds.items()},
        "checkable": {kind: counts["checkable"] for kind, counts in kinds.items()},
        "cut_off": both["cut_off"],
        "samples": both["samples"] + more["samples"] + sum(synthesis["samples"].values()),
        "sampled_tokens": both["tokens"] + more["tokens"] + sum(synthesis["tokens"].values()),
    }
    if sweep:
        own[SWEEP] = {name: value for name, value in sweep.items() if name != "table"}
    if quality := own["quality"]:
        own["quality"] = {key: quality[key] for key in QUALITY}
    return found | {name: value for name, value in own.items() if value}


def _trained(folder: Path, number: int) -> dict[str, Any]:
    """What was trained on, and the ends of the loss. `verifier` has what a verifier learned from, and loss and accuracy
    (share of pairs told apart better than by the reference) of its first and last step."""
    examples = Counter(row["iteration"] for row in Rows(folder / "train.jsonl"))
    carried = examples.total() - examples[number]
    found: dict[str, Any] = {"examples": examples.total(), "examples_carried": carried, "train_steps": 0}
    if (folder / "adapter").exists():  # not with `method: curate`
        log = read_rows(folder / "adapter" / "training.jsonl")
        found |= {
            "examples_too_long": len(log[0]["too_long"]),
            "train_steps": log[0]["steps"],
            "train_loss_first": log[1]["loss"],
            "train_loss_last": log[-1]["loss"],
        }
    if (folder / "verifier").exists():
        found["verifier"] = _verifier(folder / "verifier" / "training.jsonl")
    return found


def _read(folder: Path, name: str) -> dict[str, Any] | None:
    """The artefact `NAME.json`, if the iteration has it."""
    path = folder / f"{name}.json"
    return read_json(path) if path.exists() else None


def _verifier(path: Path) -> dict[str, Any]:
    """From the log of its training."""
    log = read_rows(path)
    ends = {f"{name}_{end}": log[place][name] for name in ("loss", "accuracy") for end, place in ENDS.items()}
    return {"pairs": log[0]["pairs"], "pairs_too_long": len(log[0]["too_long"]), "steps": log[0]["steps"], **ends}


def _counts(attempts: Iterable[Attempt], recipe: Recipe) -> Counter[str]:
    """What there is to count of the attempts of one kind, those at one problem one after the other."""
    counts: Counter[str] = Counter()
    for _, tries in by_problem(attempts):
        known = solved = False
        for attempt in tries:
            counts["samples"] += 1
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
