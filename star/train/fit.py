"""The optimizer steps of an adapter, whatever it learns from: with checkpoints, in one process or several.

The loss is a mean over all units of an optimizer step (target tokens, or pairs), however it is split into micro-batches
and processes, and that is the loss that is logged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Protocol, TypeVar

import torch
from peft import PeftModel
from transformers import PreTrainedModel, get_scheduler

from star.clock import spent
from star.console import console, progress
from star.errors import UserError
from star.interrupt import whole
from star.recipe import Optimization
from star.store import Checkpoints
from star.train.adapters import speed_up
from star.train.batches import micro_batches, tokens_at_once
from star.train.loss import TargetLoss
from star.train.parallel import Parallel
from star.train.state import State, load_state, save_state


class Learned(Protocol):
    """One thing to learn from; its length is in tokens, its id is for messages."""

    attempt_id: str

    def __len__(self) -> int: ...


Item = TypeVar("Item", bound=Learned)


@dataclass(frozen=True)
class Objective:
    """What is made small.

    Attributes:
        loss: summed over the units of some items, for backward; and what else is logged, by name, summed alike.
        units: how many units items have.
        logged: these names.
    """

    loss: Callable[[torch.nn.Module, Sequence[Any]], tuple[torch.Tensor, dict[str, float]]]
    units: Callable[[Sequence[Any]], int]
    logged: tuple[str, ...] = ()


@dataclass(frozen=True)
class Course:
    """One fine-tuning.

    Attributes:
        settings, steps: how, and how long.
        order: of the items, as indices, for each optimizer step.
        seed: of dropout where several processes work, with step and rank.
        label: what the progress bar and messages say.
        remedy: what to do when the loss is no longer a number.
    """

    settings: Optimization
    steps: int
    order: Iterable[Sequence[int]]
    seed: Callable[[int, int], int]
    label: str
    remedy: str


def target_loss(base: PreTrainedModel, pad: int, parallel: Parallel) -> TargetLoss:
    """The loss of `base`, before an adapter is put on it; says so if it has to pad."""
    loss_of = TargetLoss(base, pad, is_whole=not parallel.is_sharded)
    if loss_of.obstacle:
        console.print(f"note: fine-tuning with padding, slower than packed: {loss_of.obstacle}", markup=False)
    return loss_of


def fit(
    model: PeftModel,
    items: Sequence[Item],
    objective: Objective,
    course: Course,
    parallel: Parallel,
    checkpoints: Checkpoints | None,
) -> tuple[dict[str, torch.Tensor], list[dict[str, Any]]]:
    """Take the steps of `course`; returns the adapter's weights by name, and the log, one entry for each step.

    All processes that have joined do it together, with the same arguments; the first of them saves.

    Args:
        checkpoints: where the state is saved every `checkpoint_every` steps, and gone on from: the result is the same
            to the bit. When a signal waits, it is saved after the step that it came in.

    Raises:
        UserError: the loss is no longer a number.
    """
    settings, base = course.settings, model.get_base_model()
    speed_up(model)
    parallel.shard(model, base._no_split_modules or ())
    state = _state(model, settings, course.steps)
    update = partial(_optimizer_step, model, state, objective, course, parallel, tokens_at_once(base.device))
    checkpoints = None if parallel.is_sharded else checkpoints  # no process has all of the state
    saved = parallel.agreed(checkpoints.last() if checkpoints else None)
    log = load_state(saved, state) if saved else []
    parallel.equalise(list(state.parameters.values()))
    with progress(course.label, course.steps, len(log)) as advance:
        for step, batch in islice(enumerate(course.order, 1), len(log), None):
            chosen = [items[i] for i in batch]
            lr = state.schedule.get_last_lr()[0]
            with whole() as signal_waits:
                if parallel.size > 1:  # dropout that does not depend on what the processes did before
                    torch.manual_seed(course.seed(step, parallel.rank))
                loss, norm, more = update(chosen, step)
                state.schedule.step()
                log.append({"step": step, "loss": loss, "lr": lr, "grad_norm": norm, "examples": len(chosen), **more})
                if checkpoints and parallel.rank == 0 and (step % settings.checkpoint_every == 0 or signal_waits()):
                    with spent("writing"):
                        checkpoints.save(step, partial(save_state, state=state, log=log))
                advance(1, f"loss {loss:.4f}")
    return parallel.whole(state.parameters), log


def _state(model: PeftModel, settings: Optimization, steps: int) -> State:
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


def _optimizer_step(
    model: torch.nn.Module,
    state: State,
    objective: Objective,
    course: Course,
    parallel: Parallel,
    tokens: int,
    items: Sequence[Item],
    step: int,
) -> tuple[float, float, dict[str, float]]:
    """One update on `items`; returns the mean loss of a unit, the gradient norm before clipping, and what else the
    objective has logged, as means."""
    units, suspects, settings = objective.units(items), items, course.settings
    sums = dict.fromkeys(("loss", *objective.logged), 0.0)
    state.optimizer.zero_grad()
    for part, weight in _parts(items, settings, parallel, tokens):
        loss, more = objective.loss(model, part)
        (loss * (weight * parallel.factor) / units).backward()
        for name, value in {"loss": loss.item(), **more}.items():
            sums[name] += value * weight
        if not math.isfinite(sums["loss"]) and not parallel.is_sharded:
            suspects = part
            break
    learned = list(state.parameters.values())
    sums = parallel.sum_gradients(learned, sums)
    if not math.isfinite(sums["loss"]):
        raise _diverged(course, step, f"the loss is {sums['loss']}", suspects)
    norm = torch.nn.utils.clip_grad_norm_(learned, settings.max_grad_norm)
    norm = float(parallel.whole({"norm": norm})["norm"])
    if not math.isfinite(norm):
        raise _diverged(course, step, f"the gradient norm is {norm}", items)
    state.optimizer.step()
    means = {name: value / units for name, value in sums.items()}
    return means.pop("loss"), norm, means


def _parts(
    items: Sequence[Item], settings: Optimization, parallel: Parallel, tokens: int
) -> Iterator[tuple[list[Item], float]]:
    """The micro-batches of this process, and how much each counts: all processes take as many where weights are
    sharded, the last ones for nothing."""
    split = partial(micro_batches, examples=settings.micro_batch_size, tokens=tokens)
    ordered = sorted(items, key=len, reverse=True)
    mine = parallel.share(ordered)
    parts = split(mine) if mine else []
    yield from ((part, 1.0) for part in parts)
    if parallel.is_sharded:
        most = len(split(ordered[:: parallel.size]))  # of the first process, which has the most and longest
        yield from (([ordered[-1]], 0.0) for _ in range(most - len(parts)))


def _diverged(course: Course, step: int, what: str, items: Sequence[Item]) -> UserError:
    ids = ", ".join(item.attempt_id for item in items)
    return UserError(f"{course.label} stopped at step {step}: {what}; the examples were {ids}. {course.remedy}")
