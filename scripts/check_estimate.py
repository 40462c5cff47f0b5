"""Whether `estimate.py` is right about a run that was made on this machine: each figure beside the measured one.

    python scripts/check_estimate.py RUN [--json FILE]

Compares iteration 1. What only a run knows, the shares of the problems that were solved and rationalized, is taken from
the run; tokens, bytes and seconds are not. This machine is timed now, so it should be as busy as it was then. Seconds
are those of the activities (`spent` in `metrics.jsonl`), since a stage has loading in it, too.
"""

from __future__ import annotations

import argparse
import json
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from scripts.estimate import estimate  # noqa: E402
from scripts.machine import machine  # noqa: E402
from star.errors import UserError  # noqa: E402
from star.files import Rows  # noqa: E402
from star.store import Store  # noqa: E402

EVALUATION = "evaluation-*.jsonl"


def compare(run: Path) -> dict[str, tuple[float, float]]:
    """What was estimated and what was measured, by name.

    Raises:
        UserError: there is no such run, or it has no iteration 1.
    """
    store = Store.existing(run)
    metrics = next((row for row in store.metrics() if row["iteration"] == 1), None)
    if metrics is None:
        raise UserError(f"{run}: iteration 1 is not finished")
    found = estimate(_arguments(run, metrics))
    folder, spent, seconds = store.folder / "iterations" / "001", metrics["spent"], found["seconds"]
    rows = {"attempts": "attempts.jsonl", "rationalizations": "rationalizations.jsonl", "evaluation": EVALUATION}
    pairs: dict[str, tuple[float, float]] = {
        f"tokens sampled, {name}": (found["tokens"][name]["written"], _tokens(folder, pattern))
        for name, pattern in rows.items()
    }
    pairs["tokens sampled, all"] = tuple(map(sum, zip(*pairs.values(), strict=True)))
    written = (*rows.values(), "history.jsonl", "train.jsonl")
    sizes = {path: path.stat().st_size for pattern in written for path in folder.glob(pattern)}
    pairs["examples"] = (found["examples"], metrics["examples"])
    pairs["bytes of rows"] = (found["bytes"]["rows"], sum(sizes.values()))
    pairs["bytes of the adapter"] = (found["bytes"]["adapter"], _size(folder / "adapter"))
    sampling = sum(s for name, s in seconds.items() if name.endswith((": writing", ": reading prompts")))
    pairs["seconds, sampling"] = (sampling, spent["sampling"])
    pairs["seconds, fine-tuning"] = (seconds["fine-tuning"], spent["fine-tuning"])
    pairs["seconds, loading"] = (seconds["loading"], spent.get("loading", 0.0))
    pairs["seconds, all"] = (seconds["all"], sum(spent.values()))
    return pairs


def _arguments(run: Path, metrics: dict[str, Any]) -> Namespace:
    """Those of `estimate.py` for this run."""
    solved, rationalized = metrics["solved"] / metrics["problems"], metrics["rationalized"] / max(1, metrics["hinted"])
    known = {"solved": solved, "rationalized": rationalized, "completion": None, "problems": None}
    where = {"calibrate": True, "gpu": None, "gpus": 1, "processes": None, "llama": None}
    return Namespace(recipe=str(run / "recipe.yaml"), overrides=[], **known, **where)


def _tokens(folder: Path, pattern: str) -> int:
    return sum(row["completion"]["num_tokens"] for path in folder.glob(pattern) for row in Rows(path))


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*"))


def main() -> int:
    """Print the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path, help="run directory")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    arguments = parser.parse_args()
    try:
        pairs = compare(arguments.run)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("| | estimated | measured | |\n|---|---:|---:|---:|")
    for name, (guess, seen) in pairs.items():
        digits = 1 if name.startswith("seconds") else 0
        print(f"| {name} | {guess:,.{digits}f} | {seen:,.{digits}f} | {guess / seen - 1:+.0%} |" if seen else "")
    if arguments.json:
        figures = {"machine": machine("torch", "transformers"), "run": str(arguments.run), "pairs": pairs}
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
