"""Our LoRA step against TRL's `SFTTrainer` on this CPU, in one run, on the same rows in the same order.

    python scripts/bench_train.py --data GSM8K/train.jsonl [--gguf MODEL.gguf] [--trl-python PYTHON]
        [--dtype float32] [--steps 12] [--repeats 3] [--trl-setting NAME] [--json FILE]

LoRA of rank 16 on all linear layers, batches of 16 examples, a constant learning rate, the loss on the answers only.
Every run is a process of its own (`scripts/bench_trainers.py`), and they take turns; loading and the first step are
not timed. TRL runs twice: as it comes, and with that of `SETTINGS` which was fastest in a short first round, unless
told which. All of them make the same optimizer steps: TRL's packing across batches does not, and is left out. Tokens
are those of the rows; padding counts for nobody.

The floor is what the matrix products of a step take: 4 operations a parameter and token (2 forward, 2 for the gradient
of the activations; frozen weights need none), at the best rate that torch.mm showed in this run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from scripts.bench_sampler import processor  # noqa: E402
from scripts.contender import Contender  # noqa: E402
from star.errors import UserError  # noqa: E402

FAST = {"gradient_checkpointing": False}
SETTINGS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "no-checkpointing": FAST,
    "padding-free": {**FAST, "padding_free": True},
    "micro-4": {**FAST, "micro_batch": 4},
    "micro-1-eager": {**FAST, "micro_batch": 1, "attention": "eager"},
    "micro-4-padding-free": {**FAST, "micro_batch": 4, "padding_free": True},
    "micro-4-padding-free-eager": {**FAST, "micro_batch": 4, "padding_free": True, "attention": "eager"},
    "micro-2-padding-free-eager": {**FAST, "micro_batch": 2, "padding_free": True, "attention": "eager"},
    "micro-2-padding-free-eager-no-autocast": {
        **FAST, "micro_batch": 2, "padding_free": True, "attention": "eager", "bf16": False,
    },
}  # fmt: skip
"""What TRL may be told on a CPU, by name: arguments of `SFTConfig`, size of micro-batches, attention of the model."""
TRIAL_STEPS = 2
"""Optimizer steps of the round that finds the fastest, the first of them not timed."""
SIZES = ((1024, 2048, 2048), (1024, 4096, 4096), (2048, 4096, 4096))
"""Matrix products that show the machine's best rate."""


def main() -> int:
    """Run both and print the tables; returns the exit code."""
    arguments = parse()
    try:
        rows = read_rows(arguments.data, arguments.steps * arguments.batch_size)
        require_trl(arguments.trl_python)
        results = measure(arguments, find_checkpoint(arguments.gguf), rows)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    show(results)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0


