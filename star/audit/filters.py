"""What an attempt must pass to be trained on, by the name that `dropped.jsonl` gives to what does not."""

from __future__ import annotations

from typing import NamedTuple

from star.recipe import Recipe
from star.store import Artefacts
from star.sweep import SWEEP, choice_of


class Filter(NamedTuple):
    """One of them.

    Attributes:
        reason: what `dropped.jsonl` says of an attempt that does not pass; of the first filter, the verdict, it says
            nothing.
        setting: key of the recipe, with its value; empty where there is nothing to set.
        passed, failed: what is known of an attempt that passes, and of one that does not.
    """

    reason: str
    setting: str
    passed: str
    failed: str

    @property
    def name(self) -> str:
        """`cut_off (decoding.max_new_tokens: 40)`."""
        return f"{self.reason} ({self.setting})" if self.setting else self.reason


VERDICT = "verdict"
"""The `reason` of the first filter."""
ACCEPTED = {
    "correct": ("its final answer is the ground truth", "its final answer is not the ground truth"),
    "majority": ("its final answer is the most frequent one, right or not", "it was outvoted, or gives no answer"),
    "all": ("every sample is kept, right or not", "it was not kept"),
}
"""What `selection.accept` says of an attempt that passes, and of one that does not."""
REJECTED = {
    "wrong": "its final answer is not the ground truth",
    "no_answer": "it gives no final answer",
    "timeout": "to verify its answer took too long",
    "error": "its answer could not be verified",
}
"""Verdicts in words, by status."""


def filters_of(iteration: Artefacts, recipe: Recipe) -> tuple[Filter, ...]:
    """The filters that were in force in an iteration; what is new since it was made is left out."""
    quality, choice = iteration.json("quality"), choice_of(iteration.json(SWEEP))
    is_ranked = quality is not None and not quality["refused"]
    has_voted = (iteration.json("synthesis") or {}).get("consensus", 0) > 0
    return filters(recipe, iteration.has("dropped.jsonl"), choice and choice.threshold, is_ranked, has_voted)


def filters(
    recipe: Recipe,
    checks_overlap: bool = True,
    threshold: float | None = None,
    is_ranked: bool = True,
    has_voted: bool = True,
) -> tuple[Filter, ...]:
    """The filters of a recipe that are in force, in the order of `star.drop.REASONS`.

    Args:
        checks_overlap: whether generated text is compared with held-out and protected text; older runs did not.
        threshold: the one that the iteration chose, where its recipe has a sweep.
        is_ranked: whether the classifier of `selection.quality` was good enough to be used.
        has_voted: whether there is a problem whose answer was voted on.
    """
    rules, longest = recipe.selection, recipe.decoding.max_new_tokens
    voted = recipe.max_voted_share if has_voted else None
    protected = f"audit.protect: [{', '.join(recipe.audit.protect)}]" if recipe.audit.protect else ""
    table = (
        (True, VERDICT, f"selection.accept: {rules.accept}", *ACCEPTED[rules.accept]),
        (rules.require_sound_steps, "unsound", "selection.require_sound_steps: true",
         "no step of its working is certainly wrong", "a step of its working is certainly wrong"),
        (recipe.sweep, "under_threshold", f"sweep.thresholds: {threshold} in this iteration",
         "enough of its steps are not wrong", "too many of its steps are certainly wrong"),
        (True, "cut_off", f"decoding.max_new_tokens: {longest}",
         "it came to its own end", "it ran into the limit, and would teach the model to end in mid-sentence"),
        (checks_overlap, "contaminated", protected,
         "it does not overlap held-out or protected text", "it overlaps held-out or protected text"),
        (rules.quality and is_ranked, "quality", f"selection.quality.keep: {rules.quality and rules.quality.keep}",
         "a classifier ranks it among the best", "a classifier does not rank it among the best"),
        (True, "duplicate", "", "no other example of its iteration reads the same", "another one reads the same"),
        (rules.distinct, "same_equations", f"selection.distinct: {rules.distinct}",
         "no other of its problem was kept with the same equations",
         "another one of its problem has the same equations, and is no nearer to the rest"),
        (rules.max_near_duplicates, "near_duplicate", f"selection.max_near_duplicates: {rules.max_near_duplicates}",
         "no more than so many say nearly the same", "enough others say nearly the same"),
        (rules.max_per_problem, "per_problem", f"selection.max_per_problem: {rules.max_per_problem}",
         "its problem has no more than so many", "its problem has enough others"),
        (rules.balance, "balance", f"selection.balance: {rules.balance}",
         "its class has no more than the mean, after a draw", "not drawn: its class had more than the mean"),
        (voted, "consensus_share", f"synthesize.max_consensus_share: {voted}",
         "drawn, where too many answers were voted on", "not drawn: too many answers were voted on"),
        (rules.max_rationalized_share, "rationalized_share",
         f"selection.max_rationalized_share: {rules.max_rationalized_share}",
         "drawn, where too many were rationalized", "not drawn: too many were rationalized"),
    )  # fmt: skip
    return tuple(Filter(*row) for is_in_force, *row in table if is_in_force)
