"""What one run works with, and the stages of the loop in terms of it.

A `Session` holds the checked problems, the base model, the prompts and the sampler of a recipe. Making one loads no
weights.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import partial
from importlib.metadata import version
from typing import Any

from star.clock import spent
from star.console import console
from star.disk import disk_needed, disk_notice
from star.evaluate import accuracy
from star.files import Rows
from star.models import Checkpoint, choose_device, choose_dtype, resolve_checkpoint, set_threads
from star.preflight import Checked
from star.prompts import PromptBuilder, evaluates_with_exemplars, samples_with_exemplars
from star.recipe import Decoding
from star.records import Attempt, Example, Problem, derive_seed
from star.rollout import rollout
from star.sample import Sampler, open_sampler, tokens_in_flight
from star.store import Iteration, Journal, Store
from star.tasks import problems_hash
from star.train import train_lora
from star.verify import STEPS_VERSION

RECORDED_VERSIONS = ("star-trainer", "torch", "transformers", "peft", "accelerate", "tokenizers")
"""Packages whose versions a run records: those that decide what is computed."""


def open_session(checked: Checked, store: Store) -> Session:
    """Find or build the base model, and record in the run directory what the run stands on.

    Raises:
        UserError: the model cannot be had.
    """
    recipe = checked.recipe
    threads = set_threads(recipe.model)
    device = choose_device(recipe.model)
    checkpoint = resolve_checkpoint(recipe, checked.task)
    is_auto = recipe.sampler.max_tokens_in_flight == "auto"
    tokens = (is_auto and store.recorded("max_tokens_in_flight")) or tokens_in_flight(recipe, checkpoint)
    console.print(disk_notice(store.folder, disk_needed(checked, checkpoint)), markup=False)
    changed = store.record(
        {
            "base_model": checkpoint.name,
            "base_model_sha256": checkpoint.fingerprint(),
            "problems_sha256": problems_hash([*checked.train, *checked.held_out]),
            "exemplars_sha256": exemplars_hash(checked.prompts),
            "data_files": checked.task.data_files(),
            "problems_skipped": len(checked.task.skipped),
            "verifier": f"{checked.task.verifier.version}; steps {STEPS_VERSION}",
            "device": str(device),
            "dtype": str(choose_dtype(recipe.model, device)).removeprefix("torch."),
            "threads": threads,
            "max_tokens_in_flight": tokens,
            "world_size": 1,
            "versions": {name: version(name) for name in RECORDED_VERSIONS},
        }
    )
    for line in changed:
        console.print(f"warning: since this run began, {line}", markup=False)
    return Session(checked, store, checkpoint, open_sampler(recipe, checkpoint, tokens))


def exemplars_hash(prompts: PromptBuilder) -> str:
    """SHA-256 of the exemplars that prompts show."""
    shown = [(problem.question, problem.choices, problem.answer, rationale) for problem, rationale in prompts.exemplars]
    return hashlib.sha256(json.dumps(shown).encode()).hexdigest()


class Session:
    """The parts of a run, and its stages.

    Attributes:
        train, held_out: problems, disjoint.
        prompts: how they become prompts.
        checkpoint: the base model.
        sampler: any engine that obeys the `Sampler` protocol.
    """

    def __init__(self, checked: Checked, store: Store, checkpoint: Checkpoint, sampler: Sampler):
        self.recipe, self.task, self.prompts = checked.recipe, checked.task, checked.prompts
        self.train, self.held_out = checked.train, checked.held_out
        self.store, self.checkpoint, self.sampler = store, checkpoint, sampler

    def use_model(self, number: int) -> None:
        """Sample from the model that iteration `number` trained; 0 is the base model."""
        self.sampler.use(self.store.adapter(number), model_name(number))

    def attempt(self, iteration: Iteration, problems: Sequence[Problem]) -> Rows[Attempt]:
        """Stage: sample a rationale and an answer for every problem, and verify."""
        return self._sample(iteration, "attempts", problems, self.recipe.decoding, hinted=False)

    def rationalize(self, iteration: Iteration, problems: Sequence[Problem]) -> Rows[Attempt]:
        """Stage: the same with the answer shown as a hint, for problems that failed."""
        return self._sample(iteration, "rationalizations", problems, self.recipe.decoding, hinted=True)

    def fine_tune(self, iteration: Iteration, examples: Iterable[Example]) -> None:
        """Stages: write the training data, then train the adapter on it."""
        number = iteration.number
        written = iteration.rows(
            "train", lambda journal: _write(journal, (example.to_dict() for example in examples)), Example.from_dict
        )
        self.sampler.release()
        previous = None if self.recipe.train.from_base else self.store.adapter(number - 1)
        train = partial(train_lora, self.recipe, self.checkpoint, written, number, previous=previous)
        with spent("fine-tuning"):
            iteration.directory("adapter", partial(train, checkpoints=iteration.checkpoints("adapter")))

    def evaluate(self, iteration: Iteration) -> None:
        """Stages: attempt the held-out problems, then score them."""
        scores = {}
        for exemplars in evaluates_with_exemplars(self.recipe, iteration.number):
            mode = "few-shot" if exemplars else "zero-shot"
            decoding = self.recipe.evaluation_decoding
            stage = f"evaluation-{mode}"
            attempts = self._sample(iteration, stage, self.held_out, decoding, hinted=False, exemplars=exemplars)
            scores[mode] = accuracy(attempts)
        iteration.json("scores", lambda: scores)

    def _sample(
        self,
        iteration: Iteration,
        stage: str,
        problems: Sequence[Problem],
        decoding: Decoding,
        hinted: bool,
        exemplars: bool | None = None,
    ) -> Rows[Attempt]:
        if exemplars is None:
            exemplars = samples_with_exemplars(self.recipe, iteration.number, hinted)
        stop = list(self.task.stop) if decoding.stop is None else decoding.stop
        produce = partial(
            rollout,
            problems,
            partial(self.prompts.prompts, hinted=hinted, exemplars=exemplars),
            task=self.task,
            sampler=self.sampler,
            decoding=decoding.model_copy(update={"stop": stop}),
            seed=derive_seed(self.recipe.seed, iteration.number, stage),
            wave=self.recipe.sampler.wave,
            label=f"iteration {iteration.number}: {stage}",
        )
        return iteration.rows(stage, lambda journal: produce(journal=journal), Attempt.from_dict)


def _write(journal: Journal, rows: Iterable[dict[str, Any]]) -> None:
    """All rows as one wave: they are made in a moment, so what was begun is begun again."""
    journal.clear()
    journal.append(rows)


def model_name(number: int) -> str:
    """What completions say about who wrote them."""
    return f"iteration-{number:03d}" if number else "base"
