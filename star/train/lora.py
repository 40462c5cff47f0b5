"""The fine-tuning of the loop: a LoRA adapter on a frozen base model, with peft.

The loss is the mean over all target tokens of an optimizer step (`fit.py`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model

from star.clock import spent
from star.errors import UserError
from star.files import to_line
from star.models import Checkpoint, choose_device, choose_dtype, load_model, load_tokenizer
from star.models.loading import context_length, quiet, with_adapter
from star.order import training_order
from star.recipe import Recipe, Training
from star.records import Example, derive_seed
from star.store import Checkpoints
from star.train.batches import TokenisedExample, tokenise
from star.train.fit import Course, Objective, fit, target_loss
from star.train.loss import TargetLoss
from star.train.parallel import Parallel

LOG = "training.jsonl"
"""Beside the adapter: what was left out, then loss, learning rate and gradient norm of every optimizer step."""


def train_lora(
    recipe: Recipe,
    checkpoint: Checkpoint,
    examples: Collection[Example],
    number: int,
    folder: Path,
    previous: Path | None = None,
    checkpoints: Checkpoints | None = None,
) -> None:
    """Fine-tune for iteration `number` and save the adapter (safetensors) and its log in `folder`.

    All processes that have joined do it together, with the same arguments; the first of them saves.

    Args:
        previous: the adapter to continue from when `train.from_base` is off; every weight is the base's otherwise.
        checkpoints: see `fit`.

    Raises:
        UserError: no example fits the context, or the loss is no longer a number.
    """
    settings = recipe.train
    device = choose_device(recipe.model)
    parallel = Parallel()
    tokenizer = load_tokenizer(checkpoint)
    base = load_model(checkpoint, choose_dtype(recipe.model, device), device)
    rows, too_long = tokenise(examples, tokenizer, recipe.prompt.chat, context_length(base.config))
    if not rows:
        raise UserError(
            f"iteration {number}: all {len(examples)} training examples are longer than the model's context"
        )
    loss_of = target_loss(base, tokenizer.pad_token_id, parallel)
    torch.manual_seed(derive_seed(recipe.seed, number, "adapter weights and dropout"))
    model = _with_adapter(base, settings, None if settings.from_base else previous)
    course = Course(
        settings,
        steps=settings.steps_in(number, len(rows)),
        order=training_order(recipe, number, len(rows)),
        seed=partial(derive_seed, recipe.seed, number, "dropout"),
        label=f"iteration {number}: fine-tuning",
        remedy="The previous adapter is untouched. Look at these examples, or go on from the last iteration with a "
        "lower learning rate: train.lr=... --fork NEW --from-iteration N",
    )
    learned, log = fit(model, rows, _objective(loss_of), course, parallel, checkpoints)
    if parallel.rank == 0:
        save_adapter(model, learned, folder)
        write_log(folder, {"examples": len(rows), "too_long": too_long, "steps": course.steps}, log)


def _objective(loss_of: TargetLoss) -> Objective:
    """The mean loss of a target token."""

    def units(rows: Sequence[TokenisedExample]) -> int:
        return sum(len(row.target) for row in rows)

    return Objective(lambda model, rows: (loss_of(model, rows), {}), units)


def _with_adapter(base: torch.nn.Module, settings: Training, previous: Path | None) -> PeftModel:
    """The frozen base with a fresh adapter (an exact no-op at first), or with `previous` to be trained on."""
    if previous is not None:
        return with_adapter(base, previous, is_trainable=True).train()
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=settings.target_modules,
    )
    try:
        with quiet():
            return get_peft_model(base, config).train()
    except ValueError as error:
        raise UserError(f"train.target_modules = {settings.target_modules!r}: {error}") from error


@spent("writing")
def save_adapter(model: PeftModel, learned: Mapping[str, torch.Tensor], folder: Path) -> None:
    """Save the adapter as safetensors, and its configuration in an order that does not change from run to run."""
    model.save_pretrained(folder, safe_serialization=True, state_dict=dict(learned))
    (folder / "README.md").unlink(missing_ok=True)  # peft's empty form; `star/cards` writes one with something in it
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(config["target_modules"], list):
        config["target_modules"].sort()
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def write_log(folder: Path, first: Mapping[str, Any], log: Sequence[Mapping[str, Any]]) -> None:
    """Write what was learned from, and the steps."""
    (folder / LOG).write_text("".join(map(to_line, (dict(first), *log))), encoding="utf-8")
