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
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from scripts.costs import (  # noqa: E402
    ADAMW,
    FP32,
    GPUS,
    Device,
    FineTuning,
    Sampling,
    Shape,
    Texts,
    activation_bytes,
    decode_seconds,
    sequences_that_fit,
)
from star.errors import UserError  # noqa: E402
from star.files import to_line  # noqa: E402
from star.prompts import PromptBuilder, evaluates_with_exemplars, samples_with_exemplars  # noqa: E402
from star.recipe import Recipe, load_recipe  # noqa: E402
from star.recipe.schema import Steps  # noqa: E402
from star.records import Attempt, Completion, Example, Problem, Prompt, Verdict  # noqa: E402
from star.tasks import Task, build_task  # noqa: E402
from star.verify import SymbolicVerifier  # noqa: E402

SHOWN = 200
"""Problems whose prompts are measured; the others are taken to be like them."""
CHARACTERS = 4
"""Of a token, where there is no tokenizer."""
HISTORY = 130
"""Bytes of what is known of a problem (`star/history.py`)."""
LOOP_SECONDS = 400e-6
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
"""Tokens whose activations are kept at once (`star/train/lora.py`)."""
LLAMAS = {
    "1B": Shape(16, 2048, 32, 8, 8192, 128256, 64, tied=True),
    "7B": Shape(32, 4096, 32, 32, 11008, 32000),
    "8B": Shape(32, 4096, 32, 8, 14336, 128256),
    "70B": Shape(80, 8192, 64, 8, 28672, 128256),
}
"""Llama 3.2 1B, 2 7B, 3.1 8B and 70B, by their `config.json` (https://huggingface.co/meta-llama)."""


@dataclass(frozen=True)
class Assumed:
    """What only a run knows.

    Attributes:
        solved, rationalized: of the problems tried without a hint, and of those tried with it.
        completion: mean tokens; `None` is what the exemplars have, or the worked solutions.
    """

    solved: float
    rationalized: float
    completion: float | None


@dataclass(frozen=True)
class Counts:
    """What there is of everything in one iteration."""

    stages: dict[str, Sampling]
    training: FineTuning
    examples: float
    rows_bytes: float
    problems: float


