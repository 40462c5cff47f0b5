"""Our sampling engine against `model.generate` and vLLM on this CPU, in one run, on real prompts.

    python scripts/bench_sampler.py --data GSM8K/test.jsonl [--gguf MODEL.gguf] [--vllm-python PYTHON]
        [--workloads zero-shot five-shot samples natural] [--repeats 3] [--json FILE]

Every contender is a process of its own (`scripts/bench_contenders.py`); its model stays loaded, and the contenders take
turns. `generate` and vLLM run at the batch size that was best on a first short round. vLLM needs an environment of its
own (scripts/README.md). Tokens are counted the same way for all: those up to what ends a completion, and no more.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from scripts.contender import Contender  # noqa: E402
from scripts.machine import machine  # noqa: E402

BATCH_SIZES = (16, 32, 64, 128)
"""Tried for `generate`; vLLM batches as it likes, up to the largest."""
SHORT = 32
"""New tokens of the short round that finds the best batch size."""
STOP = "\nQuestion:"
ENGINES = "scripts/bench_contenders.py"


def main() -> int:
    """Run the workloads and print the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, metavar="FILE", help="rows of GSM8K, as JSON lines")
    parser.add_argument("--gguf", default="models/SmolLM2-135M-Instruct.Q4_1.gguf", help="see get_smollm2.sh")
    parser.add_argument("--dtype", default="bfloat16", choices=("bfloat16", "float32"))
    parser.add_argument("--workloads", nargs="+", metavar="NAME", help="by default, all")
    parser.add_argument("--max-new-tokens", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=3, help="rounds of timing, all contenders in each")
    parser.add_argument("--vllm-python", metavar="PYTHON", help="of an environment that has vLLM; left out without")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    arguments = parser.parse_args()
    results: dict[str, Any] = {"machine": processor(), "workloads": {}}
    print(json.dumps(results["machine"]))
    contenders = start_contenders(arguments)
    workloads = make_workloads(arguments.data, arguments.max_new_tokens)
    for name in arguments.workloads or workloads:
        results["workloads"][name] = measure(name, workloads[name], contenders, arguments.repeats)
    for contender in contenders.values():
        contender.close()
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0


def processor() -> dict[str, Any]:
    """The machine, and what torch makes of it."""
    import torch

    amx = bool(getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)())
    return {**machine("torch", "transformers"), "threads": torch.get_num_threads(), "amx": amx}


def make_workloads(data: Path, max_new_tokens: int) -> dict[str, dict[str, Any]]:
    """Requests by name, each with its prompts, samples a prompt, new tokens, and what stops a completion."""
    rows = [json.loads(line) for line in data.read_text().splitlines()]
    questions = [f"Question: {row['question']}\nAnswer:" for row in rows]
    exemplars = "".join(f"{q} {row['answer']}\n\n" for q, row in list(zip(questions, rows, strict=True))[-5:])
    fixed = {"samples": 1, "max_new_tokens": max_new_tokens, "stop": []}
    return {
        "zero-shot": {**fixed, "prompts": questions[:64]},
        "five-shot": {**fixed, "prompts": [exemplars + q for q in questions[:64]]},
        "samples": {**fixed, "prompts": [exemplars + q for q in questions[:16]], "samples": 8},
        "natural": {**fixed, "prompts": [exemplars + q for q in questions[:256]], "stop": [STOP]},
    }


def start_contenders(arguments: argparse.Namespace) -> dict[str, Contender]:
    """The engines to compare, ours first."""
    from star.models import resolve_checkpoint
    from star.recipe import load_recipe
    from star.tasks import build_task

    recipe = load_recipe(ROOT / "recipes/smollm2-arithmetic.yaml", [f"model.gguf={arguments.gguf}"])
    checkpoint = resolve_checkpoint(recipe, build_task(recipe)).name
    contenders = {
        "ours": Contender(sys.executable, ENGINES, "ours", checkpoint, arguments.dtype),
        "generate": Contender(sys.executable, ENGINES, "generate", checkpoint, arguments.dtype),
    }
    if arguments.vllm_python:
        contenders["vllm"] = Contender(arguments.vllm_python, ENGINES, "vllm", checkpoint, arguments.dtype)
    return contenders


def measure(name: str, workload: dict[str, Any], contenders: dict[str, Contender], repeats: int) -> dict[str, Any]:
    """Interleaved repeats of one workload; prints a line for each contender."""
    sizes = {"ours": len(workload["prompts"]) * workload["samples"], "vllm": max(BATCH_SIZES)}
    short = {**workload, "max_new_tokens": SHORT, "stop": []}
    for contender in contenders:  # warm, and the best batch size where that is to be chosen: one batch of each
        tried = BATCH_SIZES if contender == "generate" else (64,)
        rates = {}
        for size in tried:
            prompts = workload["prompts"][: -(-size // workload["samples"])]
            figures = contenders[contender].ask({**short, "prompts": prompts, "batch_size": size})
            rates[size] = figures["tokens"] / figures["seconds"]
        if contender == "generate":
            sizes[contender] = max(rates, key=rates.get)
    rounds: dict[str, list[dict[str, Any]]] = {contender: [] for contender in contenders}
    for _ in range(repeats):
        for contender in contenders:
            rounds[contender].append(contenders[contender].ask({**workload, "batch_size": sizes[contender]}))
    ours = rate(rounds["ours"])
    found: dict[str, Any] = {}
    for contender, figures in rounds.items():
        found[contender] = {
            "tokens_per_second": rate(figures),
            "ours_is_faster_by": ours / rate(figures),
            "batch_size": sizes[contender],
            "peak_mib": max(one["peak_mib"] for one in figures),
            "rounds": figures,
        }
        print(
            f"{name:10} {contender:9} {rate(figures):8.1f} tokens/s   ours is {ours / rate(figures):5.2f} times as fast"
            f"   batch {sizes[contender]:4}   peak {found[contender]['peak_mib']:6.0f} MiB",
            flush=True,
        )
    share = statistics.median(one["gemm_seconds"] / one["decode_seconds"] for one in rounds["ours"])
    found["gemm_share_of_decoding"] = share
    print(f"{name:10} bare GEMMs of the same shapes would take {share:.0%} of our decoding time", flush=True)
    return found


def rate(figures: list[dict[str, Any]]) -> float:
    """Median tokens a second."""
    return statistics.median(one["tokens"] / one["seconds"] for one in figures)


if __name__ == "__main__":
    sys.exit(main())
