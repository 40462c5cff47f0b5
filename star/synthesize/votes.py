"""The stage that votes: several answers of the current model to each problem whose answer nobody knows.

A row of `votes.jsonl` is a problem: `id`, `question`, `again` (whether it was voted on before), `prompt`, `model` and
the `samples`, each with `text`, `answer` (the final answer in it, if there is one), `steps_wrong` (steps of its working
that are certainly wrong), `seed`, `num_tokens` and `finish_reason`. New problems come first, in the order of
`written.jsonl`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any

from star.clock import spent
from star.recipe import Recipe
from star.records import Completion, Problem, Prompt, derive_seed
from star.synthesize.base import Writer
from star.synthesize.pool import NO_AGREEMENT, Member, count, up_again, vote_again, winner
from star.synthesize.written import drafted

CONTRADICTED = "contradicted"
"""The model gave an answer with the problem, and the vote is for another one."""

Rows = Iterable[dict[str, Any]]


def ballots(written: Rows, past: Iterable[Member], writer: Writer, recipe: Recipe, number: int) -> Iterator[Problem]:
    """The problems that iteration `number` votes on: new ones whose answer is not computed, then some of the pool."""
    for draft, problem in drafted(written, writer, number):
        if needs_vote(draft, recipe):
            yield replace(problem, answer="", answer_source=writer.voted)
    yield from up_again(past, recipe.synthesize.vote.again, derive_seed(recipe.seed, number, "vote again"))


def needs_vote(draft: dict[str, Any], recipe: Recipe) -> bool:
    """Whether the answer of a draft is voted on: code does not know it, or is not asked."""
    return draft["computed"] is None or recipe.synthesize.answers == "consensus"


def vote_row(problem: Problem, prompt: Prompt, completions: Collection[Completion], writer: Writer) -> dict[str, Any]:
    """What the model answers to one problem."""
    kept, task = ("text", "seed", "num_tokens", "finish_reason"), writer.task
    with spent("verifying"):
        return {
            "id": problem.id,
            "question": problem.question,
            "again": problem.answer != "",
            "prompt": prompt.text,
            "model": next(iter(completions)).model,
            "samples": [
                {
                    **{name: getattr(one, name) for name in kept},
                    "answer": task.final_answer(problem, one.text),
                    "steps_wrong": len(task.steps(problem, one.text).wrong),
                }
                for one in completions
            ],
        }


def voted_pool(
    past: Iterable[Member], written: Rows, votes: Rows, writer: Writer, recipe: Recipe, number: int
) -> Iterator[Member]:
    """The pool after iteration `number`: what it was, voted on again, and what is new in it."""
    threshold = recipe.synthesize.vote.threshold
    again = {row["id"]: _answers(row, recipe) for row in votes if row["again"]}
    for member in past:
        answers = again.get(member.problem.id)
        yield member if answers is None else vote_again(member, answers, writer.task, threshold, number)
    for member, reason in new_members(written, votes, writer, recipe, number):
        if not reason:
            yield member


def new_members(
    written: Rows, votes: Rows, writer: Writer, recipe: Recipe, number: int
) -> Iterator[tuple[Member, str]]:
    """Each draft that goes on as a member, and why it is not let into the pool: `no_agreement`, `contradicted` or
    nothing."""
    polled = iter(votes)
    for draft, problem in drafted(written, writer, number):
        member = Member(problem, number, draft["similarity"] or 0.0)
        if not needs_vote(draft, recipe):
            yield member, ""
            continue
        row = next(polled)
        assert row["id"] == problem.id, f"{row['id']}: voted on, but out of order"
        yield _elected(member, draft, _answers(row, recipe), writer, recipe)


def _elected(
    member: Member, draft: dict[str, Any], answers: list[str | None], writer: Writer, recipe: Recipe
) -> tuple[Member, str]:
    """A new problem with the answer that the vote gives it, or why it has none."""
    task, stated = writer.task, draft["answer"]
    tally = count(answers, {}, task, member.problem)
    answer = winner(tally, len(answers), recipe.synthesize.vote.threshold)
    polled = replace(member, tally=tally, votes=len(answers), voted=member.written, truth=draft["computed"])
    if answer is None:
        return polled, NO_AGREEMENT
    verifier = task.verifier
    if stated is not None and verifier.meaning(stated, member.problem) != verifier.meaning(answer, member.problem):
        return polled, CONTRADICTED
    source = writer.voted
    problem = replace(member.problem, answer=answer, answer_source=source, group=f"new, {source}")
    return replace(polled, problem=problem), ""


def _answers(row: dict[str, Any], recipe: Recipe) -> list[str | None]:
    """What each sample votes for, if it has a vote."""
    strict = recipe.synthesize.vote.require_sound_steps
    return [None if strict and sample["steps_wrong"] else sample["answer"] for sample in row["samples"]]
