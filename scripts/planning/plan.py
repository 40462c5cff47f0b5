"""What the counts of one iteration come to on a device: seconds, memory, bytes, and what bounds them. For
`estimate.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scripts.planning.costs import (
    ADAMW,
    FP32,
    Device,
    Sampling,
    Shape,
    activation_bytes,
    decode_seconds,
    sequences_that_fit,
)
from scripts.planning.counts import Counts
from star.recipe import Recipe

LOOP_SECONDS = 135e-6
"""Of one core, for each attempt: all but sampling, verifying and training (`scripts/bench_stream.py`)."""
LOOP_BYTES = 400
"""Of memory, for each problem, at most (`scripts/bench_stream.py`)."""
PROCESS = 500e6
"""Bytes that Python and its libraries take."""
DISK = 0.5e9
"""Bytes that a disk writes in a second, fsync included: a modest SSD."""
NETWORK = 1.25e9
"""Bytes a second between machines: 10 Gbit/s."""
MICRO_BATCH = {"cpu": 2048, "gpu": 4096}
"""Tokens whose activations are kept at once (`star/train/fit.py`)."""


@dataclass(frozen=True)
class Part:
    """One part of an iteration: how long it takes and what it waits for, and its FLOPs, if they are counted."""

    seconds: float
    bound: str
    flops: float | None = None


def plan(
    recipe: Recipe, counts: Counts, shape: Shape, device: Device, gpus: int, verifying: float, processes: int
) -> dict[str, Any]:
    """Seconds of each part, memory, bytes, and which part takes longest.

    Args:
        gpus: that share the work.
        verifying: seconds of one core for an attempt.
        processes: that verify.
    """
    adapters = shape.adapter(recipe.train.rank) * FP32 * len(counts.trainings)
    written = counts.rows_bytes + adapters
    parts = _sampling(recipe, counts, shape, device, gpus) | _learning(recipe, counts, shape, device, gpus)
    attempts = sum(stage.attempts for stage in counts.stages.values())
    parts["loading"] = Part(_loads(recipe, counts) * shape.weight_bytes / device.loading, "disk")
    parts["verifying"] = Part(attempts * verifying / processes, "verification")
    parts["the loop"] = Part(attempts * LOOP_SECONDS, "one core")
    parts["writing to disk"] = Part(written / DISK, "disk")
    parts["network"] = Part((gpus > 1) * gpus * adapters / NETWORK, "network")
    flops = {name: part.flops for name, part in parts.items() if part.flops is not None}
    seconds = {name: part.seconds for name, part in parts.items()}
    longest = max(seconds, key=seconds.__getitem__)
    share = seconds[longest] / sum(seconds.values())
    memory, batch = _memory(recipe, counts, shape, device)
    return {
        "device": f"{gpus} x {device.name}" if gpus > 1 else device.name,
        "problems": counts.problems,
        "samples": counts.samples,
        "examples": counts.examples,
        "pairs": counts.pairs,
        "tokens": _tokens(counts),
        "flops": flops | {"all": sum(flops.values())},
        "seconds": seconds | {"all": sum(seconds.values())},
        "memory": memory,
        "sequences at once": batch,
        "bytes": {"rows": counts.rows_bytes, "adapter": adapters, "all": written},
        "bottleneck": f"{parts[longest].bound}, in {longest} ({share:.0%} of the time)",
        "engine": _engine(shape, device, gpus),
    }


def _sampling(recipe: Recipe, counts: Counts, shape: Shape, device: Device, gpus: int) -> dict[str, Part]:
    """Two parts a stage: prompts are read, completions are written."""
    parts = {}
    for name, stage in counts.stages.items():
        decoding, bound = decode_seconds(stage, shape, device, _batch(recipe, stage, shape, device))
        flops = stage.prefill(shape)
        reading = flops / (device.flops * device.prefill_share)
        parts[f"{name}: reading prompts"] = Part(reading / gpus, "compute", flops)
        parts[f"{name}: writing"] = Part(decoding / gpus, bound, stage.decode(shape))
    return parts


def _learning(recipe: Recipe, counts: Counts, shape: Shape, device: Device, gpus: int) -> dict[str, Part]:
    """A part for each training and each scoring."""
    parts = {}
    for name, training in counts.trainings.items():
        flops = training.flops(shape, recipe.train.rank)
        seconds = flops / (device.flops * device.train_share) / min(gpus, training.batch)
        parts[name] = Part(seconds, "compute", flops)
    for name, scoring in counts.scorings.items():
        flops = scoring.flops(shape)
        parts[name] = Part(flops / (device.flops * device.prefill_share) / gpus, "compute", flops)
    return parts


def _tokens(counts: Counts) -> dict[str, dict[str, float]]:
    """Tokens `read` and `written`, by stage."""
    sampled = {name: {"read": stage.read, "written": stage.written} for name, stage in counts.stages.items()}
    return sampled | {
        name: {"read": one.tokens, "written": 0.0} for name, one in (counts.trainings | counts.scorings).items()
    }


def _loads(recipe: Recipe, counts: Counts) -> int:
    """Times that an iteration reads the weights: to sample, to evaluate, for each training and scoring, and to score
    real texts."""
    sampled = counts.stages.keys() - {"evaluation", "best-of"}
    apart = len(counts.trainings) + len(counts.scorings) + (recipe.audit.reference_texts > 0)
    return bool(sampled) + ("evaluation" in counts.stages) + apart


def _memory(recipe: Recipe, counts: Counts, shape: Shape, device: Device) -> tuple[dict[str, float], float]:
    """Bytes of what is in memory, each at its most; and the sequences of the stage whose keys and values take most."""

    def cached(stage: Sampling) -> float:
        texts = stage.texts
        return _batch(recipe, stage, shape, device) * (texts.own + texts.completion) + texts.shared

    most = max(counts.stages.values(), key=cached)
    micro = MICRO_BATCH["cpu" if device.bandwidth is None else "gpu"]
    at_once = max((one.at_once(micro) for one in counts.trainings.values()), default=0)
    memory = {
        "weights": shape.weight_bytes,
        "keys and values": shape.kv_bytes * cached(most),
        "activations in training": activation_bytes(shape, at_once),
        "adapter and optimizer": shape.adapter(recipe.train.rank) * ADAMW * bool(counts.trainings),
        "the loop's process": PROCESS + LOOP_BYTES * counts.problems,
    }
    return memory, _batch(recipe, most, shape, device)


def _batch(recipe: Recipe, stage: Sampling, shape: Shape, device: Device) -> float:
    """Sequences of a stage that are sampled at once."""
    return sequences_that_fit(shape, device, stage.texts, min(recipe.sampler.batch_size, stage.attempts))


def _engine(shape: Shape, device: Device, gpus: int) -> str:
    """What carries a plan."""
    if shape.weight_bytes > 0.8 * device.memory:
        return f"a server that splits the weights: {shape.weight_bytes / device.memory:.1f} devices' worth"
    if device.bandwidth is None:
        return "local (sampler.kind: local)"
    return "vllm (one engine a GPU)" if gpus > 1 else "vllm, or local for a first look"
