"""What one iteration of a recipe costs, before it runs: tokens, FLOPs, memory, bytes, seconds, and what bounds them.

    python scripts/estimate.py RECIPE [key=value ...] --calibrate
    python scripts/estimate.py RECIPE [key=value ...] --gpu h100 --gpus 64 --problems 1e7 --llama 7B

No weights are read: a configuration is enough, or `--llama`, which needs no model at all (then tokens are characters
divided by four). Prompts and rows are those of problems of the recipe's data. What nobody knows before a run is
assumed, and printed: how many problems are solved, and how long a completion is. `--calibrate` times this machine on
random weights of the same shape, in half a minute; `--gpu` takes published peaks. Formulas: `scripts/costs.py`.
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

from scripts.calibrate import calibrate, verify_seconds  # noqa: E402
from scripts.costs import (  # noqa: E402
    ADAMW,
    FP32,
    GPUS,
    Device,
    Shape,
    activation_bytes,
    decode_seconds,
    sequences_that_fit,
)
from scripts.counts import Assumed, Counts, Reader, count  # noqa: E402
from scripts.shapes import LLAMAS, model_of  # noqa: E402
from star.errors import UserError  # noqa: E402
from star.recipe import Recipe, load_recipe  # noqa: E402
from star.tasks import build_task  # noqa: E402

LOOP_SECONDS = 200e-6
"""Of one core, for each attempt: all but sampling, verifying and training (`scripts/bench_stream.py`)."""
LOOP_BYTES = 400
"""Of memory, for each problem, at most (`scripts/bench_stream.py`)."""
PROCESS = 500e6
"""Bytes that Python and its libraries take."""
DISK = 0.5e9
"""Bytes that a disk writes in a second, fsync included: a modest SSD."""
NETWORK = 1.25e9
"""Bytes a second between machines: 10 Gbit/s."""
LOADS = 3
"""Times that an iteration reads the weights: to attempt, to fine-tune, to evaluate; once more to score real texts."""
MICRO_BATCH = {"cpu": 2048, "gpu": 4096}
"""Tokens whose activations are kept at once (`star/train/fit.py`)."""


def plan(
    recipe: Recipe, counts: Counts, shape: Shape, device: Device, gpus: int, verifying: float, processes: int
) -> dict[str, Any]:
    """Seconds of each part, memory, bytes, and which part takes longest."""
    rank, training = recipe.train.rank, counts.training
    flops, seconds, bounds, tokens = {}, {}, {}, {}
    for name, stage in counts.stages.items():
        batch = sequences_that_fit(shape, device, stage.texts, min(recipe.sampler.batch_size, stage.attempts or 1))
        decoding, bound = decode_seconds(stage, shape, device, batch)
        tokens[name] = {"read": stage.read, "written": stage.written}
        flops |= {f"{name}: reading prompts": stage.prefill(shape), f"{name}: writing": stage.decode(shape)}
        reading = stage.prefill(shape) / (device.flops * device.prefill_share)
        seconds |= {f"{name}: reading prompts": reading / gpus, f"{name}: writing": decoding / gpus}
        bounds |= {f"{name}: reading prompts": "compute", f"{name}: writing": bound}
    tokens["fine-tuning"] = {"read": training.tokens, "written": 0.0}
    flops["fine-tuning"] = training.flops(shape, rank)
    seconds["fine-tuning"] = flops["fine-tuning"] / (device.flops * device.train_share) / min(gpus, training.batch)
    attempts = sum(stage.attempts for stage in counts.stages.values())
    adapter = shape.adapter(rank) * FP32
    written = counts.rows_bytes + adapter
    seconds["loading"] = (LOADS + (recipe.audit.reference_texts > 0)) * shape.weight_bytes / device.loading
    seconds |= {"verifying": attempts * verifying / processes, "the loop": attempts * LOOP_SECONDS}
    seconds |= {"writing to disk": written / DISK, "network": ((gpus > 1) * gpus * adapter) / NETWORK}
    bounds |= {"fine-tuning": "compute", "loading": "disk", "verifying": "verification", "the loop": "one core"}
    bounds |= {"writing to disk": "disk", "network": "network"}
    stage = counts.stages["attempts"]
    batch = sequences_that_fit(shape, device, stage.texts, min(recipe.sampler.batch_size, stage.attempts))
    cached = batch * (stage.texts.own + stage.texts.completion) + stage.texts.shared
    at_once = min(MICRO_BATCH["cpu" if device.bandwidth is None else "gpu"], training.batch * training.tokens)
    longest = max(seconds, key=seconds.__getitem__)
    return {
        "device": f"{gpus} x {device.name}" if gpus > 1 else device.name,
        "problems": counts.problems,
        "examples": counts.examples,
        "tokens": tokens,
        "flops": flops | {"all": sum(flops.values())},
        "seconds": seconds | {"all": sum(seconds.values())},
        "memory": {
            "weights": shape.weight_bytes,
            "keys and values": shape.kv_bytes * cached,
            "activations in training": activation_bytes(shape, at_once),
            "adapter and optimizer": shape.adapter(rank) * ADAMW,
            "the loop's process": PROCESS + LOOP_BYTES * counts.problems,
        },
        "sequences at once": batch,
        "bytes": {"rows": counts.rows_bytes, "adapter": adapter, "all": written},
        "bottleneck": f"{bounds[longest]}, in {longest} ({seconds[longest] / sum(seconds.values()):.0%} of the time)",
        "engine": engine(shape, device, gpus),
    }


def engine(shape: Shape, device: Device, gpus: int) -> str:
    """What carries a plan."""
    if shape.weight_bytes > 0.8 * device.memory:
        return f"a server that splits the weights: {shape.weight_bytes / device.memory:.1f} devices' worth"
    if device.bandwidth is None:
        return "local (sampler.kind: local)"
    return "vllm (one engine a GPU)" if gpus > 1 else "vllm, or local for a first look"


def show(found: dict[str, Any]) -> None:
    """The plan as Markdown."""
    print(f"{found['device']}: {found['problems']:,.0f} problems, {found['examples']:,.0f} examples\n")
    print("| part | tokens | FLOPs | seconds |\n|---|---:|---:|---:|")
    for name in found["seconds"]:
        stage, _, what = name.partition(": ")
        kind = "written" if what == "writing" else "read"
        tokens = found["tokens"].get(stage, {}).get(kind)
        flops = found["flops"].get(name)
        print(f"| {name} | {amount(tokens)} | {amount(flops)} | {found['seconds'][name]:,.1f} |")
    memory = ", ".join(f"{name} {value / 1e9:,.2f}" for name, value in found["memory"].items())
    print(f"\nmemory, GB: {memory} ({found['sequences at once']:,.0f} sequences at once)")
    print("written, GB: " + ", ".join(f"{name} {value / 1e9:,.3f}" for name, value in found["bytes"].items()))
    print(f"bottleneck: {found['bottleneck']}\nengine: {found['engine']}")


def amount(value: float | None) -> str:
    """As `1.2e9`, or as it is where that is short."""
    return "" if value is None else f"{value:,.0f}" if value < 1e6 else f"{value:.2e}"


def main(argv: Sequence[str] | None = None) -> int:
    """Print the plan; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("recipe", help="path of a recipe (YAML)")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="recipe keys to change")
    parser.add_argument("--problems", type=float, metavar="N", help="training problems; those of the data by default")
    parser.add_argument("--solved", type=float, default=0.5, help="share of the problems solved without a hint")
    parser.add_argument("--rationalized", type=float, default=0.5, help="share of the others solved with it")
    parser.add_argument("--completion", type=float, metavar="TOKENS", help="mean length of a completion")
    parser.add_argument("--llama", choices=LLAMAS, help="a model of this shape, instead of the recipe's")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--calibrate", action="store_true", help="time this machine")
    where.add_argument("--gpu", choices=GPUS, help="published peaks of this one")
    parser.add_argument("--gpus", type=int, default=1, metavar="N", help="how many, each with a model of its own")
    parser.add_argument("--processes", type=int, metavar="N", help="that verify; one a GPU by default")
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
    assumed = Assumed(arguments.solved, arguments.rationalized, arguments.completion)
    counts = count(recipe, reader, assumed, arguments.problems)
    device = calibrate(recipe, reader, shape, config) if arguments.calibrate else GPUS[arguments.gpu]
    verifying = verify_seconds(task, reader.some[0], reader.rationales()[:20] or ["The answer is 1."])
    processes = arguments.processes or arguments.gpus
    found = plan(recipe, counts, shape, device, arguments.gpus, verifying, processes)
    return found | {"assumed": asdict(assumed), "verify_seconds": verifying, "device_facts": asdict(device)}


if __name__ == "__main__":
    sys.exit(main())
