"""A learned verifier: a model that ranks candidates where no ground truth can be asked, and best-of-n by it.

V-STaR (Hosseini et al. 2024, https://arxiv.org/abs/2402.06457): what STaR throws away, the wrong attempts, teaches
another adapter to tell right from wrong, by DPO (Rafailov et al. 2023, https://arxiv.org/abs/2305.18290).
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from star.recipe.base import Count, Section
from star.recipe.training import Optimization, Steps


class DpoVerifier(Optimization):
    """An adapter that prefers right attempts to wrong ones at the same problem, trained by DPO."""

    kind: Literal["dpo"] = "dpo"
    """How it is trained. It begins as the iteration's own adapter, which is also the reference that it may not go too
    far from, and so has its `train.rank` and `train.target_modules`."""
    when: Literal["every", "last"] = "every"
    """After which iterations: `every`, or only the `last` of `iterations`, as in the paper (a run that stops early has
    none then)."""
    iterations: Count | Literal["all"] = "all"
    """Learn from the attempts of the last n iterations, or of `all` so far, as in the paper."""
    pairs_per_problem: Count | None = 8
    """At most this many pairs of a right and a wrong attempt at one problem, drawn at random; `null` takes all."""
    beta: Annotated[float, Field(gt=0)] = 0.1
    """How dear it is to go away from the reference (equation 7 of the DPO paper, which uses 0.1)."""
    lr: Annotated[float, Field(gt=0)] = 1e-4
    """Peak learning rate."""
    batch_size: Count = 8
    """Pairs in an optimizer step."""
    micro_batch_size: Count | None = None
    """Pairs in a forward pass, when memory is short."""
    warmup_steps: Annotated[int, Field(ge=0)] = 10
    """Steps of linear warmup."""
    steps: Steps | None = None
    """Steps after each iteration, instead of passes over the pairs."""
    epochs: Annotated[float, Field(gt=0)] | None = None
    """Passes over the pairs; one when neither this nor `steps` is given."""

    def steps_in(self, iteration: int, num_examples: int) -> int:
        """Optimizer steps after an iteration (counted from 1) on `num_examples` pairs."""
        if self.steps is not None:
            return self.steps.in_iteration(iteration)
        return max(1, math.ceil(num_examples * (self.epochs or 1) / self.batch_size))

    def is_due(self, iteration: int, iterations: int) -> bool:
        """Whether one is trained after `iteration`, of so many."""
        return self.when == "every" or iteration == iterations


class BestOf(Section):
    """Several samples of each held-out problem, of which the verifier picks one."""

    samples: Annotated[int, Field(ge=2)] = 4
    """Samples of each problem (n)."""
    temperature: Annotated[float, Field(gt=0)] = 0.7
    """How they are sampled; the rest is as in `evaluation.decoding`."""
