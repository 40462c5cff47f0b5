"""What every sampling engine does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from star.recipe import Decoding
from star.records import Completion, Prompt


class Sampler(Protocol):
    """Turns prompts into completions with the weights of one iteration."""

    def use(self, adapter: Path | None, name: str) -> None:
        """Sample from the base model with `adapter` from now on (`None`: the base model alone).

        `name` is what completions say about who wrote them. Weights may be loaded as late as the next `sample`.
        """
        ...

    def sample(self, prompts: Sequence[Prompt], decoding: Decoding, seed: int) -> list[Completion]:
        """`decoding.samples` completions of each prompt, in the order of the prompts.

        The randomness of a completion depends on `seed`, its problem's id and its sample index alone, never on what
        is sampled beside it.
        """
        ...

    def release(self) -> None:
        """Give back the memory of the weights, before training takes its own."""
        ...
