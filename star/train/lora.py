"""One fine-tuning step of the loop: a LoRA adapter on a frozen base model, with peft.

The loss is the mean over all target tokens of an optimizer step, however it is split into micro-batches and processes,
and that is the loss that is logged.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import get_scheduler

from star.clock import spent
from star.console import console, progress
from star.errors import UserError
from star.files import to_line
from star.interrupt import whole
from star.models import Checkpoint, choose_device, choose_dtype, load_model, load_tokenizer
from star.models.loading import context_length, quiet, with_adapter
from star.order import training_order
from star.recipe import Recipe, Training
from star.records import Example, derive_seed
from star.store import Checkpoints
from star.train.adapters import speed_up
from star.train.batches import TokenisedExample, micro_batches, tokenise
from star.train.loss import TargetLoss
from star.train.parallel import Parallel
from star.train.state import State, load_state, save_state

LOG = "training.jsonl"
"""Beside the adapter: what was left out, then loss, learning rate and gradient norm of every optimizer step."""

CPU_TOKENS = 2048
"""Tokens of one forward pass on a CPU, unless a single example is longer: what they take stays near the processor."""


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
        checkpoints: where the state is saved every `train.checkpoint_every` steps, and gone on from: the result is the
            same to the bit. When a signal waits, it is saved after the step that it came in.

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
    loss_of = TargetLoss(base, tokenizer.pad_token_id, is_whole=not parallel.is_sharded)
    if loss_of.obstacle:
        console.print(f"note: fine-tuning with padding, slower than packed: {loss_of.obstacle}", markup=False)
    torch.manual_seed(derive_seed(recipe.seed, number, "adapter weights and dropout"))
    model = _with_adapter(base, settings, None if settings.from_base else previous)
    speed_up(model)
    parallel.shard(model, base._no_split_modules or ())
    steps = settings.steps_in(number, len(rows))
    state = _state(model, settings, steps)
    update = partial(_optimizer_step, model, state, loss_of, settings, parallel)
    order = training_order(recipe, number, len(rows))
    checkpoints = None if parallel.is_sharded else checkpoints  # no process has all of the state
    saved = parallel.agreed(checkpoints.last() if checkpoints else None)
    log = load_state(saved, state) if saved else []
    parallel.equalise(list(state.parameters.values()))
    with progress(f"iteration {number}: fine-tuning", steps, len(log)) as advance:
        for step, batch in islice(enumerate(order, 1), len(log), None):
            chosen = [rows[i] for i in batch]
            lr = state.schedule.get_last_lr()[0]
            with whole() as signal_waits:
                if parallel.size > 1:  # dropout that does not depend on what the processes did before
                    torch.manual_seed(derive_seed(recipe.seed, number, "dropout", step, parallel.rank))
                loss, norm = update(chosen, step)
                state.schedule.step()
                log.append({"step": step, "loss": loss, "lr": lr, "grad_norm": norm, "examples": len(chosen)})
                if checkpoints and parallel.rank == 0 and (step % settings.checkpoint_every == 0 or signal_waits()):
                    with spent("writing"):
                        checkpoints.save(step, partial(save_state, state=state, log=log))
                advance(1, f"loss {loss:.4f}")
    learned = parallel.whole(state.parameters)
    if parallel.rank > 0:
        return
    with spent("writing"):
        _save(model, learned, folder)
    entries = [{"examples": len(rows), "too_long": too_long, "steps": steps}, *log]
    (folder / LOG).write_text("".join(map(to_line, entries)), encoding="utf-8")


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


def _state(model: PeftModel, settings: Training, steps: int) -> State:
    """What is trained, before the first step."""
    learned = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    optimizer = torch.optim.AdamW(learned.values(), lr=settings.lr, weight_decay=settings.weight_decay)
    schedule = get_scheduler(
        {"constant": "constant_with_warmup"}.get(settings.schedule, settings.schedule),
        optimizer,
        num_warmup_steps=settings.warmup_steps,
        num_training_steps=steps,
    )
    return State(learned, optimizer, schedule)


def _save(model: PeftModel, learned: Mapping[str, torch.Tensor], folder: Path) -> None:
    """Save the adapter as safetensors, and its configuration in an order that does not change from run to run."""
    model.save_pretrained(folder, safe_serialization=True, state_dict=dict(learned))
    (folder / "README.md").unlink(missing_ok=True)  # peft's empty form; `star/cards` writes one with something in it
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(config["target_modules"], list):
        config["target_modules"].sort()
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _optimizer_step(
    model: torch.nn.Module,
    state: State,
    loss_of: TargetLoss,
    settings: Training,
    parallel: Parallel,
    rows: Sequence[TokenisedExample],
    step: int,
) -> tuple[float, float]:
    """One update on `rows`; returns the mean loss a target token and the gradient norm before clipping."""
    targets, total, suspects = sum(len(row.target) for row in rows), 0.0, rows
    state.optimizer.zero_grad()
    for part, weight in _parts(rows, settings, parallel, loss_of.base.device.type == "cpu"):
        loss = loss_of(model, part)
        (loss * (weight * parallel.factor) / targets).backward()
        total += loss.item() * weight
        if not math.isfinite(total) and not parallel.is_sharded:
            suspects = part
            break
    learned = list(state.parameters.values())
    total = parallel.sum_gradients(learned, total)
    if not math.isfinite(total):
        raise _diverged(step, f"the loss is {total}", suspects)
    norm = torch.nn.utils.clip_grad_norm_(learned, settings.max_grad_norm)
    norm = float(parallel.whole({"norm": norm})["norm"])
    if not math.isfinite(norm):
        raise _diverged(step, f"the gradient norm is {norm}", rows)
    state.optimizer.step()
    return total / targets, norm


def _parts(
    rows: Sequence[TokenisedExample], settings: Training, parallel: Parallel, on_cpu: bool
) -> Iterator[tuple[list[TokenisedExample], float]]:
    """The micro-batches of this process, and how much each counts: all processes take as many where weights are
    sharded, the last ones for nothing."""
    split = partial(micro_batches, examples=settings.micro_batch_size, tokens=CPU_TOKENS if on_cpu else None)
    ordered = sorted(rows, key=len, reverse=True)
    mine = parallel.share(ordered)
    parts = split(mine) if mine else []
    yield from ((part, 1.0) for part in parts)
    if parallel.is_sharded:
        most = len(split(ordered[:: parallel.size]))  # of the first process, which has the most and longest
        yield from (([ordered[-1]], 0.0) for _ in range(most - len(parts)))


def _diverged(step: int, what: str, rows: Sequence[TokenisedExample]) -> UserError:
    ids = ", ".join(row.attempt_id for row in rows)
    return UserError(
        f"fine-tuning stopped at step {step}: {what}; the examples were {ids}. The previous adapter is untouched. "
        "Look at these examples, or go on from the last iteration with a lower learning rate: "
        "train.lr=... --fork NEW --from-iteration N"
    )
