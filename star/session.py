"""What one run works with, and the stages of the loop in terms of it.

A `Session` holds the checked problems, the base model, the prompts and the sampler of a recipe. Making one
(`opening.py`) loads no weights.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from star.audit.reference import reference_signals
from star.audit.watch import Audit
from star.cards import model_card
from star.clock import spent
from star.curriculum import choose
from star.drop import Dropped, Filters, drop
from star.files import Rows
from star.history import ProblemHistory, continue_history, difficulty
from star.mix import mix
from star.models import Checkpoint
from star.preflight import Checked
from star.processes import World
from star.prompts import samples_with_exemplars
from star.quality.stage import rank
from star.ranker import Ranker
from star.recipe import Decoding
from star.records import Attempt, Example, Problem, derive_seed, model_name
from star.rollout import Wave, rollout
from star.sample import Sampler
from star.scores import held_out_scores
from star.select import accepted, examples, require_some
from star.store import Artefacts, Iteration, Journal, Store
from star.sweep import SWEEP, decoding_in, stage_of, sweep_table, threshold_in, tried_decodings, tried_problems
from star.synthesize.stage import Model, Synthesizer
from star.train import train_lora

FINE_TUNE = "fine-tune"
"""What the processes of a run call `train_lora` (`star/follower.py`)."""


class Session:
    """The parts of a run, and its stages.

    Attributes:
        train, held_out: problems, disjoint.
        prompts: how they become prompts.
        reference: real text that no model is trained on.
        real: the examples of `mix.real`.
        protected: what must not be trained on.
        problems_removed: training problems left out because they overlap what is protected.
        checkpoint: the base model.
        sampler: any engine that obeys the `Sampler` protocol.
        world: the processes that share the work.
        ranker: the verifier that learns, where the recipe has one.
    """

    def __init__(self, checked: Checked, store: Store, checkpoint: Checkpoint, sampler: Sampler, world: World):
        self.recipe, self.task, self.prompts = checked.recipe, checked.task, checked.prompts
        self.train, self.held_out, self.reference = checked.train, checked.held_out, checked.reference
        self.protected, self.problems_removed = checked.protected, checked.removed.count
        self.are_protected = spent("auditing")(checked.protected.hits)
        self.real = checked.real
        self._synthesizer = checked.writer and Synthesizer(self.recipe, checked.writer, self.train, checked.protected)
        self.store, self.checkpoint, self.sampler, self.world = store, checkpoint, sampler, world
        self.ranker = Ranker(checked.recipe, checkpoint, checked.prompts, world)
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

    def problems(self, iteration: Iteration) -> Sequence[Problem]:
        """Stage: those of the pool that an iteration tries, or new ones (`star/curriculum/`)."""
        return choose(iteration, self.pool(iteration), self.store, self.task, self.recipe, self.protected)

    def attempt(self, iteration: Iteration, problems: Sequence[Problem]) -> Rows[Attempt]:
        """Stage: sample a rationale and an answer for every problem, and verify, after a sweep if there is one."""
        if self.recipe.sweep:
            self._sweep(iteration, problems)
        return self._sample(iteration, "attempts", problems, decoding_in(iteration.folder, self.recipe), hinted=False)

    def rationalize(self, iteration: Iteration, problems: Sequence[Problem]) -> Rows[Attempt]:
        """Stage: the same with the answer shown as a hint, for problems that failed."""
        decoding = decoding_in(iteration.folder, self.recipe)
        return self._sample(iteration, "rationalizations", problems, decoding, hinted=True)

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
        past = self.store.rows(number - 1, "history", ProblemHistory)
        history = partial(continue_history, past, attempts, recipe, number)
        iteration.rows("history", lambda journal: _write(journal, history()), dict)
        both, threshold = partial(chain, attempts, rationalizations), threshold_in(iteration.folder)

        def chosen() -> Iterator[Attempt]:
            return accepted(both(), recipe, self.task.meaning)

        judge = partial(Filters, self.prompts, recipe, number, self.are_protected, threshold)
        quality = rank(iteration, attempts, lambda: judge().passing(chosen()), recipe)

        def dropped_rows() -> Iterator[dict[str, Any]]:
            classes = {row.id: difficulty(row) for row in past} if recipe.selection.balance == "difficulty" else {}
            return (row.to_dict() for row in drop(chosen(), judge(quality), recipe, number, classes))

        dropped = iteration.rows("dropped", lambda journal: _write(journal, dropped_rows()), Dropped)
        without = (row.attempt_id for row in dropped)
        found = examples(chosen(), without, self.prompts, recipe, number)
        return require_some(found, both(), number, (row.reason for row in dropped))

    def mix(self, iteration: Iteration, accepted: Iterable[Example]) -> Iterator[Example]:
        """What is trained on: what this iteration accepted, and what the recipe adds of earlier and of real data."""
        write = self._synthesizer
        lessons = partial(write.lessons, iteration) if write else tuple
        withdrawn = write.withdrawn(iteration) if write else {}
        return mix(accepted, self._trained_on, self.real, self.recipe, iteration.number, lessons, withdrawn)

    def collect(self, iteration: Iteration, examples: Iterable[Example]) -> None:
        """Stage: write the training data."""
        iteration.rows("train", lambda journal: _write(journal, examples), Example)

    def fine_tune(self, iteration: Iteration) -> None:
        """Stage: train the adapter on the training data."""
        number, written = iteration.number, Rows(iteration.folder / "train.jsonl", Example)
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

    def train_verifier(self, iteration: Iteration) -> None:
        """Stages: where the recipe has a `verifier`, train one on right and wrong attempts (`star/ranker.py`)."""
        if self.ranker.is_due(iteration.number):
            self.sampler.release()
            self.ranker.train(iteration, self.store, self.are_protected)

    @spent("auditing")
    def watch_reference(self, iteration: Iteration) -> dict[str, Any]:
        """Stage: how well the new model predicts real text, and how far it is from the base model."""
        return iteration.json("reference", partial(self._reference_signals, self.store.adapter(iteration.number)))

    def evaluate(self, iteration: Iteration) -> None:
        """Stages: attempt the held-out problems, then score them; where there is a verifier, best-of-n too."""
        if self.recipe.method == "curate" and iteration.number > 0:  # the base model again
            iteration.json("scores", lambda: self.store.metrics()[0]["accuracy"])
            return

        def sample(stage: str, decoding: Decoding, exemplars: bool) -> Rows[Attempt]:
            return self._sample(iteration, stage, self.held_out, decoding, hinted=False, exemplars=exemplars)

        def rank(stage: str, attempts: Rows[Attempt]) -> Iterator[tuple[Attempt, float | None]]:
            self.sampler.release()  # there may be no room for two models
            return self.ranker.rank(iteration, stage, attempts, verifier)

        verifier = self.ranker.verifier(iteration)
        ranked = rank if verifier else None
        scores = held_out_scores(self.recipe, iteration.number, sample, self.task.meaning, ranked)
        iteration.json("scores", lambda: scores)

    @spent("auditing")
    def audit(self, iteration: Iteration) -> None:
        """Stages: what the loop bakes in, as numbers (`star/audit/signals.py`), and specimens for people to look at."""
        number, read = iteration.number, partial(_read, iteration)
        audit = Audit(
            self.recipe,
            self.task,
            number,
            attempts=read("attempts", Attempt),
            rationalizations=read("rationalizations", Attempt),
            dropped=read("dropped", Dropped),
            examples=read("train", Example),
            past=self.store.rows(number - 1, "history", ProblemHistory),
            now=read("history", ProblemHistory),
            trained_before=self._trained_on(number - 1),
            reference=self.watch_reference(iteration),
            problems_removed=self.problems_removed,
        )
        iteration.json("audit", audit.to_dict)
        iteration.rows("specimens", lambda journal: _write(journal, audit.specimens()), dict)

    def describe(self, iteration: Iteration) -> None:
        """Stage: the model card beside the adapter; none for the base model."""
        if iteration.number > 0 and self.recipe.method != "curate":
            artefacts = Artefacts(self.store, iteration.number)
            iteration.text("model-card.md", lambda: model_card(artefacts, self.recipe))

    def _sweep(self, iteration: Iteration, problems: Sequence[Problem]) -> None:
        """Stages: attempt a few problems at each temperature, then choose how to sample."""
        few, tries = tried_problems(problems, self.recipe, iteration.number), {}
        for temperature, decoding in tried_decodings(self.recipe).items():
            tries[temperature] = self._sample(iteration, stage_of(temperature), few, decoding, hinted=False)
        iteration.json(SWEEP, lambda: sweep_table(tries, self.recipe, self.prompts.training_target))

    def _trained_on(self, number: int) -> Collection[Example]:
        return self.store.rows(number, "train", Example)

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
            return Wave(self.prompts.prompts(part, hinted, exemplars), resolved, seed, adapter, model, part)

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
        return iteration.rows(stage, lambda journal: produce(journal=journal), Attempt)


def _read(iteration: Iteration, name: str, kind: type) -> Collection[Any]:
    """The rows of a stage, none if this iteration does not have it."""
    path = iteration.folder / f"{name}.jsonl"
    return Rows(path, kind) if path.exists() else ()


def _write(journal: Journal, rows: Iterable[Any]) -> None:
    """All rows as one wave: they are made in a moment, so what was begun is begun again."""
    journal.clear()
    journal.append(rows)