def parse() -> argparse.Namespace:
    """The command line, checked; a mistake in it ends the process with code 2."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, metavar="FILE", help="rows of GSM8K, as JSON lines")
    parser.add_argument("--gguf", default="models/SmolLM2-135M-Instruct.Q4_1.gguf", help="see get_smollm2.sh")
    parser.add_argument("--trl-python", default=sys.executable, metavar="PYTHON", help="of an environment that has TRL")
    parser.add_argument("--dtype", default="bfloat16", choices=("bfloat16", "float32"))
    parser.add_argument("--batch-size", type=int, default=16, choices=(4, 8, 16, 32), help="rows of an optimizer step")
    parser.add_argument("--steps", type=int, default=12, help="optimizer steps of a run, the first of them not timed")
    parser.add_argument("--repeats", type=int, default=3, help="rounds of timing, both in each")
    parser.add_argument("--trl-setting", choices=SETTINGS, metavar="NAME", help="instead of trying them all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    arguments = parser.parse_args()
    if arguments.steps < TRIAL_STEPS or arguments.repeats < 1:
        parser.error(f"--steps must be at least {TRIAL_STEPS} (the first is not timed) and --repeats at least 1")
    return arguments


def read_rows(data: Path, count: int) -> list[list[str]]:
    """The first `count` rows, each as prompt and target.

    Raises:
        UserError: there is no such file, or it is not GSM8K, or too short.
    """
    try:
        lines = data.read_text(encoding="utf-8").splitlines()[:count]
        rows = [(row["question"], row["answer"]) for row in map(json.loads, lines)]
    except OSError as error:
        raise UserError(f"--data {data}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"--data {data}: not rows of GSM8K (JSON lines with question and answer)") from None
    if len(rows) < count:
        raise UserError(f"--data {data}: has {len(rows)} rows, and --steps of --batch-size take {count}")
    return [[f"Question: {question}\nAnswer:", f" {answer}"] for question, answer in rows]


def require_trl(python: str) -> None:
    """Raises UserError unless `python` is an interpreter that has TRL."""
    try:
        found = subprocess.run([python, "-c", "import trl"], capture_output=True).returncode == 0
    except OSError:
        found = False
    if not found:
        raise UserError(f"{python} cannot import trl: pip install -c constraints.txt -e '.[bench]', or name another")


def find_checkpoint(gguf: str) -> str:
    """The folder of the converted model, converted now if it never was.

    Raises:
        UserError: there is no such file, or it is no model.
    """
    from star.models import resolve_checkpoint
    from star.recipe import load_recipe
    from star.tasks import build_task

    recipe = load_recipe(ROOT / "recipes/smollm2-arithmetic.yaml", [f"model.gguf={json.dumps(gguf)}"])
    return resolve_checkpoint(recipe, build_task(recipe)).name


def measure(arguments: argparse.Namespace, checkpoint: str, rows: list[list[str]]) -> dict[str, Any]:
    """All figures: the machine, TRL's settings, then interleaved repeats of all sides.

    Raises:
        UserError: the sides made different tokens of the same rows.
    """
    results: dict[str, Any] = {"machine": processor(), "dtype": arguments.dtype, "batch_size": arguments.batch_size}
    print(json.dumps(results["machine"]))
    pythons = {"ours": sys.executable, "trl": arguments.trl_python}

    def train(who: str, setting: dict[str, Any], count: int = len(rows)) -> dict[str, Any]:
        request = {"rows": rows[:count], "batch_size": arguments.batch_size, "setting": setting}
        contender = Contender(pythons[who], "scripts/bench_trainers.py", who, checkpoint, arguments.dtype)
        figures = contender.ask(request)
        contender.close()
        return {**figures, "tokens_per_second": rate(figures, arguments.batch_size)}

    rates: dict[str, float] = {}
    for name in () if arguments.trl_setting else SETTINGS:
        rates[name] = train("trl", SETTINGS[name], TRIAL_STEPS * arguments.batch_size)["tokens_per_second"]
        print(f"TRL, short round: {rates[name]:8.1f} tokens/s  {name}", flush=True)
    best = arguments.trl_setting or max(rates, key=rates.get)
    sides = {"ours": ("ours", {}), "trl, as it comes": ("trl", {}), f"trl, {best}": ("trl", SETTINGS[best])}
    rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
    for _ in range(arguments.repeats):
        for name, side in sides.items():
            rounds[name].append(train(*side))
    if any(found[0]["lengths"] != rounds["ours"][0]["lengths"] for found in rounds.values()):
        raise UserError("the same rows became different tokens: the rates cannot be compared")
    results |= {"trl_short_round": rates, "floor": floor(arguments.dtype, checkpoint), "sides": {}}
    for name, figures in rounds.items():
        results["sides"][name] = {
            "tokens_per_second": statistics.median(one["tokens_per_second"] for one in figures),
            "peak_mib": max(one["peak_mib"] for one in figures),
            "rounds": figures,
        }
    return results


def rate(figures: dict[str, Any], batch_size: int) -> float:
    """Tokens a second of all steps but the first, which also warms everything."""
    ends = figures["ends"]
    if len(ends) != len(figures["losses"]):
        raise UserError(f"{len(ends)} optimizer steps were seen for {len(figures['losses'])} losses")
    return sum(figures["lengths"][batch_size:]) / (ends[-1] - ends[0])


def floor(dtype: str, checkpoint: str) -> dict[str, float]:
    """The best rate of torch.mm in this dtype, and the tokens a second of a step that were nothing else."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    best = 0.0
    for m, k, n in SIZES:
        a, b = (torch.randn(size).to(getattr(torch, dtype)) for size in ((m, k), (k, n)))
        for _ in range(6):
            start = time.perf_counter()
            torch.mm(a, b)
            best = max(best, 2 * m * k * n / (time.perf_counter() - start))
    with torch.device("meta"):  # counted without weights
        parameters = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(checkpoint)).num_parameters()
    return {"flops": best, "parameters": parameters, "tokens_per_second": best / (4 * parameters)}


def show(results: dict[str, Any]) -> None:
    """Rates, memory, shares of the floor and losses, as tables."""
    sides, least = results["sides"], results["floor"]
    print(
        f"\nthe floor is {least['tokens_per_second']:.0f} tokens/s, at {least['flops'] / 1e9:.0f} GFLOP/s and "
        f"{least['parameters'] / 1e6:.1f} M parameters"
    )
    for name, found in sides.items():
        speed, ours = found["tokens_per_second"], sides["ours"]["tokens_per_second"]
        found["ours_is_faster_by"] = ours / speed
        print(
            f"{name:40} {speed:8.1f} tokens/s   ours is {ours / speed:5.2f} times as fast   "
            f"{speed / least['tokens_per_second']:4.0%} of the floor's rate   peak {found['peak_mib']:6.0f} MiB"
        )
    losses = {name: found["rounds"][0]["losses"] for name, found in sides.items()}
    print("\nstep  loss: " + "  ".join(losses))
    for step, row in enumerate(zip(*losses.values(), strict=True), 1):
        print(f"{step:4}  " + "  ".join(f"{loss:.4f}" for loss in row))
    for name, curve in losses.items():
        apart = [abs(one - other) for one, other in zip(losses["ours"], curve, strict=True)]
        sides[name]["loss_difference"] = {"mean": statistics.mean(apart), "largest": max(apart)}
        print(f"loss difference to {name}: mean {statistics.mean(apart):.4f}, largest {max(apart):.4f}")


if __name__ == "__main__":
    sys.exit(main())
