"""The learned verifier of a run: pairs -> what the reference says of them -> a verifier -> how it ranks candidates.

A candidate's rank is its likelihood under the verifier (V-STaR, Hosseini et al. 2024, https://arxiv.org/abs/2402.06457,
section 3). Texts are scored a wave at a time, each wave saved before the next one starts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from star.clock import spent
from star.console import console, progress
from star.files import Rows
from star.interrupt import whole
from star.models import Checkpoint
from star.overlap import AreProtected
from star.pairs import pairs
from star.processes import World
from star.prompts import PromptBuilder
from star.recipe import Recipe
from star.records import Attempt, Pair
from star.store import Iteration, Journal, Store
from star.train import Likelihood, train_verifier

SCORE, TRAIN = "score", "train verifier"
"""What the processes of a run call `Texts.score` and the training."""
VERIFIER = "verifier"
"""The stage with the verifier's adapter."""


@dataclass(frozen=True)
class Texts:
    """Targets behind their prompts, whose likelihoods are asked for together.

    Attributes:
        ids: of the attempts that they are from.
        adapter: of the model that is asked.
    """

    ids: Sequence[str]
    texts: Sequence[tuple[str, str]]
    adapter: Path

    def to_dict(self) -> dict[str, Any]:
        return {"ids": self.ids, "texts": self.texts, "adapter": str(self.adapter.absolute())}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Texts:
        return cls(data["ids"], [tuple(text) for text in data["texts"]], Path(data["adapter"]))

    def score(self, likelihood: Likelihood) -> list[dict[str, Any]]:
        """The log-likelihoods, as rows."""
        with spent("verifying"):
            found = likelihood.of(self.texts, self.adapter)
        return [{"attempt_id": id, "log_likelihood": one} for id, one in zip(self.ids, found, strict=True)]


@dataclass(frozen=True)
class Score:
    """How likely the verifier finds what an attempt wrote (see `Likelihood.of`)."""

    attempt_id: str
    log_likelihood: float | None


class Ranker:
    """The learned verifier of a run, and its stages.

    Args:
        prompts: how problems become training prompts.
        world: the processes that share the work.
    """

    def __init__(self, recipe: Recipe, checkpoint: Checkpoint, prompts: PromptBuilder, world: World):
        self.recipe, self.checkpoint, self.prompts, self.world = recipe, checkpoint, prompts, world
        self.likelihood = Likelihood(recipe, checkpoint)

    def is_due(self, number: int) -> bool:
        """Whether iteration `number` trains a verifier, if it has pairs to learn from."""
        settings = self.recipe.verifier
        return settings is not None and number > 0 and settings.is_due(number, self.recipe.iterations)

    def train(self, iteration: Iteration, store: Store, are_protected: AreProtected) -> None:
        """Stages: draw pairs, score them with the iteration's own model, and train the verifier; without pairs, say so.

        Args:
            store: the run, for the attempts of earlier iterations.
            are_protected: which texts must not be trained on.

        Raises:
            UserError: the loss is no longer a number, or all pairs are too long.
        """
        number, adapter = iteration.number, store.adapter(iteration.number)

        def draw(journal: Journal) -> None:
            found = pairs(self._attempts(iteration, store), self.prompts, self.recipe, number, are_protected)
            journal.clear()
            journal.append(found)

        drawn = iteration.rows("pairs", draw, Pair)
        if next(iter(drawn), None) is None:
            console.print(
                f"note: iteration {number} trains no verifier: no problem has a right attempt and a wrong one",
                markup=False,
            )
            return
        sides = (side for pair in drawn for side in _sides(pair))
        reference = self._score(iteration, "pairs-reference", sides, 2 * len(drawn), adapter)
        checkpoints = iteration.checkpoints(VERIFIER)
        arguments = {
            "pairs": str(drawn.path.absolute()),
            "reference": str(reference.path.absolute()),
            "number": number,
            "adapter": str(adapter.absolute()),
            "checkpoints": str(checkpoints.folder.absolute()),
        }
        scores = (row.log_likelihood for row in reference)
        train = partial(train_verifier, self.recipe, self.checkpoint, drawn, scores, number, adapter)

        def together(folder: Path) -> None:
            self.world.everywhere(TRAIN, arguments, partial(train, folder, checkpoints=checkpoints))

        with spent("fine-tuning"):
            iteration.directory(VERIFIER, together)

    def verifier(self, iteration: Iteration) -> Path | None:
        """The adapter of the verifier that an iteration at work has trained, if it has."""
        folder = iteration.folder / VERIFIER
        return folder if folder.is_dir() else None

    def rank(
        self, iteration: Iteration, stage: str, attempts: Rows[Attempt], verifier: Path
    ) -> Iterator[tuple[Attempt, float | None]]:
        """Stage: score attempts; returns each with its log-likelihood under this verifier (see `Likelihood.of`)."""
        asked = (
            (a.id, self.prompts.training_prompt(a.problem), self.prompts.training_target(a.completion.text))
            for a in attempts
        )
        scores = self._score(iteration, stage, asked, len(attempts), verifier)
        return zip(attempts, (row.log_likelihood for row in scores), strict=True)

    def _attempts(self, iteration: Iteration, store: Store) -> list[Path]:
        """The plain attempts that the verifier of an iteration learns from: its own and earlier ones."""
        last = self.recipe.verifier.iterations
        first = 1 if last == "all" else max(1, iteration.number - last + 1)
        earlier = (store.rows(number, "attempts", Attempt) for number in range(first, iteration.number))
        there = (rows.path for rows in earlier if isinstance(rows, Rows))  # a fork may begin with what sampled nothing
        return [*there, iteration.folder / "attempts.jsonl"]

    def _score(
        self, iteration: Iteration, stage: str, texts: Iterable[tuple[str, str, str]], count: int, adapter: Path
    ) -> Rows[Score]:
        """Stage: the log-likelihood of each text, which is an attempt's id, a prompt and a target."""
        size = self.recipe.sampler.wave

        def produce(journal: Journal) -> None:
            left, done = islice(texts, journal.count, None), journal.count
            parts = iter(lambda: list(islice(left, size)), [])
            waves = (Texts([id for id, *_ in part], [tuple(text) for _, *text in part], adapter) for part in parts)
            scored = self.world.share(SCORE, waves, partial(Texts.score, likelihood=self.likelihood))
            with progress(f"iteration {iteration.number}: {stage}", count, done) as advance:
                while done < count:
                    with whole():
                        rows = next(scored)
                        with spent("writing"):
                            journal.append(rows)
                        done += len(rows)
                        advance(len(rows), "")
            self.likelihood.release()  # there may be no room for two models

        return iteration.rows(stage, produce, Score)


def _sides(pair: Pair) -> Iterator[tuple[str, str, str]]:
    yield pair.chosen_id, pair.prompt, pair.chosen
    yield pair.rejected_id, pair.prompt, pair.rejected
