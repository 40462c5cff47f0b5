"""What one iteration of a recipe costs, before it runs: tokens, FLOPs, memory, bytes, seconds, and what bounds them.

    python scripts/estimate.py RECIPE [key=value ...] --calibrate
    python scripts/estimate.py RECIPE [key=value ...] --gpu h100 --gpus 64 --problems 1e7 --llama 7B

No weights are read: a configuration is enough, or `--llama`, which needs no model at all (then tokens are characters
divided by four). Prompts and rows are those of problems of the recipe's data. What nobody knows before a run is
assumed, and printed: how many problems are solved, how long a completion is, how many of the problems that the model
writes are kept (`scripts/planning/assumed.py`). What is left out is said, too (`unknown.py` there). `--calibrate` times
this machine on random weights of the same shape, in half a minute; `--gpu` takes published peaks. What there is to do
is counted in `counts.py`, and priced in `plan.py` by the formulas of `costs.py`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from scripts.planning.assumed import add_flags, amount, assumed_in, whole  # noqa: E402
from scripts.planning.calibrate import calibrate, verify_seconds  # noqa: E402
from scripts.planning.costs import GPUS  # noqa: E402
from scripts.planning.counts import count  # noqa: E402
from scripts.planning.plan import plan  # noqa: E402
from scripts.planning.reader import Reader  # noqa: E402
from scripts.planning.shapes import LLAMAS, model_of  # noqa: E402
from scripts.planning.unknown import unknown  # noqa: E402
from star.errors import UserError  # noqa: E402
from star.recipe import load_recipe  # noqa: E402
from star.tasks import build_task  # noqa: E402


def show(found: dict[str, Any]) -> None:
    """The plan as Markdown."""
    counted = ", ".join(
        f"{found[name]:,.0f} {name}" for name in ("problems", "samples", "examples", "pairs") if found[name]
    )
    print(f"{found['device']}: {counted}\n")
    print("| part | tokens | FLOPs | seconds |\n|---|---:|---:|---:|")
    for name in found["seconds"]:
        stage, _, what = name.partition(": ")
        kind = "written" if what == "writing" else "read"
        tokens = found["tokens"].get(stage, {}).get(kind)
        flops = found["flops"].get(name)
        print(f"| {name} | {short(tokens)} | {short(flops)} | {found['seconds'][name]:,.1f} |")
    memory = ", ".join(f"{name} {value / 1e9:,.2f}" for name, value in found["memory"].items())
    print(f"\nmemory, GB: {memory} ({found['sequences at once']:,.0f} sequences at once)")
    print("written, GB: " + ", ".join(f"{name} {value / 1e9:,.3f}" for name, value in found["bytes"].items()))
    print(f"bottleneck: {found['bottleneck']}\nengine: {found['engine']}")
    print("assumed: " + ", ".join(f"--{name} {value:g}" for name, value in found["assumed"].items()))
    for line in found["unknown"]:
        print(f"note: {line}")


def short(value: float | None) -> str:
    """As `1.2e9`, or as it is where that is short."""
    return "" if value is None else f"{value:,.0f}" if value < 1e6 else f"{value:.2e}"


def main(argv: Sequence[str] | None = None) -> int:
    """Print the plan; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("recipe", help="path of a recipe (YAML)")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="recipe keys to change")
    parser.add_argument("--problems", type=amount, metavar="N", help="training problems; those of the data by default")
    parser.add_argument("--iteration", type=whole, default=1, metavar="N", help="which one; the first by default")
    add_flags(parser)
    parser.add_argument("--llama", choices=LLAMAS, help="a model of this shape, instead of the recipe's")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--calibrate", action="store_true", help="time this machine")
    where.add_argument("--gpu", choices=GPUS, help="published peaks of this one")
    parser.add_argument("--gpus", type=whole, default=1, metavar="N", help="how many, each with a model of its own")
    parser.add_argument("--processes", type=whole, metavar="N", help="that verify; one a GPU by default")
    parser.add_argument("--json", action="store_true", help="as JSON")
    arguments = parser.parse_intermixed_args(argv)
    if arguments.calibrate and (arguments.llama or arguments.gpus > 1):
        parser.error("--calibrate times the recipe's own model on this machine: leave out --llama and --gpus")
    try:
        found = estimate(arguments)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(json.dumps(found, indent=2)) if arguments.json else show(found)
    return 0


def estimate(arguments: argparse.Namespace) -> dict[str, Any]:
    """The plan that the arguments ask for.

    Raises:
        UserError: the recipe, its data or its model is not to be had.
    """
    recipe = load_recipe(arguments.recipe, arguments.overrides)
    task = build_task(recipe)
    shape, config, tokenizer = model_of(recipe, task, arguments.llama)
    reader = Reader(recipe, task, tokenizer, arguments.problems)
    counts = count(reader, assumed_in(arguments), arguments.problems, arguments.iteration)
    device = calibrate(recipe, reader, shape, config) if arguments.calibrate else GPUS[arguments.gpu]
    verifying = verify_seconds(task, reader.some[0], reader.rationales()[:20] or ["The answer is 1."])
    processes = arguments.processes or arguments.gpus
    found = plan(recipe, counts, shape, device, arguments.gpus, verifying, processes)
    known = {"verify_seconds": verifying, "device_facts": asdict(device)}
    return found | {"assumed": counts.assumed, "unknown": unknown(recipe, counts, arguments.iteration)} | known


if __name__ == "__main__":
    sys.exit(main())
