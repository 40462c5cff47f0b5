"""What a recipe may say about its base model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from star.recipe.base import Count, DigitWeights, Probability, Section


class Starter(Section):
    """A tiny Llama that the project pretrains from scratch on worked sums: a base model for a laptop, built once.

    Needs `task.kind: arithmetic` of style `columns` or `paper`; never sees a held-out problem.
    """

    hidden_size: Count = 128
    """Width of the residual stream."""
    layers: Count = 3
    """Number of transformer blocks."""
    heads: Count = 4
    """Number of attention heads."""
    intermediate_size: Count = 512
    """Width of the feed-forward layer."""
    context: Count = 256
    """Longest sequence, in tokens (here characters)."""
    steps: Count = 450
    """Optimizer steps."""
    batch_size: Count = 32
    """Examples a step."""
    lr: Annotated[float, Field(gt=0)] = 3e-3
    """Peak learning rate (AdamW, cosine to zero)."""
    warmup_steps: Annotated[int, Field(ge=0)] = 20
    """Steps of linear warmup."""
    digits: DigitWeights = {1: 0.5, 2: 0.5}
    """Relative frequency of each digit count among the plain examples."""
    hinted: Probability = 0.4
    """Share of the examples whose prompt shows the answer, so that hints mean something to the model."""
    hinted_digits: DigitWeights = {1: 0.2, 2: 0.4, 3: 0.4}
    """Relative frequency of each digit count among the hinted examples."""
    seed: int = 0
    """Initial weights and data."""


class Model(Section):
    """The base model. Give exactly one of `path`, `gguf` and `starter`."""

    path: str | None = None
    """A hub id or the folder of a transformers causal language model."""
    gguf: str | None = None
    """Path of a GGUF file; it is converted once, into the cache (`STAR_CACHE`, by default `~/.cache/star`)."""
    starter: Starter | None = None
    """Pretrain a tiny model on worked sums."""
    revision: str | None = None
    """Branch, tag or commit of a hub model."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """`auto`: bfloat16 on GPUs that have it and on CPUs with AMX or AVX512-BF16, else float32."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:1`, `mps`."""
    threads: Count | None = None
    """CPU threads; by default one for each core that this process may use."""
    trust_remote_code: bool = False
    """Whether Python code that comes with the model may run."""

    @model_validator(mode="after")
    def _exactly_one_source(self) -> Model:
        given = [name for name in ("path", "gguf", "starter") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of path, gguf and starter (given: {', '.join(given) or 'none'})")
        if self.revision and not self.path:
            raise ValueError("revision belongs to a hub model: it needs path")
        return self
