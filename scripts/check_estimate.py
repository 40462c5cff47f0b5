"""Whether `estimate.py` is right about a run that was made on this machine: each figure beside the measured one.

    python scripts/check_estimate.py RUN [--iteration N] [--json FILE]

What only a run knows, the shares of the problems that were solved, of new problems that were kept and so on
(`scripts/planning/rates.py`), is taken from the iteration; tokens, bytes and seconds are not. This machine is timed
now, so it should be as busy as it was then. Seconds are those of the activities (`spent` in `metrics.jsonl`), since a
stage has loading in it, too.
"""

from __future__ import annotations

import argparse
import json
import sys
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from scripts.estimate import estimate  # noqa: E402
from scripts.machine import machine  # noqa: E402
from scripts.planning.rates import rates  # noqa: E402
from star.errors import UserError  # noqa: E402
from star.files import Rows  # noqa: E402
from star.recipe import load_recipe  # noqa: E402
from star.store import Store  # noqa: E402
from star.tasks import build_task, load_problems  # noqa: E402

STAGES = {
    "new problems": "written.jsonl",
    "votes": "votes.jsonl",
    "sweep": "sweep-*.jsonl",
    "attempts": "attempts.jsonl",
    "rationalizations": "rationalizations.jsonl",
    "evaluation": "evaluation-*-shot.jsonl",
    "best-of": "evaluation-best-of.jsonl",
}
"""The rows of each stage that samples."""
OTHERS = ("pool", "history", "train", "pairs", "pairs-reference", "evaluation-best-of-scores")
"""Other rows that are estimated."""
SCORINGS = ("scoring pairs", "ranking")


def compare(run: Path, number: int) -> dict[str, tuple[float, float]]:
    """What was estimated and what was measured of iteration `number`, by name.

    Raises:
        UserError: there is no such run, or it has no such iteration.
    """
    store = Store.existing(run)
    metrics = next((row for row in store.metrics() if row["iteration"] == number), None)
    if metrics is None or number < 1:
        raise UserError(f"{run}: iteration {number} is not finished, or trains nothing; give another --iteration")
    folder = store.folder / "iterations" / f"{number:03d}"
    found = estimate(_arguments(run, folder, metrics))
    pairs: dict[str, tuple[float, float]] = {
        f"tokens sampled, {name}": (found["tokens"].get(name, {"written": 0})["written"], _tokens(folder, pattern))
        for name, pattern in STAGES.items()
    }
    pairs["tokens sampled, all"] = tuple(map(sum, zip(*pairs.values(), strict=True)))
    rows = {path for pattern in STAGES.values() for path in folder.glob(pattern)}
    rows |= {path for name in OTHERS if (path := folder / f"{name}.jsonl").exists()}
    adapters = _size(folder / "adapter") + _size(folder / "verifier")
    pairs["samples to train on"] = (found["samples"], metrics.get("samples", 0))
    pairs["examples"] = (found["examples"], metrics["examples"])
    pairs["pairs"] = (found["pairs"], metrics.get("verifier", {"pairs": 0})["pairs"])
    pairs["bytes of rows"] = (found["bytes"]["rows"], sum(path.stat().st_size for path in rows))
    pairs["bytes of adapters"] = (found["bytes"]["adapter"], adapters)
    return pairs | _seconds(found["seconds"], metrics["spent"])


def _seconds(guessed: dict[str, float], spent: dict[str, float]) -> dict[str, tuple[float, float]]:
    """By activity."""
    sampling = sum(s for name, s in guessed.items() if name.endswith((": writing", ": reading prompts")))
    learning = sum(guessed.get(name, 0.0) for name in ("fine-tuning", "verifier"))
    judging = guessed["verifying"] + sum(guessed.get(name, 0.0) for name in SCORINGS)
    return {
        "seconds, sampling": (sampling, spent.get("sampling", 0.0)),
        "seconds, fine-tuning": (learning, spent.get("fine-tuning", 0.0)),
        "seconds, verifying": (judging, spent.get("verifying", 0.0)),
        "seconds, loading": (guessed["loading"], spent.get("loading", 0.0)),
        "seconds, all": (guessed["all"], sum(spent.values())),
    }


def _arguments(run: Path, folder: Path, metrics: dict[str, Any]) -> Namespace:
    """Those of `estimate.py` for this iteration."""
    path = str(run / "recipe.yaml")
    recipe = load_recipe(path, [])
    known = asdict(rates(recipe, folder, metrics, len(load_problems(recipe, build_task(recipe)).train)))
    where = {"calibrate": True, "gpu": None, "gpus": 1, "processes": None, "llama": None, "problems": None}
    return Namespace(recipe=path, overrides=[], iteration=metrics["iteration"], **known, **where)


def _tokens(folder: Path, pattern: str) -> int:
    """Of all completions in the rows of a stage."""
    return sum(_of_row(row) for path in folder.glob(pattern) for row in Rows(path))


def _of_row(row: dict[str, Any]) -> int:
    completions = [row["completion"]] if "completion" in row else row.get("samples", [row])
    return sum(completion["num_tokens"] for completion in completions)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*"))


def main() -> int:
    """Print the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path, help="run directory")
    parser.add_argument("--iteration", type=int, default=1, metavar="N", help="which one; the first by default")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    arguments = parser.parse_args()
    try:
        pairs = compare(arguments.run, arguments.iteration)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("| | estimated | measured | |\n|---|---:|---:|---:|")
    for name, (guess, seen) in pairs.items():
        digits = 1 if name.startswith("seconds") else 0
        if guess or seen:
            error = f"{round(100 * (guess / seen - 1)):+d}%" if seen else ""
            print(f"| {name} | {guess:,.{digits}f} | {seen:,.{digits}f} | {error} |")
    if arguments.json:
        figures = {"machine": machine("torch", "transformers"), "run": str(arguments.run), "pairs": pairs}
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
