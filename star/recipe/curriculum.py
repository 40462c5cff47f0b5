"""What a recipe may say about which problems an iteration tries."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from star.recipe.base import Count, Probability, Section, refuse

OF_KIND = {
    "window": ("learnable", "grow"),
    "prior": ("learnable", "grow"),
    "explore": ("learnable",),
    **dict.fromkeys(("start", "highest", "raise_at", "lower_at", "review", "ahead"), ("grow",)),
}
"""The kinds that a setting says something to."""


class Curriculum(Section):
    """Which problems an iteration tries."""

    kind: Literal["uniform", "learnable", "grow"] = "uniform"
    """`uniform` draws `problems_per_iteration` from the training problems, all alike. `learnable` prefers those that
    are sometimes solved, neither always nor never. `grow` draws from no data: it makes new problems in every iteration,
    harder ones as the model gets better (`task.kind` `arithmetic` and `reasoning_gym`)."""
    window: Count = 2
    """Success is estimated from the attempts of the last n iterations: the models of earlier ones knew less."""
    prior: Annotated[float, Field(ge=1e-6)] = 2.0
    """What the success of its group says of a problem counts as much as this many attempts at it; what the success at
    all problems says of a group, too."""
    explore: Probability = 0.1
    """With `learnable`, the share of the drawing that goes to all problems alike, so that none is given up."""
    start: Count | None = None
    """With `grow`, the level of difficulty of the first iteration: for `arithmetic`, the number of digits; for
    `reasoning_gym`, all parameters of the data set's own curriculum together, 1 for the lowest. By default the first
    iteration tries all levels alike, and the second begins at the one that it shows to be right."""
    highest: Count | None = None
    """With `grow`, no level above this; all that the task has by default."""
    raise_at: Annotated[float, Field(gt=0, lt=1)] = 0.8
    """With `grow`, the level goes up where at least this share of attempts succeeded."""
    lower_at: Annotated[float, Field(ge=0, lt=1)] = 0.01
    """With `grow`, the level goes down where less than this share of attempts succeeded, and not up to such a one."""
    review: Probability = 0.2
    """With `grow`, the share of problems from the levels below, against forgetting."""
    ahead: Probability = 0.1
    """With `grow`, the share of problems from the level above, to see whether it is time for it."""

    @model_validator(mode="after")
    def _settings_agree(self) -> Curriculum:
        refuse(
            *self._of_other_kinds(),
            (
                f"lower_at {self.lower_at} is not below raise_at {self.raise_at}: the level would go up and down",
                self.lower_at >= self.raise_at,
            ),
            (
                f"review {self.review} and ahead {self.ahead} leave no problems for the level itself",
                self.review + self.ahead >= 1,
            ),
            (
                f"start {self.start} is above highest {self.highest}",
                None not in (self.start, self.highest) and self.start > self.highest,
            ),
        )
        return self

    def _of_other_kinds(self) -> list[tuple[str, bool]]:
        """Complaints about settings that say nothing to this kind, each with whether it is not as by default."""
        default, complaints = type(self).model_fields, []
        for key, kinds in OF_KIND.items():
            value = getattr(self, key)
            what = f"{key} {value} belongs to kind: {' or '.join(kinds)}, and kind is {self.kind}; leave it out"
            complaints.append((what, self.kind not in kinds and value != default[key].default))
        return complaints

    def complaints(
        self, problems_per_iteration: int | None, method: str, accept: str, writes: bool
    ) -> list[tuple[str, bool]]:
        """What does not fit the rest of a recipe, each with whether it is so."""
        if self.kind == "uniform":
            return []
        return [
            (
                f"curriculum.kind: {self.kind} says which problems an iteration tries: it needs problems_per_iteration",
                problems_per_iteration is None,
            ),
            (f"curriculum.kind: {self.kind} goes by attempts: with method: {method} there are none", method != "star"),
            (
                f"curriculum.kind: {self.kind} goes by what the ground truth says of attempts, and selection.accept: "
                f"{accept} takes none; take uniform",
                accept != "correct",
            ),
            (
                "curriculum.kind: grow tries its own problems alone, and none that synthesize writes; take learnable",
                self.kind == "grow" and writes,
            ),
        ]
