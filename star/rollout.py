"""Prompts -> sampler -> judge -> attempts, a wave at a time, each wave saved before the next one starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from star.clock import spent
from star.console import progress
from star.errors import UserError
from star.interrupt import whole
from star.processes import World
from star.records import Attempt, Completion, Problem, Prompt, Verdict
from star.request import Request
from star.sample import Sampler
from star.store import Journal
from star.tasks import Task

WAVE = "wave"
"""What the processes of a run call `Wave.attempt`."""


@dataclass(frozen=True)
class Wave(Request):
    """Problems that are attempted together, one for each prompt, and all that decides what comes of it."""

    problems: Sequence[Problem] = ()

    def to_dict(self) -> dict[str, Any]:
        return super().to_dict() | {"problems": [problem.to_dict() for problem in self.problems]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Wave:
        return cls(**vars(Request.from_dict(data)), problems=[Problem.from_dict(row) for row in data["problems"]])

    def attempt(self, task: Task, sampler: Sampler) -> list[Attempt]:
        """Sample and verify what the wave asks for."""
        by_id = {problem.id: problem for problem in self.problems}
        asked = {prompt.problem_id: prompt for prompt in self.prompts}
        with spent("sampling"):
            sampler.use(self.adapter, self.model)
            completions = sampler.sample(self.prompts, self.decoding, self.seed)
        answered = [by_id[completion.problem_id] for completion in completions]
        with spent("verifying"):
            verdicts = task.judge_all([(p, c.text) for p, c in zip(answered, completions, strict=True)])
            return [
                _attempt(task, problem, asked[problem.id], completion, verdict)
                for problem, completion, verdict in zip(answered, completions, verdicts, strict=True)
            ]


def rollout(
    problems: Sequence[Problem],
    wave_of: Callable[[Sequence[Problem]], Wave],
    *,
    task: Task,
    sampler: Sampler,
    world: World,
    samples: int,
    wave: int,
    journal: Journal,
    label: str,
) -> None:
    """Attempt every problem and append the attempts to `journal`, in the order of the problems.

    A journal that already holds waves is continued after them. A signal waits for the end of the wave.

    Args:
        wave_of: makes the wave of some problems.
        world: whose processes share the waves.
        samples: completions of each problem.
        wave: problems that are sampled before results are saved: what is in memory at once, for each process.
        label: what the progress bar says.
    """
    done = journal.count // samples
    accepted = sum(map(_is_right, journal.rows()))
    waves = (wave_of(problems[start : start + wave]) for start in range(done, len(problems), wave))
    attempts = world.share(WAVE, waves, partial(Wave.attempt, task=task, sampler=sampler))
    with progress(label, len(problems), done) as advance:
        for start in range(done, len(problems), wave):
            with whole():
                rows = next(attempts)
                with spent("writing"):
                    journal.append(rows)
                accepted += sum(map(_is_right, rows))
                stop = min(start + wave, len(problems))
                advance(stop - start, f"{accepted}/{stop * samples} correct")


def _is_right(row: Attempt | dict[str, Any]) -> bool:
    """Of an attempt of this process, or a row: what another process sends, or a journal has."""
    return row.verdict.accepted if isinstance(row, Attempt) else row["verdict"]["status"] == "correct"


def _attempt(task: Task, problem: Problem, prompt: Prompt, completion: Completion, verdict: Verdict) -> Attempt:
    steps = task.steps(problem, completion.text)
    if not isinstance(verdict.answer, str | None):  # a verifier of the user's own
        raise UserError(
            f"the verifier gives {verdict.answer!r} as the answer of an attempt at {problem.id}; "
            "the answer of a verdict is a text, or None"
        )
    return Attempt(problem, prompt, completion, verdict, steps.checked, len(steps.wrong))
