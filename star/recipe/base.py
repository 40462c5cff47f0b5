"""What all sections of a recipe share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
DigitCounts = dict[Annotated[int, Field(ge=1, le=12)], Count]
DigitWeights = dict[Annotated[int, Field(ge=1, le=12)], Annotated[float, Field(gt=0)]]
NonEmpty = Annotated[str, Field(min_length=1)]
Seconds = Annotated[float, Field(gt=0)]
MiB = Annotated[int, Field(ge=256)]


class Section(BaseModel):
    """Common rules: unknown keys, inexact types, NaN and infinity are errors; a section never changes once loaded."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


def refuse(*complaints: tuple[str, bool]) -> None:
    """Raise one `ValueError` with every complaint that is so."""
    if wrong := "; ".join(complaint for complaint, is_so in complaints if is_so):
        raise ValueError(wrong)
