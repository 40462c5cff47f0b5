"""Prompts -> sampler -> judge -> attempts, a wave at a time, each wave saved before the next one starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from star.clock import spent
from star.console import progress
from star.interrupt import whole
from star.recipe import Decoding
from star.records import Attempt, Completion, Problem, Prompt, Verdict
from star.sample import Sampler
from star.store import Journal
from star.tasks import Task


def rollout(
    problems: Sequence[Problem],
    render: Callable[[Sequence[Problem]], list[Prompt]],
    *,
    task: Task,
    sampler: Sampler,
    decoding: Decoding,
    seed: int,
    wave: int,
    journal: Journal,
    label: str,
) -> None:
    """Attempt every problem and append the attempts to `journal`, in the order of the problems.

    A journal that already holds waves is continued after them. A signal waits for the end of the wave.

    Args:
        render: makes the prompts of a wave's problems, in their order.
        decoding: with stop strings resolved.
        seed: of this stage; each completion's own seed derives from it.
        wave: problems whose prompts are made and sampled before results are saved: what is in memory at once.
        label: what the progress bar says.
    """
    done = journal.count // decoding.samples
    accepted = sum(row["verdict"]["status"] == "correct" for row in journal.rows())
    with progress(label, len(problems), done) as advance:
        for start in range(done, len(problems), wave):
            part = problems[start : start + wave]
            with whole():
                attempts = _attempt_all(part, render(part), task, sampler, decoding, seed)
                with spent("writing"):
                    journal.append(attempt.to_dict() for attempt in attempts)
                accepted += sum(attempt.verdict.accepted for attempt in attempts)
                sampled = (start + len(part)) * decoding.samples
                advance(len(part), f"{accepted}/{sampled} correct")


def _attempt_all(
    problems: Sequence[Problem],
    prompts: Sequence[Prompt],
    task: Task,
    sampler: Sampler,
    decoding: Decoding,
    seed: int,
) -> list[Attempt]:
    """Sample and verify what a wave asks for."""
    by_id = {problem.id: problem for problem in problems}
    asked = {prompt.problem_id: prompt for prompt in prompts}
    with spent("sampling"):
        completions = sampler.sample(prompts, decoding, seed)
    answered = [by_id[completion.problem_id] for completion in completions]
    with spent("verifying"):
        verdicts = task.judge_all([(p, c.text) for p, c in zip(answered, completions, strict=True)])
        return [
            _attempt(task, problem, asked[problem.id], completion, verdict)
            for problem, completion, verdict in zip(answered, completions, verdicts, strict=True)
        ]


def _attempt(task: Task, problem: Problem, prompt: Prompt, completion: Completion, verdict: Verdict) -> Attempt:
    steps = task.steps(problem, completion.text)
    return Attempt(problem, prompt, completion, verdict, steps.checked, len(steps.wrong))
