"""One process against several on the same cores: seconds of each stage of one iteration.

    python scripts/bench_processes.py [RECIPE [key=value ...]] [--processes 2] [--repeats 3] [--json FILE]

Every repeat runs the recipe's first iteration once in each way, one after the other, through `torchrun`, in a folder
that is thrown away. What is printed are medians of the stages' seconds as the runs themselves record them, and their
ratio. A first run, not counted, pretrains a starter that is not there yet. That both wrote the same text is checked.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from scripts.machine import machine  # noqa: E402
from star.files import read_json  # noqa: E402
from star.recipe import load_recipe  # noqa: E402

STAGES = {
    "attempts": ("attempts",),
    "rationalizations": ("rationalizations",),
    "fine-tuning": ("adapter",),
    "evaluation": ("evaluation-zero-shot", "evaluation-few-shot"),
}
"""Rows of the table, and the stages of an iteration that each counts. The others are the first process's alone."""


def main() -> int:
    """Run, and print the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("recipe", nargs="?", default=str(ROOT / "recipes/arithmetic.yaml"))
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    parser.add_argument("--processes", type=int, default=2, metavar="N")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    arguments = parser.parse_intermixed_args()
    recipe = [arguments.recipe, *arguments.overrides, "iterations=1"]
    name = load_recipe(recipe[0], recipe[1:]).name
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder)
        run([*recipe, "iterations=0"], 1, runs / "warm-up")
        timed: dict[int, list[dict[str, float]]] = {1: [], arguments.processes: []}
        texts = set()
        for repeat in range(arguments.repeats):
            for processes in timed:
                run(recipe, processes, runs / f"{repeat}-{processes}")
                iteration = runs / f"{repeat}-{processes}" / name / "iterations/001"
                timed[processes].append(seconds(iteration))
                texts.add((iteration / "attempts.jsonl").read_bytes())
    results = {
        "machine": machine("torch", "accelerate"),
        "recipe": recipe,
        "seconds": timed,
        "same text": len(texts) == 1,
    }
    show(results)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0 if results["same text"] else 1


def run(recipe: list[str], processes: int, runs: Path) -> None:
    """One run through torchrun; its output is shown only if it fails."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    command = [*launcher, str(ROOT / "scripts/run_star.py"), *recipe, "--runs", str(runs)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def seconds(iteration: Path) -> dict[str, float]:
    """What the stages took, by the row that they count for, and the whole iteration."""
    stages = read_json(iteration / "timings.json")["seconds"]
    rows = {row: sum(stages.get(stage, 0.0) for stage in names) for row, names in STAGES.items()}
    return rows | {"the iteration": sum(stages.values())}


def show(results: dict[str, Any]) -> None:
    """The table."""
    print(" ".join(f"{key}: {value}" for key, value in results["machine"].items()))
    alone, together = results["seconds"]
    print(f"{'seconds (median)':20} {alone:>4} process {together:>4} processes   ratio")
    for row in [*STAGES, "the iteration"]:
        medians = [statistics.median(one[row] for one in repeats) for repeats in results["seconds"].values()]
        if medians[1]:
            print(f"{row:20} {medians[0]:12.1f} {medians[1]:14.1f} {medians[0] / medians[1]:7.2f}")
    print("the same text" if results["same text"] else "NOT the same text")


if __name__ == "__main__":
    sys.exit(main())
