"""Look for an example of a run by its id, and for what was trained on it.

An attempt by the model of iteration 2 was made in iteration 3, and only that iteration is searched for it; what was
trained on it is searched from there on, as far as the recipe lets examples be carried.
"""

from __future__ import annotations

import heapq
import operator
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, takewhile

from star.audit.provenance import STAGES, Address, Conditions, parse_id, recipe_of
from star.errors import UserError, cut, shown
from star.order import training_order
from star.records import Attempt, Example
from star.store import Artefacts, Store, iterations_of

LOG = "adapter/training.jsonl"
"""What fine-tuning says that it did (`star/train/lora.py`)."""
NEAREST = 3
"""Ids that a message offers for one that is not there."""
FORMS = "MODEL/plain/PROBLEM/SAMPLE, MODEL/hinted/PROBLEM/SAMPLE, ground-truth/PROBLEM, real/FILE:LINE or lesson/TEXT"


@dataclass(frozen=True)
class Use:
    """An iteration whose training data has the example.

    Attributes:
        steps: the optimizer steps that learned it, counted from 1, each as often as it did so (one pass may end in it
            and the next begin); `None` while that is not known.
        of_steps: how many there were.
        is_too_long: whether it was left out, being longer than the model's context.
    """

    iteration: int
    example: Example
    steps: list[int] | None = None
    of_steps: int | None = None
    is_too_long: bool = False


@dataclass(frozen=True)
class Found:
    """An example or an attempt, and what led to it.

    Attributes:
        conditions: of the iteration that made it; of a real one, of the first that uses it.
        attempt: `None` for what no model wrote.
        uses: iterations that were trained on it.
        dropped: why it was not, if `dropped.jsonl` says so.
        is_selected: whether its iteration has chosen yet what to train on.
    """

    id: str
    address: Address
    conditions: Conditions
    attempt: Attempt | None
    uses: list[Use]
    dropped: str | None
    is_selected: bool


def find(store: Store, id: str) -> Found:
    """Look for an example by its id, which is that of the attempt it comes from.

    Raises:
        UserError: there is none, or what is read is not what was written.
    """
    address = parse_id(id)
    if address is None:
        raise UserError(f"{shown(id)}: not the id of an example, which is {FORMS}{_nearest(id, _trained_ids(store))}")
    if not address.is_sampled:
        uses = list(_uses(store, id, address))
        if not uses:
            raise UserError(f"{id}: no iteration of {store.folder} has it{_nearest(id, _trained_ids(store))}")
        return Found(id, address, Conditions(store, uses[0].iteration), None, uses, None, True)
    made = Artefacts(store, address.iteration)
    if not made.exists:
        begun = ", ".join(str(one.number) for one in iterations_of(store)) or "none"
        raise UserError(
            f"{id}: it would have been made in iteration {made.number}, and {store.folder} has begun iterations {begun}"
        )
    attempt = _attempt(made, id, address)
    if attempt is None:
        raise UserError(f"{id}: {made.folder} has no such attempt{_nearest(id, _made_ids(made))}")
    uses = list(_uses(store, id, address))
    reasons = () if uses else made.rows("dropped")
    dropped = next((row["reason"] for row in reasons if row["attempt_id"] == id), None)
    return Found(id, address, Conditions(store, made.number), attempt, uses, dropped, made.has("train.jsonl"))


def _attempt(made: Artefacts, id: str, address: Address) -> Attempt | None:
    for row in made.rows(STAGES[address.kind]):
        if row["problem"]["id"] == address.problem_id and row["completion"]["sample_index"] == address.sample_index:
            attempt = Attempt.from_dict(row)
            return attempt if attempt.id == id else None
    return None


def _uses(store: Store, id: str, address: Address) -> Iterator[Use]:
    """The iterations that have the example in their training data, in order."""
    changes = store.read_run().get("parent", {}).get("changes", [])
    comes_back = store.recipe.selection.replay > 0 or any(one["key"] == "selection.replay" for one in changes)
    for iteration in iterations_of(store):
        if address.is_sampled and iteration.number < address.iteration:
            continue
        if use := _use(store, iteration, id):
            yield use
        elif address.is_sampled and not (comes_back and iteration.number > address.iteration):
            return  # what an iteration has not, the next one cannot carry along


def _use(store: Store, iteration: Artefacts, id: str) -> Use | None:
    log = next(iter(iteration.rows(LOG.removesuffix(".jsonl"))), None)
    too_long = set(log["too_long"]) if log else set()
    place = 0  # among those that fit
    for row in iteration.rows("train"):
        if row["attempt_id"] == id:
            break
        place += row["attempt_id"] not in too_long
    else:
        return None
    example, recipe = Example.from_dict(row), recipe_of(store, iteration)
    if log is None or recipe is None:
        return Use(iteration.number, example)
    if id in too_long:
        return Use(iteration.number, example, [], log["steps"], is_too_long=True)
    order = training_order(recipe, iteration.number, log["examples"])
    steps = [step for step, batch in enumerate(order, 1) for learned in batch if learned == place]
    return Use(iteration.number, example, steps, log["steps"])


def _made_ids(made: Artefacts) -> Iterator[str]:
    return (Attempt.from_dict(row).id for row in chain.from_iterable(map(made.rows, STAGES.values())))


def _trained_ids(store: Store) -> Iterator[str]:
    return (row["attempt_id"] for iteration in iterations_of(store) for row in iteration.rows("train"))


def _nearest(id: str, others: Iterator[str]) -> str:
    """The end of a message: ids that begin and end most like this one."""
    near = heapq.nlargest(NEAREST, dict.fromkeys(others), key=lambda other: _alike(id, other))
    return f"; the nearest there are: {', '.join(cut(one, 120) for one in near)}" if near else ""


def _alike(a: str, b: str) -> int:
    """Characters that two texts have in common at their beginning and at their end."""
    return shared_start(a, b) + shared_start(a[::-1], b[::-1])


def shared_start(a: str, b: str) -> int:
    """How many characters two texts begin with alike."""
    return sum(1 for _ in takewhile(bool, map(operator.eq, a, b)))
