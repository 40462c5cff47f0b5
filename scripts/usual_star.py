"""One iteration of STaR written the usual way: `model.generate`, math-verify and TRL's `SFTTrainer`.

    python scripts/usual_star.py RECIPE OUT.json [key=value ...] [--batch-size 64]

The other side of `bench_loop.py`; needs `pip install -c constraints.txt -e '.[bench]'`. Problems and prompts come from
the recipe through `star`, since those are not what is compared; sampling, verdicts and training are what one writes
with the libraries. No resume, no record of attempts, one iteration. Writes the seconds of each stage, and what came of
it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
from datasets import Dataset  # noqa: E402
from math_verify import parse, verify  # noqa: E402
from peft import LoraConfig  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402
from trl import SFTConfig, SFTTrainer  # noqa: E402

from star.curriculum import draw  # noqa: E402
from star.errors import UserError  # noqa: E402
from star.models import choose_device, choose_dtype, resolve_checkpoint  # noqa: E402
from star.preflight import check  # noqa: E402
from star.prompts import evaluates_with_exemplars, samples_with_exemplars  # noqa: E402
from star.recipe import load_recipe  # noqa: E402
from star.records import Problem  # noqa: E402

SECONDS: dict[str, float] = {}


@contextmanager
def timed(stage: str):
    """Keep the seconds of a stage."""
    start = time.perf_counter()
    yield
    SECONDS[stage] = time.perf_counter() - start
    print(f"{stage}: {SECONDS[stage]:.1f} s", flush=True)


@torch.inference_mode()
def complete(model: Any, tokenizer: Any, prompts: list[str], new_tokens: int, stop: list[str], size: int) -> list[Any]:
    """Greedy completions in the order of the prompts, cut at their stop string; None for one that did not end."""
    tokenizer.padding_side = "left"
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]), reverse=True)
    completions: list[Any] = [None] * len(prompts)
    for start in range(0, len(order), size):
        chosen = order[start : start + size]
        batch = tokenizer([prompts[i] for i in chosen], return_tensors="pt", padding=True)
        out = model.generate(
            **batch, max_new_tokens=new_tokens, do_sample=False, stop_strings=stop, tokenizer=tokenizer,
            pad_token_id=tokenizer.pad_token_id,
        )  # fmt: skip
        for i, row in zip(chosen, out[:, batch["input_ids"].shape[1] :].tolist(), strict=True):
            ended = tokenizer.eos_token_id in row
            text = tokenizer.decode(row, skip_special_tokens=True)
            ends = [text.index(end) for end in stop if end in text]
            completions[i] = text[: min(ends)] if ends else text if ended else None
    return completions


def is_correct(problem: Problem, completion: str | None) -> bool:
    """math-verify on what stands behind the mark of the final answer."""
    if completion is None or "####" not in completion:
        return False
    return verify(parse(problem.answer), parse(completion.split("####")[1].strip()))


def fine_tune(
    model: Any, tokenizer: Any, rows: list[dict[str, str]], recipe: Any, dtype: torch.dtype, out: Path
) -> Any:
    """A LoRA adapter trained on the rows with TRL, merged into the model."""
    settings = recipe.train
    config = SFTConfig(
        output_dir=str(out), num_train_epochs=settings.epochs, per_device_train_batch_size=settings.batch_size,
        learning_rate=settings.lr, lr_scheduler_type=settings.schedule, warmup_steps=settings.warmup_steps,
        weight_decay=settings.weight_decay, max_grad_norm=settings.max_grad_norm, max_length=None,
        gradient_checkpointing=False, bf16=dtype == torch.bfloat16, logging_steps=10, save_strategy="no",
        report_to="none", disable_tqdm=True, use_cpu=True,
    )  # fmt: skip
    lora = LoraConfig(
        task_type="CAUSAL_LM", r=settings.rank, lora_alpha=settings.alpha, target_modules=settings.target_modules
    )
    model.set_attn_implementation("eager")  # rows are short: 175 tokens/s against 163
    trainer = SFTTrainer(
        model, args=config, train_dataset=Dataset.from_list(rows), processing_class=tokenizer, peft_config=lora
    )
    trainer.train()
    trainer.save_model(str(out))
    merged = trainer.model.merge_and_unload().eval()
    merged.set_attn_implementation("sdpa")
    return merged


def iterate(recipe: Any, size: int, out: Path) -> dict[str, Any]:
    """Evaluate the base, attempt, rationalize, fine-tune, evaluate; returns what came of it."""
    checked = check(recipe)
    folder = resolve_checkpoint(recipe, checked.task).name
    dtype = choose_dtype(recipe.model, choose_device(recipe.model))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
    stop, new_tokens = list(checked.task.stop), recipe.decoding.max_new_tokens

    def attempt(problems: list[Problem], hinted: bool, exemplars: bool) -> list[Any]:
        prompts = [prompt.text for prompt in checked.prompts.prompts(problems, hinted, exemplars)]
        completions = complete(model, tokenizer, prompts, new_tokens, stop, size)
        return [text if is_correct(p, text) else None for p, text in zip(problems, completions, strict=True)]

    def evaluate(number: int) -> float:
        answered = attempt(checked.held_out, False, evaluates_with_exemplars(recipe, number)[0])
        return sum(text is not None for text in answered) / len(answered)

    found: dict[str, Any] = {"dtype": str(dtype).removeprefix("torch."), "batch_size": size}
    with timed("evaluation of the base"):
        found["base_accuracy"] = evaluate(0)
    problems = draw(checked.train, recipe, 1)
    with timed("attempts"):
        solved = attempt(problems, False, samples_with_exemplars(recipe, 1, hinted=False))
    failed = [problem for problem, text in zip(problems, solved, strict=True) if text is None]
    with timed("rationalizations"):
        hinted = attempt(failed, True, samples_with_exemplars(recipe, 1, hinted=True))
    pairs = [*zip(problems, solved, strict=True), *zip(failed, hinted, strict=True)]
    prompts = checked.prompts
    rows = [
        {"prompt": prompts.training_prompt(problem), "completion": prompts.training_target(text)}
        for problem, text in pairs
        if text is not None
    ]
    if not rows:
        raise UserError("no completion was accepted: nothing to train on; take more problems")
    with timed("fine-tuning"):
        model = fine_tune(model, tokenizer, rows, recipe, dtype, out.parent / "adapter")
    with timed("evaluation"):
        found["accuracy"] = evaluate(1)
    return {**found, "problems": len(problems), "accepted": len(rows), "seconds": SECONDS}


def main() -> int:
    """Run the iteration; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("recipe", help="path of a recipe (YAML)")
    parser.add_argument("out", type=Path, metavar="OUT.json", help="what to write; the adapter goes beside it")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    parser.add_argument("--batch-size", type=int, default=64, help="prompts in one call of generate")
    arguments = parser.parse_intermixed_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    try:
        found = iterate(load_recipe(arguments.recipe, arguments.overrides), arguments.batch_size, arguments.out)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    arguments.out.write_text(json.dumps(found, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
