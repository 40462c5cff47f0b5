"""What there is of everything in one iteration of a recipe: prompts, tokens, examples, bytes. For `estimate.py`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from scripts.planning.assumed import Assumed
from scripts.planning.costs import FineTuning, Sampling, Scoring
from scripts.planning.drafted import Drafted, drafted
from scripts.planning.learned import SCORE, Tried, dpo, examples, fine_tuning, met, pair_bytes, pairs, trains_verifier
from scripts.planning.reader import Reader
from star.prompts import evaluates_with_exemplars, samples_with_exemplars
from star.recipe import Decoding, Recipe

HISTORY = 130
"""Bytes of what is known of a problem (`star/history.py`)."""
TO_TRAIN_ON = ("new problems", "votes", "sweep", "attempts", "rationalizations")
"""Stages whose completions are `samples` in the metrics, which `stop.samples` counts."""


@dataclass
class Counts:
    """What there is of everything in one iteration.

    Attributes:
        stages, scorings, trainings: by name; those that the iteration has.
        pairs: that a verifier learns from.
        problems: to draw from, those that the model wrote among them.
        assumed: what was taken for granted, by name.
    """

    problems: float
    stages: dict[str, Sampling] = field(default_factory=dict)
    scorings: dict[str, Scoring] = field(default_factory=dict)
    trainings: dict[str, FineTuning] = field(default_factory=dict)
    examples: float = 0.0
    pairs: float = 0.0
    rows_bytes: float = 0.0
    assumed: dict[str, float] = field(default_factory=dict)

    @property
    def samples(self) -> float:
        """Completions that are drawn to train on."""
        return sum(self.stages[name].attempts for name in TO_TRAIN_ON if name in self.stages)


def count(reader: Reader, assumed: Assumed, problems: float | None, number: int) -> Counts:
    """Everything in iteration `number` of a recipe, on `problems` training problems (`None`: those of its data)."""
    recipe = reader.recipe
    iteration = _Iteration(reader, assumed, problems, number)
    if recipe.method != "direct":
        iteration.attempt()
    if recipe.method != "curate":
        iteration.fine_tune()
        iteration.evaluate()
    if trains_verifier(recipe, number):
        iteration.verify()
    iteration.note_assumed()
    return iteration.counts


class _Iteration:
    """Adds up `counts`, a method for each part of an iteration, in its order."""

    def __init__(self, reader: Reader, assumed: Assumed, problems: float | None, number: int):
        self.reader, self.recipe, self.assumed, self.number = reader, reader.recipe, assumed, number
        exemplars = samples_with_exemplars(self.recipe, number, hinted=False)
        limit = self.recipe.decoding.max_new_tokens
        self.completion = min(limit, assumed.completion or reader.completion(reader.some, exemplars, limit))
        self.row, self.example = reader.row_bytes(False, exemplars, self.completion)
        self.given = problems or len(reader.train)
        self.prompt = reader.training_prompt(reader.some)
        self.new = new = drafted(reader, assumed, self.completion, number)
        self.tried = tried = _tried(self.recipe, self.given, new, assumed)
        learned = examples(self.recipe, tried, new.lessons, assumed, number)
        known = 0.0 if self.recipe.method == "direct" else met(self.recipe, tried.all, tried.pool, number)
        rows = new.rows_bytes + HISTORY * known + learned * self.example
        if written := new.known + new.voted:
            share = written / (self.given + written)
            self.prompt += share * (reader.training_prompt(reader.new_problems(voted_on=False)) - self.prompt)
        self.counts = Counts(tried.pool, dict(new.stages), examples=learned, rows_bytes=rows)

    def attempt(self) -> None:
        """Stages: the sweep, attempts and rationalizations."""
        tried, samples = self.tried, self.recipe.decoding.samples
        if sweep := self.recipe.sweep:
            self._sample("sweep", min(sweep.problems, tried.known), sweep.samples, rounds=len(sweep.temperatures))
        self._sample("attempts", tried.all, samples)
        if tried.failed:
            self._sample("rationalizations", tried.failed, samples, hinted=True)

    def fine_tune(self) -> None:
        """Stage: the adapter."""
        learned = self.counts.examples, self.prompt, self.completion
        self.counts.trainings["fine-tuning"] = fine_tuning(self.recipe, *learned, self.number)

    def evaluate(self) -> None:
        """Stage: held-out problems, in all the ways in which they are shown."""
        shown = evaluates_with_exemplars(self.recipe, self.number)
        self._hold_out("evaluation", self.recipe.evaluation_decoding, any(shown), len(shown) * self.reader.evaluated)

    def verify(self) -> None:
        """Stages: train a verifier, and rank several samples of each held-out problem by it."""
        counts, reader, completion = self.counts, self.reader, self.completion
        counts.pairs = pairs(self.recipe, self.tried, self.assumed, self.number)
        if not counts.pairs:
            return
        scored, counts.trainings["verifier"] = dpo(self.recipe, counts.pairs, self.prompt, completion, self.number)
        counts.scorings["scoring pairs"] = scored
        counts.rows_bytes += counts.pairs * pair_bytes(reader.characters(self.prompt + 2 * completion))
        if decoding := self.recipe.best_of_decoding:
            exemplars = evaluates_with_exemplars(self.recipe, self.number)[0]
            self._hold_out("best-of", decoding, exemplars, reader.evaluated)
            stage = counts.stages["best-of"]
            counts.scorings["ranking"] = Scoring(stage.attempts, self.prompt, stage.texts.completion)
            counts.rows_bytes += stage.attempts * SCORE

    def note_assumed(self) -> None:
        """What was taken for granted, of all that may be."""
        has, samples = self.counts.stages, self.recipe.decoding.samples
        used = {
            "solved": "attempts" in has and self.recipe.selection.accept == "correct",
            "rationalized": "rationalizations" in has,
            "taught": "attempts" in has and samples > 1,
            "pairs": self.assumed.pairs is not None and trains_verifier(self.recipe, self.number),
        }
        known = {name: getattr(self.assumed, name) for name, is_used in used.items() if is_used}
        self.counts.assumed = {"completion": self.completion} | known | self.new.assumed

    def _sample(self, name: str, prompts: float, samples: int, hinted: bool = False, rounds: int = 1) -> None:
        """So many problems of the pool, in each of `rounds`; hinted ones have an answer that is known."""
        exemplars = samples_with_exemplars(self.recipe, self.number, hinted)
        texts = self.reader.texts(hinted, exemplars, self.completion)
        if written := self.new.known + (0 if hinted else self.new.voted):
            others = self.reader.new_problems(voted_on=False)
            of_new = self.reader.texts(hinted, exemplars, self.completion, others)
            texts = texts.mixed(of_new, written / (self.given + written))
        self._add(name, Sampling(texts, rounds * prompts, samples, rounds * self._calls(prompts)))

    def _hold_out(self, name: str, decoding: Decoding, exemplars: bool, prompts: float) -> None:
        problems, limit = self.reader.held_out, decoding.max_new_tokens
        length = min(self.assumed.completion or self.reader.completion(problems, exemplars, limit), limit)
        texts = self.reader.texts(False, exemplars, length, problems)
        self._add(name, Sampling(texts, prompts, decoding.samples, self._calls(prompts)))

    def _add(self, name: str, stage: Sampling) -> None:
        self.counts.stages[name] = stage
        self.counts.rows_bytes += stage.attempts * self.row

    def _calls(self, prompts: float) -> int:
        return math.ceil(prompts / self.recipe.sampler.wave)


def _tried(recipe: Recipe, given: float, new: Drafted, assumed: Assumed) -> Tried:
    """The problems of an iteration. Answers that were voted on are no more than their share, and no hint to give."""
    known = given + new.known
    share = recipe.max_voted_share or 0.0
    pool = known + min(new.voted, share / (1 - share) * known)
    count = min(pool, recipe.problems_per_iteration or pool)
    if recipe.curriculum.kind == "grow":  # which makes as many as it is asked for
        count = known = pool = recipe.problems_per_iteration
    known_tried = count * known / pool
    failed = known_tried * (1 - assumed.solved) * recipe.rationalization.probability
    return Tried(known_tried, count - known_tried, pool, failed)
