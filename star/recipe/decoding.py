"""What a recipe may say about how text is sampled."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from star.recipe.base import Count, NonEmpty, Section


class Decoding(Section):
    """How text is sampled."""

    temperature: Annotated[float, Field(ge=0)] = 0.0
    """0 is greedy, as in the paper (which found 0.5 to 0.7 in place of rationalization to make models worse)."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Nucleus sampling: the smallest set of tokens with this probability."""
    top_k: Annotated[int, Field(ge=0)] = 0
    """Only the k most likely tokens; 0 for all."""
    samples: Count = 1
    """Completions for each prompt (k)."""
    max_new_tokens: Count = 96
    """Longest completion, in tokens (the official code's `--gen_length`)."""
    stop: list[NonEmpty] | None = None
    """Where a completion ends, beside the end-of-sequence token; by default what the task says."""

    @model_validator(mode="after")
    def _samples_need_temperature(self) -> Decoding:
        if self.samples > 1 and self.temperature == 0:
            raise ValueError(
                f"samples is {self.samples}, but at temperature 0 they are all the same; raise temperature"
            )
        return self


class EvaluationDecoding(Decoding):
    """How text is sampled in evaluation: greedy unless it says otherwise."""

    max_new_tokens: Count | None = None
    """Longest completion, in tokens; by default as in `decoding`."""
