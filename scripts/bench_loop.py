"""A whole iteration of STaR: `star run` against the same iteration written the usual way (`usual_star.py`).

    python scripts/bench_loop.py [--recipe RECIPE] [--gguf MODEL.gguf] [--usual-python PYTHON]
        [--problems N] [--batch-size 64] [--json FILE]

Both evaluate the base model, attempt, rationalize the failures, fine-tune from the base and evaluate the new model, on
the same problems with the same prompts, each in a process of its own, one after the other. The evaluation of the base
counts for both; so do start and loading (`the rest`). Converting a GGUF file, done once, counts for neither. CPU-hours
are the user and system time of all processes of a side; memory is what all of them held at the same time, looked at
every 0.1 s.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from scripts.bench_sampler import processor  # noqa: E402
from scripts.bench_train import require_trl  # noqa: E402
from star.errors import UserError  # noqa: E402

LOOK_EVERY = 0.1
"""Seconds between two looks at the memory."""
HELD_OUT_SHARE = 5
"""With `--problems N`, one held-out problem is evaluated for this many training problems, as the recipe does."""


def main() -> int:
    """Run both and print the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--recipe", default=str(ROOT / "recipes/smollm2-arithmetic.yaml"))
    parser.add_argument("--gguf", metavar="FILE", help="the model, where it is not where the recipe says")
    parser.add_argument("--usual-python", default=sys.executable, metavar="PYTHON", help="of an environment with TRL")
    parser.add_argument("--problems", type=int, metavar="N", help="for a quick look; by default as the recipe says")
    parser.add_argument("--batch-size", type=int, default=64, help="prompts in one call of generate, the usual way")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    arguments = parser.parse_args()
    try:
        require_trl(arguments.usual_python)
        results = compare(arguments)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    show(results)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0


def compare(arguments: argparse.Namespace) -> dict[str, Any]:
    """Both sides, one after the other.

    Raises:
        UserError: the recipe is wrong, or a side failed.
    """
    from star.models import resolve_checkpoint
    from star.recipe import load_recipe
    from star.tasks import build_task

    overrides = ["iterations=1"]
    if arguments.gguf:
        overrides.append(f"model.gguf={json.dumps(str(Path(arguments.gguf).resolve()))}")
    if arguments.problems:
        held_out = max(1, arguments.problems // HELD_OUT_SHARE)
        overrides += [f"problems_per_iteration={arguments.problems}", f"evaluation.problems={held_out}"]
    recipe = load_recipe(arguments.recipe, overrides)
    resolve_checkpoint(recipe, build_task(recipe))  # converted before anything is timed
    results: dict[str, Any] = {"machine": processor(), "recipe": recipe.name, "overrides": overrides}
    print(json.dumps(results["machine"]))
    with tempfile.TemporaryDirectory() as folder:
        for side, run in (("ours", run_ours), ("usual", run_usual)):
            print(f"{side} ...", flush=True)
            results[side] = run(arguments, overrides, Path(folder))
    return results


def run_ours(arguments: argparse.Namespace, overrides: list[str], folder: Path) -> dict[str, Any]:
    """`star run` with one iteration, in a fresh run directory."""
    command = [sys.executable, "-m", "star", "run", arguments.recipe, *overrides, "--name", "ours", "--runs", folder]
    figures = watch(list(map(str, command)))
    run = folder / "ours"
    base, first = (json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines())
    evaluations = {name: base["seconds"][name] for name in base["seconds"] if name.startswith("evaluation")}
    seconds = {
        "evaluation of the base": sum(evaluations.values()),
        "attempts": first["seconds"]["attempts"],
        "rationalizations": first["seconds"]["rationalizations"],
        "fine-tuning": first["seconds"]["adapter"],
        "evaluation": sum(taken for name, taken in first["seconds"].items() if name.startswith("evaluation")),
    }
    return {
        **figures,
        "dtype": json.loads((run / "run.json").read_text())["dtype"],
        "base_accuracy": next(iter(base["accuracy"].values()))["all"]["accuracy"],
        "accuracy": next(iter(first["accuracy"].values()))["all"]["accuracy"],
        "problems": first["problems"],
        "accepted": first["examples"],
        "seconds": seconds,
    }


def run_usual(arguments: argparse.Namespace, overrides: list[str], folder: Path) -> dict[str, Any]:
    """The script that is written the usual way."""
    out = folder / "usual.json"
    command = [arguments.usual_python, ROOT / "scripts/usual_star.py", arguments.recipe, out, *overrides]
    figures = watch([*map(str, command), "--batch-size", str(arguments.batch_size)])
    return {**figures, **json.loads(out.read_text())}


def watch(command: list[str]) -> dict[str, float]:
    """Run a command to its end; wall seconds, CPU-hours and the most memory that it and its children held.

    Raises:
        UserError: it failed.
    """
    before, start, peak = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter(), 0
    process = subprocess.Popen(command, cwd=ROOT)
    while process.poll() is None:
        peak = max(peak, memory(process.pid))
        time.sleep(LOOK_EVERY)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise UserError(f"{' '.join(command[:4])} ... ended with code {process.returncode}")
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return {"wall_seconds": wall, "cpu_hours": cpu / 3600, "peak_mib": peak / 2**20}


def memory(pid: int) -> int:
    """Bytes that a process and its children hold now; those that have just ended hold none."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        this = psutil.Process(pid)
        for process in (this, *this.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
    return total


def show(results: dict[str, Any]) -> None:
    """Stage by stage, then what came of it; adds the ratios to the results."""
    ours, usual = results["ours"], results["usual"]
    for side in (ours, usual):
        side["seconds"]["the rest"] = side["wall_seconds"] - sum(side["seconds"].values())
        side["accepted_per_cpu_hour"] = side["accepted"] / side["cpu_hours"]
    print(f"\n{'seconds':24}{'ours':>10}{'usual':>10}{'usual / ours':>14}")
    for stage in ours["seconds"]:
        row(stage, ours["seconds"][stage], usual["seconds"][stage])
    row("all", ours["wall_seconds"], usual["wall_seconds"])
    print()
    row("CPU-hours", ours["cpu_hours"], usual["cpu_hours"], ".3f")
    row("peak memory, MiB", ours["peak_mib"], usual["peak_mib"], ".0f")
    for name in ("problems", "accepted", "base_accuracy", "accuracy"):
        print(f"{name.replace('_', ' '):24}{ours[name]:10.4g}{usual[name]:10.4g}")
    ratio = ours["accepted_per_cpu_hour"] / usual["accepted_per_cpu_hour"]
    results["times_as_fast"] = usual["wall_seconds"] / ours["wall_seconds"]
    results["times_the_rationales_per_cpu_hour"] = ratio
    print(
        f"accepted rationales per CPU-hour: ours {ours['accepted_per_cpu_hour']:.0f}, usual "
        f"{usual['accepted_per_cpu_hour']:.0f}: {ratio:.2f} times as many; wall time: {results['times_as_fast']:.2f} "
        f"times as fast ({ours['dtype']} and {usual['dtype']}; generate in batches of {usual['batch_size']})"
    )


def row(name: str, ours: float, usual: float, form: str = ".1f") -> None:
    """One line of the table."""
    print(f"{name:24}{ours:>10{form}}{usual:>10{form}}{usual / ours if ours else float('nan'):>14.2f}")


if __name__ == "__main__":
    sys.exit(main())
