"""How fast this machine samples, trains and verifies: for `estimate.py`, timed with the product's own parts."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from scripts.planning.costs import Device, FineTuning, Sampling, Shape
from scripts.planning.reader import Reader
from star.prompts import samples_with_exemplars
from star.recipe import Recipe
from star.recipe.training import Steps
from star.records import Example, Problem
from star.tasks import Task
from star.verify import SymbolicVerifier


def calibrate(recipe: Recipe, reader: Reader, shape: Shape, config: Any) -> Device:
    """This machine, timed with the product's own sampler and fine-tuning on random weights of the recipe's shape."""
    import psutil
    import torch
    from transformers import AutoModelForCausalLM

    from star.models import Checkpoint, choose_device, choose_dtype, set_threads
    from star.sample import open_sampler
    from star.train import train_lora

    now = time.process_time if set_threads(recipe.model) == 1 else time.perf_counter  # what else runs counts not
    dtype = choose_dtype(recipe.model, choose_device(recipe.model))
    batch = min(recipe.sampler.batch_size, len(reader.some))
    exemplars, decoded = samples_with_exemplars(recipe, 1, hinted=False), min(32, recipe.decoding.max_new_tokens - 1)
    prompts = reader.prompts.prompts(reader.some[:batch], False, exemplars)
    stage = Sampling(reader.texts(False, exemplars, decoded + 1), batch, 1, 1)
    with tempfile.TemporaryDirectory() as folder:
        AutoModelForCausalLM.from_config(config, dtype=dtype).save_pretrained(folder)
        reader.tokenizer.save_pretrained(folder)
        checkpoint = Checkpoint(folder)
        sampler = open_sampler(recipe, checkpoint, 1 << 20)

        def sample(tokens: int) -> float:
            update = {"max_new_tokens": tokens, "samples": 1, "temperature": recipe.decoding.temperature, "stop": []}
            start = now()
            sampler.sample(prompts, recipe.decoding.model_copy(update=update), 0)
            return now() - start

        sample(1)
        sampler.release()
        loaded = sample(1)
        first = min(sample(1) for _ in range(2))
        loading = shape.weight_bytes / max(1e-3, loaded - first)
        decoding = sample(decoded + 1) - first
        sampler.release()
        target = "".join(reader.rationales()[:1]) or "x " * 50
        rows = [Example(reader.prompts.training_prompt(p), target, f"base/plain/{p.id}/0", 1) for p in reader.some]

        def train(steps: int) -> float:
            settings = recipe.train.model_copy(update={"epochs": None, "steps": Steps(start=steps)})
            (out := Path(folder) / f"adapter-{steps}").mkdir()
            start = now()
            train_lora(recipe.model_copy(update={"train": settings}), checkpoint, rows, 1, out)
            return now() - start

        train(1)
        few, many = train(2), train(8)
    prompt = fmean(reader.tokens(row.prompt) for row in rows)
    learned = FineTuning(6 * recipe.train.batch_size, prompt, reader.tokens(target) + 1, recipe.train.batch_size)
    tuned = learned.flops(shape, recipe.train.rank) / (many - few)
    read = stage.prefill(shape) / first
    memory = psutil.virtual_memory().total
    name = f"this machine, {torch.get_num_threads()} threads, {str(dtype).removeprefix('torch.')}"
    decoded_flops = stage.decode(shape) / decoding
    return Device(name, read, None, memory, 1.0, tuned / read, 0.0, decoded_flops, loading, "measured now")


def verify_seconds(task: Task, problem: Problem, texts: Sequence[str]) -> float:
    """Of one core, now, for a completion: its final answer and its steps. The best of several rounds."""
    now = time.perf_counter if isinstance(task.verifier, SymbolicVerifier) else time.process_time  # it has workers

    def once() -> float:
        start = now()
        for text in texts:
            task.judge(problem, text)
            task.steps(problem, text)
        return (now() - start) / len(texts)

    return min(once() for _ in range(10))
