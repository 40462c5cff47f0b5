"""Prompts whose completions nobody verifies yet: sampled a wave at a time, shared among the processes of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from star.clock import spent
from star.console import progress
from star.interrupt import whole
from star.processes import World
from star.recipe import Decoding
from star.records import ChatText, Completion, Prompt
from star.sample import Sampler
from star.store import Journal

SAMPLE = "sample"
"""What the processes of a run call `Request.sample`."""


@dataclass(frozen=True)
class Request:
    """Prompts that are completed together, and all that decides what comes of it.

    Attributes:
        decoding: with stop strings resolved.
        seed: of the stage; each completion's own seed derives from it.
        adapter, model: which weights, and what completions call them; see `Sampler.use`.
    """

    prompts: Sequence[Prompt]
    decoding: Decoding
    seed: int
    adapter: Path | None
    model: str

    def to_dict(self) -> dict[str, Any]:
        return {
            "prompts": [_to_row(prompt) for prompt in self.prompts],
            "decoding": self.decoding.model_dump(mode="json"),
            "seed": self.seed,
            "adapter": self.adapter and str(self.adapter.absolute()),
            "model": self.model,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Request:
        return cls(
            [_from_row(*prompt) for prompt in data["prompts"]],
            Decoding(**data["decoding"]),
            data["seed"],
            data["adapter"] and Path(data["adapter"]),
            data["model"],
        )

    def sample(self, sampler: Sampler) -> list[dict[str, Any]]:
        """The completions, as rows."""
        with spent("sampling"):
            sampler.use(self.adapter, self.model)
            rows = [asdict(completion) for completion in sampler.sample(self.prompts, self.decoding, self.seed)]
        for row in rows:  # halves of surrogate pairs are no text
            row["text"] = row["text"].encode("utf-8", "replace").decode()
        return rows


def sample_in_waves(
    total: int,
    request_of: Callable[[int, int], Request],
    rows_of: Callable[[int, list[Completion]], Iterable[dict[str, Any]]],
    *,
    done: int,
    wave: int,
    sampler: Sampler,
    world: World,
    journal: Journal,
    label: str,
    says: Callable[[], str],
) -> None:
    """Complete `total` prompts, or those that are not `done`, and append rows about them to `journal` after each wave.

    Args:
        request_of: the request of the prompts from one place up to another.
        rows_of: what is written of those from a place on; called in order, after the request was made.
        wave: prompts that are sampled before results are saved.
        label, says: what the progress bar says before and behind its numbers.
    """
    starts = range(done, total, wave)
    requests = (request_of(start, min(start + wave, total)) for start in starts)
    answers = world.share(SAMPLE, requests, partial(Request.sample, sampler=sampler))
    with progress(label, total, done) as advance:
        for start in starts:
            stop = min(start + wave, total)
            with whole():
                completions = [Completion(**row) for row in next(answers)]
                rows = list(rows_of(start, completions))
                with spent("writing"):
                    journal.append(rows)
                advance(stop - start, says())


def _to_row(prompt: Prompt) -> tuple[str, str, bool, Sequence[tuple[str, str]]]:
    """A prompt as JSON can say it, with the turns of a chat."""
    return prompt.problem_id, prompt.text, prompt.hinted, getattr(prompt.text, "turns", ())


def _from_row(problem_id: str, text: str, hinted: bool, turns: Sequence[tuple[str, str]]) -> Prompt:
    """The prompt of such a row."""
    return Prompt(problem_id, ChatText(text, tuple(map(tuple, turns))) if turns else text, hinted)