class Reader:
    """Measures texts of the recipe's data in tokens and bytes; of its exemplars, where only `problems` are known.

    Raises:
        UserError: the data cannot be read, and there is nothing to go by instead.
    """

    def __init__(self, recipe: Recipe, task: Task, tokenizer: Any, problems: float | None):
        self.recipe, self.task, self.tokenizer = recipe, task, tokenizer
        self.prompts = PromptBuilder(task, recipe.prompt, tokenizer, direct=recipe.method == "direct")
        self.train: Sequence[Problem] = [problem for problem, _ in self.prompts.exemplars]
        self.held_out = self.train
        try:
            self.train, self.held_out = task.problems("train"), task.problems("held_out")
        except UserError as error:
            if problems is None or not self.train:
                raise UserError(f"{error}; or give --problems N, and prompt.exemplars to go by") from None
            print("note: the data cannot be read, so problems are taken to be like the exemplars", file=sys.stderr)
        step = max(1, len(self.train) // SHOWN)
        self.some: Sequence[Problem] = [self.train[i] for i in range(0, len(self.train), step)][:SHOWN]

    def tokens(self, text: str) -> float:
        if self.tokenizer is None:
            return len(text) / CHARACTERS
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def rationales(self) -> list[str]:
        """How completions are likely to read: as the exemplars or, where there are none, worked solutions."""
        if self.prompts.exemplars:
            return [rationale for _, rationale in self.prompts.exemplars]
        found = [text for text in self.task.solutions(self.some) if text]
        return found or [text for text in self.task.solutions(self.held_out[:SHOWN]) if text]

    def texts(self, hinted: bool, exemplars: bool, completion: float) -> Texts:
        texts = [prompt.text for prompt in self.prompts.prompts(self.some, hinted, exemplars)]
        shared = self.tokens(_common_start(texts))
        return Texts(shared, max(1.0, fmean(map(self.tokens, texts)) - shared), completion)

    def row_bytes(self, hinted: bool, exemplars: bool, completion: float, rationale: str) -> tuple[float, float]:
        """Of an attempt, and of the example that it becomes."""
        rows, examples = [], []
        length = completion * (len(rationale) / self.tokens(rationale) if rationale else CHARACTERS)
        text = (rationale or "x") * math.ceil(length / len(rationale or "x"))
        text = text[: round(length)]
        for problem, prompt in zip(self.some, self.prompts.prompts(self.some, hinted, exemplars), strict=True):
            rows.append(_row(problem, prompt, text, round(completion)))
            target, id = self.prompts.training_target(text), f"iteration-001/plain/{problem.id}/0"
            examples.append(Example(self.prompts.training_prompt(problem), target, id, 1).to_dict())
        return fmean(len(to_line(row).encode()) for row in rows), fmean(len(to_line(row).encode()) for row in examples)


def count(recipe: Recipe, reader: Reader, assumed: Assumed, problems: float | None) -> Counts:
    """Everything in iteration 1 of a recipe, on `problems` training problems (`None`: those of its data)."""
    total = problems or len(reader.train)
    tried = min(total, recipe.problems_per_iteration or total)
    held_out = min(len(reader.held_out), recipe.evaluation.problems or len(reader.held_out))
    rationales = reader.rationales()
    limit, rationale = recipe.decoding.max_new_tokens, max(rationales, key=len, default="")
    completion = assumed.completion or min(limit, fmean(map(reader.tokens, rationales)) + 1 if rationales else limit)
    failed = tried * (1 - assumed.solved) * recipe.rationalization.probability
    samples = recipe.decoding.samples
    stages, rows = {}, HISTORY * tried
    for name, count_, hinted in (("attempts", tried, False), ("rationalizations", failed, True)):
        exemplars = samples_with_exemplars(recipe, 1, hinted)
        calls = math.ceil(count_ / recipe.sampler.wave)
        stages[name] = Sampling(reader.texts(hinted, exemplars, completion), count_, samples, calls)
        row, example = reader.row_bytes(hinted, exemplars, completion, rationale)
        rows += row * count_ * samples
    shown = evaluates_with_exemplars(recipe, 1)
    evaluated = len(shown) * held_out
    length = min(completion, recipe.evaluation_decoding.max_new_tokens)
    many = recipe.evaluation_decoding.samples
    calls = math.ceil(evaluated / recipe.sampler.wave)
    stages["evaluation"] = Sampling(reader.texts(False, any(shown), length), evaluated, many, calls)
    rows += evaluated * many * row
    each = samples if samples == 1 else samples / 2  # of several samples of a problem that is solved, half
    each = min(each, recipe.selection.max_per_problem or each)
    examples = each * (tried * assumed.solved + failed * assumed.rationalized)
    rows += examples * example
    settings = recipe.train
    seen = examples * settings.epochs if settings.epochs else settings.steps_in(1, 1) * settings.batch_size
    prompt = fmean(reader.tokens(reader.prompts.training_prompt(problem)) for problem in reader.some)
    return Counts(stages, FineTuning(seen, prompt, completion, settings.batch_size), examples, rows, total)


def calibrate(recipe: Recipe, reader: Reader, shape: Shape, config: Any) -> Device:
    """This machine, timed with the product's own sampler and fine-tuning on random weights of the recipe's shape."""
    import tempfile

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

        sample(2)  # loads
        first = min(sample(1) for _ in range(2))
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
    return Device(name, read, None, memory, 1.0, tuned / read, 0.0, stage.decode(shape) / decoding, "measured now")


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
    seconds |= {"verifying": attempts * verifying / processes, "the loop": attempts * LOOP_SECONDS}
    seconds |= {"writing to disk": written / DISK, "network": ((gpus > 1) * gpus * adapter) / NETWORK}
    bounds |= {"fine-tuning": "compute", "verifying": "verification", "the loop": "one core"}
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


def _row(problem: Problem, prompt: Prompt, text: str, tokens: int) -> dict[str, Any]:
    completion = Completion(problem.id, 0, text, tokens, "eos", 1 << 62, "iteration-001")
    return Attempt(problem, prompt, completion, Verdict("correct", problem.answer)).to_dict()


def _common_start(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)
    return first[: next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]


def model_of(recipe: Recipe, task: Task, llama: str | None) -> tuple[Shape, Any, Any]:
    """Shape, configuration and tokenizer of the base model; of a Llama that is only a name, the shape alone.

    Raises:
        UserError: the model cannot be found.
    """
    if llama is not None:
        return LLAMAS[llama], None, None
    from transformers import AutoConfig, AutoTokenizer

    from star.models import Checkpoint, choose_device, choose_dtype, load_tokenizer
    from star.models.loading import load_config
    from star.models.starter import _new_model, starter_tokenizer

    model = recipe.model
    if model.starter is not None:
        tokenizer = starter_tokenizer()
        config = _new_model(model.starter, tokenizer).config
    elif model.gguf is not None:
        file = Path(model.gguf)
        if not file.is_file():
            raise UserError(f"model.gguf = {model.gguf!r}: there is no such file; give it, or a shape with --llama")
        where = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
        config, tokenizer = AutoConfig.from_pretrained(**where), AutoTokenizer.from_pretrained(**where)
    else:
        checkpoint = Checkpoint(model.path, model.revision, model.trust_remote_code)
        config, tokenizer = load_config(checkpoint), load_tokenizer(checkpoint)
    width = choose_dtype(model, choose_device(model)).itemsize
    return shape_of(config.get_text_config(), width), config, tokenizer


def shape_of(config: Any, width: int) -> Shape:
    """From a configuration of transformers, with the names that Llama's has."""
    heads = config.num_attention_heads
    return Shape(
        config.num_hidden_layers,
        config.hidden_size,
        heads,
        getattr(config, "num_key_value_heads", None) or heads,
        getattr(config, "intermediate_size", None) or 4 * config.hidden_size,
        config.vocab_size,
        getattr(config, "head_dim", None) or 0,
        bool(config.tie_word_embeddings),
        width,
    )


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
