"""What the other processes of a run do: sample the waves and train along with the first one, which keeps everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from star.console import silence
from star.custom import NOTHING, Own
from star.errors import UserError
from star.files import Rows, file_sha256
from star.models import choose_device, resolve_checkpoint, set_threads
from star.opening import OPEN
from star.processes import Place, follow
from star.ranker import SCORE, TRAIN, Score, Texts
from star.recipe import Recipe, recipe_hash
from star.records import Example, Pair
from star.request import SAMPLE, Request
from star.rollout import WAVE, Wave
from star.sample import open_sampler
from star.session import FINE_TUNE
from star.store import Checkpoints
from star.store.run import RUN
from star.train import Likelihood, train_lora, train_verifier


def help_with(recipe: Recipe, place: Place, own: Own = NOTHING) -> None:
    """Do what the first process says until the run ends. Prints nothing: what goes wrong here is told there.

    Args:
        own: what the user brings; the same as in the first process.
    """
    follower = Follower(recipe, own)
    handlers = {
        OPEN: follower.open,
        WAVE: follower.attempt,
        SAMPLE: follower.sample,
        SCORE: follower.score,
        FINE_TUNE: follower.fine_tune,
        TRAIN: follower.train_verifier,
    }
    with silence():
        follow(place, choose_device(recipe.model).type == "cpu", handlers)


class Follower:
    """The parts of a run that several processes work on, in one that is not the first."""

    def __init__(self, recipe: Recipe, own: Own):
        self.recipe, self.own = recipe, own

    def open(self, folder: str, tokens: int, run: str, model: str, recipe: str) -> None:
        """Prepare to work on the run in `folder`, with `tokens` in flight.

        Args:
            run, model, recipe: hashes of `run.json`, base model and recipe, as the first process has them.

        Raises:
            UserError: this process does not see what the first one sees.
        """
        record = Path(folder) / RUN
        if not record.is_file() or file_sha256(record) != run:
            raise UserError(f"{folder} is not there, or another one; give --runs a folder that all machines share")
        if recipe_hash(self.recipe) != recipe:
            raise UserError("it was started with another recipe than the first one: give all the same command")
        set_threads(self.recipe.model)
        self.task = self.own.task_of(self.recipe)
        self.checkpoint = resolve_checkpoint(self.recipe, self.task)
        if self.checkpoint.fingerprint() != model:
            raise UserError(
                f"its base model, {self.checkpoint.name}, is not that of the first one; share the model's folder, "
                "or STAR_CACHE for a starter or a GGUF file, or give a commit as model.revision"
            )
        self.sampler = self.own.sampler or open_sampler(self.recipe, self.checkpoint, tokens, Path(folder))
        self.likelihood = Likelihood(self.recipe, self.checkpoint)

    def attempt(self, **wave: Any) -> list[dict[str, Any]]:
        """Sample and verify a wave."""
        self.likelihood.release()
        return [attempt.to_dict() for attempt in Wave.from_dict(wave).attempt(self.task, self.sampler)]

    def sample(self, **request: Any) -> list[dict[str, Any]]:
        """Sample what nobody verifies yet."""
        self.likelihood.release()
        return Request.from_dict(request).sample(self.sampler)

    def fine_tune(self, rows: str, number: int, previous: str | None, checkpoints: str) -> None:
        """Take part in fine-tuning."""
        self.sampler.release()
        self.likelihood.release()
        examples = Rows(Path(rows), Example)
        train_lora(
            self.recipe,
            self.checkpoint,
            examples,
            number,
            Path(rows).parent,
            previous and Path(previous),
            Checkpoints(Path(checkpoints)),
        )

    def score(self, **texts: Any) -> list[dict[str, Any]]:
        """Score a wave of texts."""
        self.sampler.release()
        return Texts.from_dict(texts).score(self.likelihood)

    def train_verifier(self, pairs: str, reference: str, number: int, adapter: str, checkpoints: str) -> None:
        """Take part in training the verifier."""
        self.sampler.release()
        self.likelihood.release()
        train_verifier(
            self.recipe,
            self.checkpoint,
            Rows(Path(pairs), Pair),
            (row.log_likelihood for row in Rows(Path(reference), Score)),
            number,
            Path(adapter),
            Path(pairs).parent,
            Checkpoints(Path(checkpoints)),
        )
