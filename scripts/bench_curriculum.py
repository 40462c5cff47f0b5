"""What a curriculum saves: samples that drawing all problems alike needs for the accuracy that it reaches.

    python scripts/bench_curriculum.py --json out.json
    python scripts/bench_curriculum.py --seeds 0 --iterations 2 --uniform-iterations 4    # a quick look

One recipe (`recipes/curriculum.yaml`) is run with `curriculum.kind` `uniform`, `learnable` and `grow`, with each of the
seeds: the same base model, held-out problems, attempts in an iteration and training steps. Only `uniform` goes on for
more iterations, to find out when it gets as far. A sample is one attempt, plain or hinted. Runs that are finished are
not run again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

from machine import machine

from star.files import read_rows, write_json

ROOT = Path(__file__).parent.parent
ARMS = ("uniform", "learnable", "grow")

Curve = list[tuple[float, float]]
"""Samples so far and held-out accuracy, from the base model on."""


def main() -> int:
    """Run all arms, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes/curriculum.yaml")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--iterations", type=int, default=4, help="of learnable and grow")
    parser.add_argument("--uniform-iterations", type=int, default=10)
    parser.add_argument("--folder", type=Path, default=Path("runs/bench-curriculum"))
    parser.add_argument("--json", type=Path)
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="for all arms")
    arguments = parser.parse_args()
    curves: dict[str, list[Curve]] = {arm: [] for arm in ARMS}
    for seed in arguments.seeds:
        for arm in ARMS:
            iterations = arguments.uniform_iterations if arm == "uniform" else arguments.iterations
            curves[arm].append(run(arguments, arm, seed, iterations))
    results = compare(curves, arguments.iterations)
    show(curves, results)
    if arguments.json:
        facts = {"seeds": arguments.seeds, "overrides": arguments.overrides}
        facts["machine"] = machine("torch", "transformers")
        write_json(arguments.json, {**facts, "curves": curves, "results": results})
    return 0


def run(arguments: argparse.Namespace, arm: str, seed: int, iterations: int) -> Curve:
    """One run to its end; returns its curve."""
    name = f"{arm}-{seed}"
    settings = [f"name={name}", f"seed={seed}", f"iterations={iterations}"]
    settings += [f"curriculum={{kind: {arm}}}"] if arm != "grow" else []  # which is what the recipe says
    command = [sys.executable, "-m", "star", "run", arguments.recipe, "--runs", arguments.folder]
    print(f"{name}: {iterations} iterations", flush=True)
    done = subprocess.run([*command, *settings, *arguments.overrides], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{name}: exit code {done.returncode}\n{done.stdout[-2000:]}")
    return curve(read_rows(arguments.folder / name / "metrics.jsonl"))


def curve(rows: Sequence[dict[str, Any]]) -> Curve:
    """The curve of a run, from its metrics."""
    points, samples = [], 0
    for row in rows:
        samples += sum(sum(counts.values()) for counts in row.get("verdicts", {}).values())
        points.append((samples, row["accuracy"]["zero-shot"]["all"]["accuracy"]))
    return points


def compare(curves: dict[str, list[Curve]], iterations: int) -> dict[str, Any]:
    """For each curriculum, on the curves' mean over seeds and seed by seed: the accuracy that it ends with, the samples
    after which it, and `uniform`, first had that (between iterations, on a straight line), and their ratio."""
    uniform = curves["uniform"]
    results = {}
    for arm in ARMS[1:]:
        seeds = [times_as_many(*pair, iterations) for pair in zip(curves[arm], uniform, strict=True)]
        mean = times_as_many(mean_curve(curves[arm]), mean_curve(uniform), iterations)
        results[arm] = {"mean": mean, "seeds": seeds}
    return results


def times_as_many(ours: Curve, uniform: Curve, iterations: int) -> dict[str, Any]:
    """Of one curriculum and of drawing all alike."""
    accuracy = ours[iterations][1]
    samples, needed = samples_to(accuracy, ours), samples_to(accuracy, uniform)
    reached = needed is not None
    needed = needed if reached else uniform[-1][0]
    return {
        "accuracy": accuracy,
        "samples": samples,
        "uniform": needed,
        "reached": reached,
        "times": needed / samples if samples else None,
    }


def mean_curve(curves: Sequence[Curve]) -> Curve:
    """Point by point."""
    return [(fmean(s for s, _ in points), fmean(a for _, a in points)) for points in zip(*curves, strict=True)]


def samples_to(accuracy: float, points: Curve) -> float | None:
    """Samples after which a curve first has this accuracy; `None` if it never does."""
    if points[0][1] >= accuracy:
        return points[0][0]
    for (before, low), (after, high) in pairwise(points):
        if high >= accuracy > low:
            return before + (after - before) * (accuracy - low) / (high - low)
    return None


def show(curves: dict[str, list[Curve]], results: dict[str, Any]) -> None:
    """The mean curves side by side, then what they come to."""
    means = {arm: mean_curve(found) for arm, found in curves.items()}
    print(f"\nheld-out accuracy, %, mean of {len(curves['uniform'])} seeds")
    print(f"{'samples':>8}" + "".join(f"{arm:>11}" for arm in ARMS))
    for place, (samples, _) in enumerate(means["uniform"]):
        cells = (f"{100 * means[arm][place][1]:11.1f}" if place < len(means[arm]) else " " * 11 for arm in ARMS)
        print(f"{samples:8.0f}{''.join(cells)}")
    for arm, found in results.items():
        for name, one in (("mean", found["mean"]), *((f"seed {n}", one) for n, one in enumerate(found["seeds"], 1))):
            more = "" if one["reached"] else "more than "
            times = f": {more}{one['times']:.2f} times as many" if one["times"] is not None else ", as the base has it"
            print(
                f"{arm}, {name}: {one['accuracy']:.1%} after {one['samples']:.0f} samples; uniform needs "
                f"{more}{one['uniform']:.0f}{times}"
            )


if __name__ == "__main__":
    sys.exit(main())
