"""The model card of an iteration: what its adapter is, how good it is, and what not to expect of it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from star.cards.render import base_name, of, percent, render
from star.cards.signals import signal_lines
from star.mix import origins
from star.order import training_order
from star.recipe import Recipe
from star.records import Example
from star.store import Artefacts
from star.store.retention import WEIGHTS
from star.tasks import known_task

ORIGINS = {
    "plain": "rationales of this iteration, sampled without help",
    "hinted": "rationalizations: written with the answer in sight, learned without it",
    "carried": "carried along from earlier iterations (`selection.keep_iterations`)",
    "lessons": "lessons that the model wrote: their numbers are checked, what else they say is not (`synthesize`)",
    "replayed": "drawn from earlier iterations (`selection.replay`)",
    "real": "written by people, or given with problems (`mix.real`)",
}
"""Where training examples come from (`star/mix.py`), in words."""
GROUND_TRUTHS = "bare ground truths (`method: direct`)"
WHAT = {
    "correct": "on rationales that models sampled themselves, those whose final answer is right",
    "majority": "on rationales that models sampled themselves, those whose final answer is the most frequent one",
    "all": "on rationales that models sampled themselves, right or wrong",
    "direct": "here the paper's baseline, on bare answers without a rationale",
}
"""What it was fine-tuned on, by `selection.accept`, or with `method: direct`."""
WIDE = 0.2
"""A 95% interval wider than this is said to be wide."""


def model_card(iteration: Artefacts, recipe: Recipe, merged: bool = False) -> str:
    """The card of what an iteration trained, from its artefacts, finished or about to be.

    Args:
        merged: whether it is for the whole model, or for the adapter alone.

    Raises:
        UserError: an artefact is not what was written.
    """
    facts, metrics, scores = iteration.facts, iteration.json("metrics"), iteration.json("scores")
    log = next(iter(iteration.rows("adapter/training")))
    counts = origins(iteration.rows("train", Example), recipe, iteration.number)
    drawn = set(chain.from_iterable(training_order(recipe, iteration.number, log["examples"])))
    base, is_hub_model = base_name(recipe, facts["base_model"])
    audit = iteration.json("audit")
    words = {**ORIGINS, "plain": GROUND_TRUTHS} if recipe.method == "direct" else ORIGINS
    return render(
        "model.md.j2",
        name=recipe.name,
        number=iteration.number,
        merged=merged,
        what=WHAT["direct" if recipe.method == "direct" else recipe.selection.accept],
        prompt=task.plain if (task := known_task(recipe)) else None,
        base=base,
        is_hub_model=is_hub_model,
        facts=facts,
        recipe=recipe,
        adapter_sha256=iteration.files[WEIGHTS]["sha256"],
        counts=[(words[origin], counts[origin]) for origin in ORIGINS if counts[origin]],
        total=counts.total(),
        steps=log["steps"],
        learned=of(len(drawn), counts.total()),
        accuracies=list(_accuracies(scores)),
        several=[(mode, kind, shown) for mode, found in scores.items() for kind, shown in _several(found)],
        signals=signal_lines(audit),
        limits=list(_limits(recipe, metrics, scores, audit)),
    )


def _accuracies(scores: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A row for all held-out problems and for each group, by evaluation mode."""
    for mode, found in sorted(scores.items()):
        groups = found["groups"] if set(found["groups"]) != {"all"} else {}
        for group, score in {"all": found["all"], **groups}.items():
            yield {"mode": mode, "group": group, **score}


def _several(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What k samples give, where evaluation takes several."""
    kinds = {
        "pass_at": "one of k is right",
        "majority_at": "the majority of k is right",
        "best_of": "the one of k that the learned verifier ranks first is right",
    }
    for kind, title in kinds.items():
        if shares := found.get(kind):
            yield title, ", ".join(f"k = {k}: {percent(shares[k])}" for k in sorted(shares, key=int))


def _limits(
    recipe: Recipe, metrics: dict[str, Any], scores: dict[str, Any], audit: dict[str, Any] | None
) -> Iterator[str]:
    """What the numbers say against it, a sentence each."""
    mode, found = min(scores.items())
    everything = found["all"]
    if everything["high"] - everything["low"] > WIDE:
        yield (
            f"{everything['total']:,} held-out attempts are few: the 95% interval of its accuracy ({mode}) is from "
            f"{percent(everything['low'])} to {percent(everything['high'])}."
        )
    if everything["false_positives"]:
        yield (
            f"{of(everything['false_positives'], everything['correct'])} of its right held-out answers have a step in "
            "their working that is certainly wrong."
        )
    wrong, checkable = (sum(metrics.get(key, {}).values()) for key in ("false_positives", "checkable"))
    if wrong:
        fate = "were not trained on" if recipe.selection.require_sound_steps else "may have been trained on"
        yield (f"{of(wrong, checkable)} right attempts with a step that can be checked have a wrong one, and {fate}.")
    if leaks := (audit or {}).get("signals", {}).get("hint_leaks"):
        yield f"{percent(leaks)} of the rationalizations that it learned from mention the hint, or jump to its answer."
    if recipe.selection.accept != "correct":
        yield "What it learned from was not compared with any ground truth (`selection.accept`)."
    if not recipe.train.from_base:
        yield "Its adapter goes on from that of the iteration before, with all that that one had learned."
    yield "Final answers were verified, by a program; of the working, only steps that it can read."
    yield "One run, one seed. It was taught nothing but this task, and may have forgotten other things."
