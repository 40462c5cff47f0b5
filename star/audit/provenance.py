"""Where an example comes from: what its id says, and under what conditions the attempt behind it was made."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from star.audit.filters import Filter, filters_of
from star.errors import UserError
from star.recipe import Decoding, Recipe, load_recipe, recipe_hash
from star.records import AttemptId, Example, Problem, derive_seed, model_name
from star.store import Artefacts, Store
from star.store.retention import WEIGHTS
from star.store.run import RECIPE
from star.sweep import SWEEP, Choice, choice_of
from star.tasks import Task, known_task

STAGES = {"plain": "attempts", "hinted": "rationalizations"}
"""Which stage of an iteration attempts of each kind are in."""
ANSWER_SOURCES = {
    "gold": "given with the problem",
    "computed": "computed by the program that made the problem",
    "consensus": "what most of several attempts agree on",
    "document": "given by a passage of a document, where several attempts find it",
}
"""How a ground truth was obtained, in words, by `Problem.answer_source`."""
_MODEL = re.compile(r"base|iteration-([0-9]{3,9})")


@dataclass(frozen=True)
class Address:
    """What the id of an example says.

    Attributes:
        kind: `plain` or `hinted`, for an attempt; `ground-truth` (`method: direct`), `real` (`mix.real`) or `lesson`.
        problem_id: of a real one, its file and line; of a lesson, the id of the completion that it is part of.
        model: number of the iteration that trained the model which wrote it; 0 is the base model.
    """

    kind: str
    problem_id: str
    model: int = 0
    sample_index: int = 0

    @property
    def is_sampled(self) -> bool:
        return self.kind in STAGES

    @property
    def iteration(self) -> int:
        """The iteration in which the attempt was made."""
        return self.model + 1


def parse_id(id: str) -> Address | None:
    """The address that an id is; `None` if it is none. A problem's id may hold slashes.

    >>> parse_id("iteration-002/hinted/a/b/0")
    Address(kind='hinted', problem_id='a/b', model=2, sample_index=0)
    """
    kind, _, rest = id.partition("/")
    if kind in ("ground-truth", "real", "lesson") and rest:
        return Address(kind, rest)
    try:
        model, kind, problem, sample = AttemptId.parse(id)
    except ValueError:
        return None
    match = _MODEL.fullmatch(model)
    return Address(kind, problem, int(match[1] or 0), sample) if match else None


def lesson_source(id: str) -> str:
    """The file of a run that has a lesson, from the id of the completion that it is part of (`new/ITERATION/...`)."""
    return f"iterations/{id.split('/')[1]}/lessons.jsonl"


@dataclass(frozen=True)
class Writer:
    """The model that wrote an attempt; its adapter is `None` for the base model."""

    name: str
    iteration: int
    adapter_sha256: str | None
    base_model: str
    base_model_sha256: str


class Conditions:
    """What all attempts of one iteration have in common.

    Attributes:
        facts: what the iteration stood on: verifier, device, dtype, versions and hashes (see `Session`).
        recipe: the one it was made with; `None` where that is not to be had any more (a fork of a fork).
        writer: whose attempts they are.

    Raises:
        UserError: a manifest or the recipe is damaged.
    """

    def __init__(self, store: Store, number: int):
        self.artefacts = Artefacts(store, number)
        self.facts: Mapping[str, Any] = self.artefacts.facts
        self.recipe = recipe_of(store, self.artefacts)
        trained = Artefacts(store, number - 1).files.get(WEIGHTS)
        self.writer = Writer(
            name=model_name(number - 1),
            iteration=number - 1,
            adapter_sha256=trained["sha256"] if trained and number > 1 else None,
            base_model=self.facts.get("base_model", ""),
            base_model_sha256=self.facts.get("base_model_sha256", ""),
        )

    @cached_property
    def task(self) -> Task | None:
        return known_task(self.recipe) if self.recipe else None

    @cached_property
    def decoding(self) -> Decoding | None:
        """How the attempts were sampled, with stop strings."""
        if self.task is None:
            return None
        decoding = self.recipe.decoding
        return self.task.with_stop(self.choice.decoding(decoding) if self.choice else decoding)

    @cached_property
    def choice(self) -> Choice | None:
        """The temperature and threshold that the iteration chose, if its recipe has a sweep."""
        return choice_of(self.artefacts.json(SWEEP))

    @property
    def own_sampler(self) -> str | None:
        """Class and version of the sampler, where it was an object of the user's own (`star/custom.py`)."""
        return self.facts.get("custom", {}).get("sampler")

    @cached_property
    def filters(self) -> tuple[Filter, ...]:
        """What an attempt had to pass to be trained on."""
        return filters_of(self.artefacts, self.recipe) if self.recipe else ()

    def stage_seed(self, kind: str) -> int | None:
        """The seed that those of all attempts of one kind derive from."""
        return derive_seed(self.recipe.seed, self.artefacts.number, STAGES[kind]) if self.recipe else None

    def shows_hint(self, prompt: str, problem: Problem) -> bool | None:
        """Whether a prompt has the question as it reads with its hint; `None` where nobody knows how that is."""
        return self.task.question(problem, hinted=True).strip() in prompt if self.task else None

    def ground_truth(self, id: str, example: Example) -> Problem | str:
        """The training problem behind an example of `method: direct`, or why there is no telling which it was.

        The run stores only its id, so it is looked up in the data as they are today, and must read as it did.
        """
        if self.task is None:
            return "the run stores only its id, and not the recipe that says where the data are"
        try:
            problem = self._problems.get(id)
        except UserError as error:
            return f"the run stores only its id, and the data cannot be read: {error}"
        if problem is None:
            return "the run stores only its id, which the data have no more"
        asked, answered = self.task.question(problem, hinted=False).strip(), self.task.bare_answer(problem).strip()
        if asked not in example.prompt or answered != example.target.strip():
            return "the run stores only its id, and the data have another problem with this id today"
        return problem

    @cached_property
    def _problems(self) -> dict[str, Problem]:
        return {problem.id: problem for problem in self.task.problems("train")}

    def revision(self, source: str) -> tuple[str | None, int | None]:
        """What a source was when it was read, as `SHA-256 ...` or `commit ...`, and the line in it.

        Nothing for problems that were generated; of those that a model wrote, the file of their iteration.
        """
        file, _, line = source.rpartition(":")
        if not line.isdecimal():
            return None, None
        if file.startswith("iterations/") and (sha256 := self._written.get(file)):
            return f"SHA-256 {sha256}", int(line)
        for name, found in self.facts.get("data_files", {}).items():
            hub = name.removeprefix("hub:") if name.startswith("hub:") else None
            if Path(name) == Path(file):
                return f"SHA-256 {found}", int(line)
            if hub is not None and f"{file}/".startswith(f"{hub}/"):
                return f"commit {found}", int(line)
        return None, None

    @cached_property
    def _written(self) -> dict[str, str]:
        """The SHA-256 of what the models up to this iteration wrote, by file."""
        store, numbers = self.artefacts.store, range(1, self.artefacts.number + 1)
        found = {number: Artefacts(store, number).files.get("written.jsonl") for number in numbers}
        return {f"iterations/{number:03d}/written.jsonl": e["sha256"] for number, e in found.items() if e}


def recipe_of(store: Store, iteration: Artefacts) -> Recipe | None:
    """The recipe that an iteration was made with: the run's own or, of those that a fork began with, its parent's.

    `None` where neither has the hash that the iteration recorded.
    """
    recipe, sha256 = store.recipe, iteration.facts.get("recipe_sha256")
    if sha256 in (None, recipe_hash(recipe)):
        return recipe
    changes = store.read_run().get("parent", {}).get("changes", [])
    undo = [f"{change['key']}={json.dumps(change['before'])}" for change in changes]
    try:
        before = load_recipe(store.folder / RECIPE, undo)
    except UserError:  # keys that come and go with a task or a model
        return None
    return before if recipe_hash(before) == sha256 else None
