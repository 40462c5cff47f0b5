"""What one run works with, and the stages of the loop in terms of it.

A `Session` holds the checked problems, the base model, the prompts and the sampler of a recipe. Making one loads no
weights.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from star.audit.reference import reference_signals
from star.audit.verdict import findings
from star.audit.watch import Audit
from star.cards import model_card
from star.clock import spent
from star.console import console
from star.disk import disk_needed, disk_notice
from star.evaluate import accuracy
from star.facts import exemplars_hash, machine_facts
from star.files import Rows, file_sha256
from star.history import ProblemHistory, continue_history, difficulty
from star.mix import mix, upheld
from star.models import Checkpoint, resolve_checkpoint
from star.preflight import Checked
from star.processes import World
from star.prompts import evaluates_with_exemplars, samples_with_exemplars
from star.quality.stage import rank
from star.recipe import Decoding, recipe_hash
from star.records import Attempt, Example, Problem, derive_seed, model_name
from star.rollout import Wave, rollout
from star.sample import Sampler, open_sampler, tokens_in_flight
from star.select import Dropped, accepted, drop, examples, passing, require_some
from star.stop import stop_reason
from star.store import Artefacts, Iteration, Journal, Store
from star.store.retention import best
from star.store.run import RUN
from star.synthesize.stage import Model, Synthesizer
from star.tasks import problems_hash
from star.train import train_lora
from star.verify import STEPS_VERSION

OPEN, FINE_TUNE = "open", "fine-tune"
"""What the processes of a run call these parts of the work (`star/follower.py`)."""


def open_session(checked: Checked, store: Store, world: World) -> Session:
    """Find or build the base model, record in the run directory what the run stands on, and prepare all processes.

    Raises:
        UserError: the model cannot be had.
    """
    recipe = checked.recipe
    machine = machine_facts(recipe.model)
    checkpoint = resolve_checkpoint(recipe, checked.task)
    before = store.recorded("max_tokens_in_flight") if recipe.sampler.max_tokens_in_flight == "auto" else None
    tokens = before or tokens_in_flight(recipe, checkpoint, world.on_this_machine)
    console.print(disk_notice(store.folder, disk_needed(checked, checkpoint)), markup=False)
    fingerprint = checkpoint.fingerprint()  # reads all weights
    changed = store.record(
        {
            "base_model": checkpoint.name,
            "base_model_sha256": fingerprint,
            "problems_sha256": problems_hash(chain(checked.train, checked.held_out)),
            "exemplars_sha256": exemplars_hash(checked.prompts),
            "reference_sha256": checked.reference.sha256(),
            "tether_files": checked.tether_files,
            "data_files": checked.task.data_files() | checked.reference.files | checked.tether_files,
            "problems_skipped": len(checked.task.skipped),
            "problems_removed": checked.removed.count,
            "verifier": f"{checked.task.verifier.version}; steps {STEPS_VERSION}",
            "custom": checked.own.facts(),
            "max_tokens_in_flight": tokens,
            "world_size": world.size,
            **machine,
        }
    )
    for line in changed:
        console.print(f"warning: since this run began, {line}", markup=False)
    sampler = checked.own.sampler or open_sampler(recipe, checkpoint, tokens, store.folder)
    opening = {"folder": str(store.folder.absolute()), "tokens": tokens, "run": file_sha256(store.folder / RUN)}
    opening |= {"model": fingerprint, "recipe": recipe_hash(recipe)}
    world.everywhere(OPEN, opening, lambda: None)
    return Session(checked, store, checkpoint, sampler, world)


class Session:
    """The parts of a run, and its stages.

    Attributes:
        train, held_out: problems, disjoint.
        prompts: how they become prompts.
        reference: real text that no model is trained on.
        real: the examples of `mix.real`.
        is_protected: whether a text must not be trained on.
        problems_removed: training problems left out because they overlap what is protected.
        checkpoint: the base model.
        sampler: any engine that obeys the `Sampler` protocol.
        world: the processes that share the work.
    """

    def __init__(self, checked: Checked, store: Store, checkpoint: Checkpoint, sampler: Sampler, world: World):
        self.recipe, self.task, self.prompts = checked.recipe, checked.task, checked.prompts
        self.train, self.held_out, self.reference = checked.train, checked.held_out, checked.reference
        self.is_protected, self.problems_removed = checked.protected.hits, checked.removed.count
        self.real = checked.real
        self._synthesizer = checked.writer and Synthesizer(self.recipe, checked.writer, self.train, checked.protected)
        self.store, self.checkpoint, self.sampler, self.world = store, checkpoint, sampler, world
        self._weights: tuple[Path | None, str] = (None, model_name(0))

    def use_model(self, number: int) -> None:
        """Sample from the model that iteration `number` trained; 0 is the base model."""
        self._weights = (self.store.adapter(number), model_name(number))

    def synthesize(self, iteration: Iteration) -> None:
        """Stages: the model writes new problems, if the recipe asks for them, and votes on answers."""
        if self._synthesizer:
            self._synthesizer.run(iteration, self.store, Model(*self._weights, self.sampler, self.world))

    def pool(self, iteration: Iteration) -> Sequence[Problem]:
        """The training problems, and after them those that the model wrote and that stand in this iteration."""
        return self._synthesizer.pool(iteration) if self._synthesizer else self.train

    def attempt(self, iteration: Iteration, problems: Sequence[Problem]) -> Rows[Attempt]:
        """Stage: sample a rationale and an answer for every problem, and verify."""
        return self._sample(iteration, "attempts", problems, self.recipe.decoding, hinted=False)

    def rationalize(self, iteration: Iteration, problems: Sequence[Problem]) -> Rows[Attempt]:
        """Stage: the same with the answer shown as a hint, for problems that failed."""
        return self._sample(iteration, "rationalizations", problems, self.recipe.decoding, hinted=True)

    def select(
        self, iteration: Iteration, attempts: Collection[Attempt], rationalizations: Collection[Attempt]
    ) -> Iterator[Example]:
        """Stages: bring the history of every problem up to date, and say which right attempts are not trained on.

        Returns:
            What the other right attempts teach.

        Raises:
            UserError: there are none.
        """
        recipe, number = self.recipe, iteration.number
        past = self.store.rows(number - 1, "history", ProblemHistory.from_dict)
        history = partial(continue_history, past, attempts, recipe, number)
        iteration.rows("history", lambda journal: _write(journal, (row.to_dict() for row in history())), dict)
        both = partial(chain, attempts, rationalizations)

        def chosen() -> Iterator[Attempt]:
            return accepted(both(), recipe, self.task.meaning)

        def candidates() -> Iterator[Attempt]:
            return passing(chosen(), self.prompts, recipe, number, self.is_protected)

        quality = rank(iteration, attempts, candidates, recipe)

        def dropped_rows() -> Iterator[dict[str, Any]]:
            classes = {row.id: difficulty(row) for row in past} if recipe.selection.balance == "difficulty" else {}
            for row in drop(chosen(), self.prompts, recipe, number, classes, self.is_protected, quality):
                yield row.to_dict()

        dropped = iteration.rows("dropped", lambda journal: _write(journal, dropped_rows()), _dropped)
        return require_some(examples(chosen(), dropped, self.prompts, recipe, number), both(), number)

    def mix(self, iteration: Iteration, accepted: Iterable[Example]) -> Iterator[Example]:
        """What is trained on: what this iteration accepted, and what the recipe adds of earlier and of real data."""
        write = self._synthesizer
        lessons = partial(write.lessons, iteration) if write else tuple
        data = mix(accepted, self._trained_on, self.real, self.recipe, iteration.number, lessons)
        return upheld(data, write.withdrawn(iteration) if write else {}, self.recipe, iteration.number)

    def fine_tune(self, iteration: Iteration, examples: Iterable[Example]) -> None:
        """Stages: write the training data, then train the adapter on it."""
        number = iteration.number
        written = iteration.rows(
            "train", lambda journal: _write(journal, (example.to_dict() for example in examples)), Example.from_dict
        )
        self.sampler.release()
        previous = None if self.recipe.train.from_base else self.store.adapter(number - 1)
        train = partial(train_lora, self.recipe, self.checkpoint, written, number, previous=previous)
        checkpoints = iteration.checkpoints("adapter")
        arguments = {
            "rows": str(written.path.absolute()),
            "number": number,
            "previous": previous and str(previous.absolute()),
            "checkpoints": str(checkpoints.folder.absolute()),
        }

        def together(folder: Path) -> None:
            self.world.everywhere(FINE_TUNE, arguments, partial(train, folder, checkpoints=checkpoints))

        with spent("fine-tuning"):
            iteration.directory("adapter", together)

    @spent("auditing")
    def watch_reference(self, iteration: Iteration) -> dict[str, Any]:
        """Stage: how well the new model predicts real text, and how far it is from the base model."""
        return iteration.json("reference", partial(self._reference_signals, self.store.adapter(iteration.number)))

    def evaluate(self, iteration: Iteration) -> None:
        """Stages: attempt the held-out problems, then score them."""
        scores = {}
        for exemplars in evaluates_with_exemplars(self.recipe, iteration.number):
            mode = "few-shot" if exemplars else "zero-shot"
            decoding = self.recipe.evaluation_decoding
            stage = f"evaluation-{mode}"
            attempts = self._sample(iteration, stage, self.held_out, decoding, hinted=False, exemplars=exemplars)
            scores[mode] = accuracy(attempts, self.task.meaning)
        iteration.json("scores", lambda: scores)

    @spent("auditing")
    def audit(self, iteration: Iteration) -> None:
        """Stages: what the loop bakes in, as numbers (`star/audit/signals.py`), and specimens for people to look at."""
        number, read = iteration.number, partial(_read, iteration)
        audit = Audit(
            self.recipe,
            self.task,
            number,
            attempts=read("attempts", Attempt.from_dict),
            rationalizations=read("rationalizations", Attempt.from_dict),
            dropped=read("dropped", _dropped),
            examples=read("train", Example.from_dict),
            past=self.store.rows(number - 1, "history", ProblemHistory.from_dict),
            now=read("history", ProblemHistory.from_dict),
            trained_before=self._trained_on(number - 1),
            reference=self.watch_reference(iteration),
            problems_removed=self.problems_removed,
        )
        iteration.json("audit", audit.to_dict)
        iteration.rows("specimens", lambda journal: _write(journal, audit.specimens()), dict)

    def describe(self, iteration: Iteration) -> None:
        """Stage: the model card beside the adapter; none for the base model."""
        if iteration.number > 0:
            artefacts = Artefacts(self.store, iteration.number)
            iteration.text("model-card.md", lambda: model_card(artefacts, self.recipe))

    def goes_on(self, metrics: Sequence[dict[str, Any]]) -> bool:
        """Tell the alarms after iterations with these `metrics`, and whether the stop rules let another one begin."""
        for finding in findings(metrics):
            if finding.level == "alarm":
                console.print(f"alarm: {finding.says} {finding.do}", markup=False)
        leader = best(metrics)
        if (reason := stop_reason(metrics, leader, self.recipe.stop)) is None:
            return True
        console.print(
            f"stopped after iteration {metrics[-1]['iteration']}: {reason}; the best is iteration {leader}",
            markup=False,
        )
        return False

    def _trained_on(self, number: int) -> Collection[Example]:
        return self.store.rows(number, "train", Example.from_dict)

    def _reference_signals(self, adapter: Path | None) -> dict[str, Any]:
        self.sampler.release()  # there may be no room for two models
        return reference_signals(self.recipe, self.checkpoint, adapter, self.reference)

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
        seed = derive_seed(self.recipe.seed, iteration.number, stage)
        resolved, (adapter, model) = self.task.with_stop(decoding), self._weights

        def wave_of(part: Sequence[Problem]) -> Wave:
            return Wave(part, self.prompts.prompts(part, hinted, exemplars), resolved, seed, adapter, model)

        produce = partial(
            rollout,
            problems,
            wave_of,
            task=self.task,
            sampler=self.sampler,
            world=self.world,
            samples=decoding.samples,
            wave=self.recipe.sampler.wave,
            label=f"iteration {iteration.number}: {stage}",
        )
        return iteration.rows(stage, lambda journal: produce(journal=journal), Attempt.from_dict)


def _dropped(row: dict[str, Any]) -> Dropped:
    return Dropped(**row)


def _read(iteration: Iteration, name: str, make: Callable[[dict[str, Any]], Any]) -> Collection[Any]:
    """The rows of a stage, none if this iteration does not have it."""
    path = iteration.folder / f"{name}.jsonl"
    return Rows(path, make) if path.exists() else ()


def _write(journal: Journal, rows: Iterable[dict[str, Any]]) -> None:
    """All rows as one wave: they are made in a moment, so what was begun is begun again."""
    journal.clear()
    journal.append(rows)
