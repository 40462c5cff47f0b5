"""Whether ten times the problems take more memory: `star run` on 10,000 and on 100,000 problems.

    python scripts/bench_memory.py [--problems 10000 100000] [--runs DIR] [--json FILE] [key=value ...]

Each run is a process of its own: one whole iteration of a tiny starter on sums of three digits, and on the 90 of one
digit, which are what it solves. Its resident memory is looked at from outside, 50 times a second, and booked on the
stage that is writing then. Completions are cut off after a few tokens, to save time.

What grows: the problems, which stay in memory (half a kilobyte each); ids of those solved and digests of the accepted
examples, while they are looked for; and torch's kernels on a CPU, one for each shape, which it keeps up to 1,024 of.
What this does not show: memory of fine-tuning, which keeps the tokens of all examples, for here they are few.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from scripts.machine import machine  # noqa: E402

RECIPE = """\
name: memory
iterations: 1
task: {kind: arithmetic, style: columns, train: {1: 90, 3: 1}, held_out: {1: 9, 3: 50}}
model:
  threads: 1
  device: cpu
  starter: {hidden_size: 64, layers: 2, heads: 2, intermediate_size: 128, context: 96, steps: 160, batch_size: 32,
            lr: 5.0e-3, digits: {1: 1}, hinted: 0.5, hinted_digits: {1: 1}}
decoding: {max_new_tokens: 16}
sampler: {batch_size: 256, wave: 512}
train: {rank: 4, alpha: 8, lr: 2.0e-3, warmup_steps: 2, batch_size: 8, steps: {start: 4}}
"""
SAMPLED = ("attempts", "rationalizations")
"""The stages that stream over all problems."""
PAUSE = 0.02
"""Seconds between two looks at a process."""
MIB = 1 << 20


def main() -> int:
    """Run both sizes and print the table; returns the exit code, that of a run that failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="recipe keys to change")
    parser.add_argument("--problems", type=int, nargs="+", default=[10_000, 100_000], metavar="N")
    parser.add_argument("--runs", type=Path, metavar="DIR", help="keep the runs there, and continue them if need be")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    arguments = parser.parse_args()
    results: dict[str, Any] = {"machine": machine("torch", "transformers"), "peak_mib": {}}
    print(json.dumps(results["machine"]))
    with tempfile.TemporaryDirectory() as scratch:
        runs = arguments.runs or Path(scratch)
        runs.mkdir(parents=True, exist_ok=True)
        measure(1000, runs / "warm", [])  # makes the starter, if the cache has it not
        for count in arguments.problems:
            results["peak_mib"][count] = measure(count, runs, arguments.overrides)
            print(f"{count} problems: {json.dumps(results['peak_mib'][count])}", flush=True)
    results["difference"] = compare(results["peak_mib"])
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0


def measure(count: int, runs: Path, overrides: list[str]) -> dict[str, float]:
    """Peak resident MiB of a run on `count` problems: of each stage, of those that sample, and of the whole.

    Raises:
        SystemExit: the run failed.
    """
    recipe = runs / "memory.yaml"
    recipe.parent.mkdir(parents=True, exist_ok=True)
    recipe.write_text(RECIPE)
    name = f"memory-{count}"
    command = [sys.executable, "-m", "star", "run", str(recipe), "--runs", str(runs), "--name", name]
    start = time.monotonic()
    process = psutil.Popen(
        [*command, f"task.train.3={count - 90}", *overrides], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    peaks: dict[str, float] = defaultdict(float)
    while process.poll() is None:
        stage = stage_at_work(runs / name)
        peaks[stage] = max(peaks[stage], resident(process))
        time.sleep(PAUSE)
    if code := process.wait():
        print(process.stdout.read())
        raise SystemExit(code)
    peaks = {stage: round(peak, 1) for stage, peak in peaks.items()}
    sampling = max((peaks[stage] for stage in SAMPLED if stage in peaks), default=0.0)
    seconds = round(time.monotonic() - start, 1)
    return {"sampling": sampling, "whole run": max(peaks.values()), "seconds": seconds, "stages": peaks}


def stage_at_work(run: Path) -> str:
    """The stage whose artefact of iteration 1 is being written; `between` others."""
    folder = run / "iterations/001.partial"
    if journals := list(folder.glob("*.journal")):
        return journals[0].name.removesuffix(".jsonl.journal")
    return "adapter" if (folder / "adapter.tmp").exists() else "between"


def resident(process: psutil.Process) -> float:
    """MiB of a process and its children, 0 if it has just ended."""
    try:
        return sum(one.memory_info().rss for one in (process, *process.children(recursive=True))) / MIB
    except psutil.NoSuchProcess:
        return 0.0


def compare(peaks: dict[int, dict[str, Any]]) -> dict[str, float]:
    """Print peaks side by side; returns by how many percent that of most problems is above that of fewest."""
    few, many = min(peaks), max(peaks)
    found = {}
    print(f"{'peak RSS, MiB':20}" + "".join(f"{count:>12}" for count in sorted(peaks)) + "   difference")
    for part in ("sampling", "whole run"):
        found[part] = round(100 * (peaks[many][part] / peaks[few][part] - 1), 1)
        values = "".join(f"{peaks[count][part]:12.0f}" for count in sorted(peaks))
        print(f"{part:20}{values}   {found[part]:+9.1f}%")
    return found


if __name__ == "__main__":
    sys.exit(main())
