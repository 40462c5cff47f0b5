"""Sample an attempt again, from the stored adapter with the recorded prompt, settings and seed: `star replay`.

It is sampled alone, with the device, dtype and threads of its time where they are to be had. In float32 on the same
machine the text is the same: a completion has a random stream of its own, and does not depend on its company.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from star.audit.find import Found, find, shared_start
from star.errors import UserError
from star.facts import RECORDED_VERSIONS, machine_facts
from star.models import choose_device, recorded_checkpoint, set_threads
from star.recipe import Model
from star.records import Completion, derive_seed
from star.report.trace import quoted, say
from star.sample import open_sampler
from star.store import Store

COMPARED = ("text", "num_tokens", "finish_reason")
"""Fields of a completion that must be the same."""


@dataclass(frozen=True)
class Replay:
    """An attempt's completion, and the one that the same model gives to the same prompt now.

    Attributes:
        changes: what is not as it was then, a line each.
        notes: why the texts may differ, or what else there is to know.
    """

    then: Completion
    now: Completion
    changes: list[str]
    notes: list[str]

    @property
    def differences(self) -> list[str]:
        """The fields that differ."""
        return [name for name in COMPARED if getattr(self.then, name) != getattr(self.now, name)]

    @property
    def first_difference(self) -> int:
        """Where the texts part, in characters from the start."""
        return shared_start(self.then.text, self.now.text)


def replay(folder: Path, id: str) -> Replay:
    """Sample the attempt `id` of the run in `folder` again.

    Raises:
        UserError: no run or no such attempt; nobody sampled it; its adapter was not kept, or is damaged; the base model
            is another one now.
    """
    store = Store.existing(folder)
    found = find(store, id)
    attempt, conditions = found.attempt, found.conditions
    if found.address.kind == "lesson":
        raise UserError(f"{id}: only attempts can be sampled again, and this is a lesson; `star trace` has all of it")
    if attempt is None:
        raise UserError(f"{id}: no model wrote it, so there is nothing to sample again; `star trace` tells its source")
    if conditions.recipe is None:
        raise UserError(f"{id}: the recipe of its iteration is not in {folder}, so nobody knows how it was sampled")
    if own := conditions.own_sampler or (conditions.task is None and conditions.facts.get("custom", {}).get("task")):
        raise UserError(f"{id}: it was sampled with an object of your own, {own}, which is in no file of the run")
    then, facts, seed = attempt.completion, conditions.facts, conditions.stage_seed(found.address.kind)
    if derive_seed(seed, then.problem_id, then.sample_index) != then.seed:
        raise UserError(
            f"{id}: its seed {then.seed} does not follow from the recipe's; {folder} is not what was written"
        )
    adapter = store.adapter(found.address.model)
    settings = _as_then(conditions.recipe.model, facts)
    recipe = conditions.recipe.model_copy(update={"model": settings})
    checkpoint = recorded_checkpoint(recipe, conditions.task, facts["base_model_sha256"], folder)
    set_threads(settings)
    # by the folder servers are told whose adapters are whose: those of a run at work stay loaded
    with TemporaryDirectory() as place:
        sampler = open_sampler(recipe, checkpoint, facts["max_tokens_in_flight"], Path(place))
        sampler.use(adapter, then.model)
        now = sampler.sample([attempt.prompt], conditions.decoding, seed)[then.sample_index]
        sampler.release()
    return Replay(then, now, list(_changes(settings, facts)), list(_notes(found)))


def _as_then(model: Model, facts: dict) -> Model:
    """The recipe's settings with dtype, threads and, where there is such a one, the device that were chosen then."""
    model = model.model_copy(update={"dtype": facts["dtype"], "threads": facts["threads"]})
    there = model.model_copy(update={"device": facts["device"]})
    try:
        choose_device(there)
    except UserError:
        return model
    return there


def _changes(settings: Model, facts: dict) -> Iterator[str]:
    """What this machine has that was otherwise then."""
    now = machine_facts(settings)
    for name in ("device", "dtype", "threads"):
        if now[name] != facts[name]:
            yield f"{name}: {facts[name]} then, {now[name]} now"
    for name in RECORDED_VERSIONS:
        if (before := facts["versions"].get(name)) != now["versions"][name]:
            yield f"{name}: {before} then, {now['versions'][name]} now"


def _notes(found: Found) -> Iterator[str]:
    facts, recipe = found.conditions.facts, found.conditions.recipe
    if facts["dtype"] != "float32":
        yield (
            f"it was sampled in {facts['dtype']}, which rounds differently in another batch: it was among others "
            "then and is alone now, so the text may differ"
        )
    elif facts["device"] != "cpu":
        yield f"it was sampled on {facts['device']}, where products may be rounded differently in another batch"
    if recipe.sampler.kind in ("openai", "vllm"):
        yield (
            f"it was sampled with sampler.kind {recipe.sampler.kind}, whose batches round differently with what is in "
            "them, so the text may differ"
        )
    if recipe.sampler.kind == "generate":
        yield (
            "it was sampled with transformers' generate (sampler.kind), in a batch padded to its longest prompt: what "
            "was beside it may have changed how numbers were rounded"
        )


def print_replay(again: Replay) -> None:
    """Print whether the texts are the same and, if not, where they part; and what is not as it was."""
    for change in again.changes:
        say(f"not as it was: {change}")
    for note in again.notes:
        say(f"note: {note}")
    then, now = again.then, again.now
    if not again.differences:
        say(f"the same: {then.num_tokens} tokens, ended by {then.finish_reason}")
        for line in quoted(now.text):
            say(line)
        return
    say(f"DIFFERENT in {', '.join(again.differences)}")
    if "text" in again.differences:
        say(f"the texts part after {again.first_difference} characters")
    for when, completion in (("then", then), ("now", now)):
        say(f"{when}: {completion.num_tokens} tokens, ended by {completion.finish_reason}")
        for line in quoted(completion.text):
            say(line)
