"""How an iteration finds out how to sample, where it does (B-STaR: Zeng et al. 2024, https://arxiv.org/abs/2412.17256)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from star.recipe.base import Count, Probability, Section


class Sweep(Section):
    """Before it samples, every iteration tries temperatures and thresholds on a few of its problems, and takes the pair
    with the best balance score for the rest (B-STaR). What that samples is not trained on."""

    temperatures: Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=1)] = [0.5, 0.7, 0.9, 1.1]
    """What is tried in place of `decoding.temperature`. (B-STaR: 0.5 to 1.2 in steps of 0.05.)"""
    thresholds: Annotated[list[Probability], Field(min_length=1)] = [0.0, 0.5, 0.75, 1.0]
    """Of the checkable steps of a rationale, the share that must not be wrong for it to be selected. This stands in for
    B-STaR's reward model; a right answer is asked for in any case."""
    problems: Count = 100
    """How many of the iteration's problems are tried, drawn anew each time. (B-STaR's code: 1,000.)"""
    samples: Count = 16
    """Completions of each of them at each temperature. (B-STaR: 64.)"""
    enough: Count = 8
    """Different right rationales of a problem beyond which more of them are no better: n* of the balance score
    min(right / n*, 1) * right / selected. (8 in the code of B-STaR.)"""

    @model_validator(mode="after")
    def _no_pair_twice(self) -> Sweep:
        for name in ("temperatures", "thresholds"):
            values = [f"{value:g}" for value in getattr(self, name)]  # as the names of artefacts have them
            if len(set(values)) < len(values):
                raise ValueError(f"{name} has a value twice: {', '.join(values)}")
        return self
