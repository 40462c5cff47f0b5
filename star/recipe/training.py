"""How adapters learn: optimizer, schedule and number of steps, and the LoRA adapter of each iteration."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field, model_validator

from star.recipe.base import Count, Section


class Steps(Section):
    """Training steps of each iteration. The paper: 40, growing by 20% (arithmetic: 300, then +20)."""

    start: Count = 40
    """Steps in the first iteration."""
    growth: Annotated[float, Field(ge=1)] | None = None
    """Factor from one iteration to the next; 1.2 when neither this nor `increment` is given."""
    increment: Annotated[int, Field(ge=0)] | None = None
    """Steps added from one iteration to the next, instead of a factor."""
    cap: Count | None = None
    """Never more than this."""

    @model_validator(mode="after")
    def _one_kind_of_growth(self) -> Steps:
        if self.growth is not None and self.increment is not None:
            raise ValueError("give growth or increment, not both")
        return self

    def in_iteration(self, number: int) -> int:
        """Steps of iteration `number`, counted from 1 (`get_n_steps` in the official iteration_train.py)."""
        if self.increment is not None:
            steps = self.start + self.increment * (number - 1)
        else:
            factor = Fraction(str(1.2 if self.growth is None else self.growth))
            steps = math.floor(self.start * factor ** (number - 1))
        return steps if self.cap is None else min(steps, self.cap)


class Optimization(Section):
    """How an adapter learns, whatever it learns from: steps of AdamW."""

    lr: Annotated[float, Field(gt=0)] = 1e-4
    """Peak learning rate. (The paper's 1e-6 is for full fine-tuning of 6B parameters.)"""
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    """What the learning rate does after the warmup."""
    warmup_steps: Annotated[int, Field(ge=0)] = 100
    """Steps of linear warmup."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """AdamW weight decay."""
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    """Gradients are clipped to this norm."""
    batch_size: Count = 8
    """Examples in an optimizer step."""
    micro_batch_size: Count | None = None
    """Examples in a forward pass, when memory is short; it takes no more than 4,096 tokens anyway (2,048 on a CPU).
    Gradients are accumulated up to `batch_size`."""
    steps: Steps | None = None
    """Steps of each iteration; the paper's schedule when neither this nor `epochs` is given."""
    epochs: Annotated[float, Field(gt=0)] | None = None
    """Passes over the training examples, instead of steps."""
    checkpoint_every: Count = 50
    """Steps after which adapter, optimizer and random state are saved: what a crash can cost."""

    @model_validator(mode="after")
    def _consistent(self) -> Optimization:
        if self.steps is not None and self.epochs is not None:
            raise ValueError("give steps or epochs, not both")
        if self.micro_batch_size is not None and self.micro_batch_size > self.batch_size:
            raise ValueError(f"micro_batch_size {self.micro_batch_size} is larger than batch_size {self.batch_size}")
        return self

    def steps_in(self, iteration: int, num_examples: int) -> int:
        """Optimizer steps of an iteration (counted from 1) over `num_examples`; a last partial batch is a step."""
        if self.epochs is not None:
            return max(1, math.ceil(num_examples * self.epochs / self.batch_size))
        return (self.steps or Steps()).in_iteration(iteration)


class Training(Optimization):
    """LoRA fine-tuning on the accepted rationales."""

    from_base: bool = True
    """Start every iteration from the base model (the paper), or continue from the previous adapter."""
    rank: Count = 16
    """LoRA rank."""
    alpha: Annotated[float, Field(gt=0)] = 32
    """LoRA alpha: updates are scaled by alpha / rank."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Dropout in the LoRA branch."""
    target_modules: str | list[str] = "all-linear"
    """Which linear layers get an adapter: `all-linear`, or names such as `[q_proj, v_proj]`."""
