"""The stage that votes: several answers of the current model to each problem whose answer nobody knows.

A row of `votes.jsonl` is a problem: `id`, `question`, `again` (whether it was voted on before), `prompt`, `model` and
the `samples`, each with `text`, `answer` (the final answer in it, if there is one), `steps_wrong` (steps of its working
that are certainly wrong), `vote`, `seed`, `num_tokens` and `finish_reason`. `vote` is the answer that it counts for, in
the words of the first that the verifier takes for the same, if it has a vote; `stated` is that of the answer which came
with the problem, if one did. Which answers are the same is decided here and nowhere else: to ask again might end
otherwise, where a comparison can run out of time. New problems come first, in the order of `written.jsonl`.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from star.clock import spent
from star.recipe import Recipe
from star.records import Completion, Problem, Prompt, derive_seed
from star.synthesize.base import Writer
from star.synthesize.pool import NO_AGREEMENT, Member, count, up_again, vote_again, winner
from star.synthesize.written import drafted
from star.verify import Verifier

CONTRADICTED = "contradicted"
"""The model gave an answer with the problem, and the vote is for another one."""

Rows = Iterable[dict[str, Any]]


class Ballot(NamedTuple):
    """A problem to vote on.

    Attributes:
        known: the answers that have votes already.
        stated: the answer that the model wrote with it, if it did.
    """

    problem: Problem
    known: tuple[str, ...] = ()
    stated: str | None = None


class Answers:
    """Answers to one problem, of which those are one that mean the same or that the verifier takes for equal.

    Args:
        known: those that came before.
    """

    def __init__(self, verifier: Verifier, problem: Problem, known: Iterable[str] = ()):
        self.verifier, self.problem = verifier, problem
        self._first: dict[Hashable, str] = {verifier.meaning(answer, problem): answer for answer in known}

    def first(self, answer: str) -> str:
        """The first answer that is the same as this one: itself if none came before. Never raises on any text."""
        meaning = self.verifier.meaning(answer, self.problem)
        if meaning not in self._first:
            others = dict.fromkeys(self._first.values())
            same = (one for one in others if self.verifier.agree([one, answer], self.problem))
            self._first[meaning] = next(same, answer)
        return self._first[meaning]

    def vote(self, answer: str | None) -> str | None:
        """What a sample with this answer votes for; nothing where it has none, or one that cannot be an answer."""
        if answer is None or self.verifier.check_gold(replace(self.problem, answer=answer)) is not None:
            return None
        return self.first(answer)


def ballots(written: Rows, past: Iterable[Member], writer: Writer, recipe: Recipe, number: int) -> Iterator[Ballot]:
    """The problems that iteration `number` votes on: new ones whose answer is not computed, then some of the pool."""
    for draft, problem in drafted(written, writer, number):
        if needs_vote(draft, recipe):
            yield Ballot(replace(problem, answer="", answer_source=writer.voted), stated=draft["answer"])
    for member in up_again(past, recipe.synthesize.vote.again, derive_seed(recipe.seed, number, "vote again")):
        yield Ballot(member.problem, tuple(member.tally))


def needs_vote(draft: dict[str, Any], recipe: Recipe) -> bool:
    """Whether the answer of a draft is voted on: code does not know it, or is not asked."""
    return draft["computed"] is None or recipe.synthesize.answers == "consensus"


def vote_row(
    ballot: Ballot, prompt: Prompt, completions: Collection[Completion], writer: Writer, recipe: Recipe
) -> dict[str, Any]:
    """What the model answers to one problem."""
    problem, task = ballot.problem, writer.task
    with spent("verifying"):
        answers = Answers(task.verifier, problem, ballot.known)
        samples = [_sample(one, problem, answers, writer, recipe) for one in completions]
        return {
            "id": problem.id,
            "question": problem.question,
            "again": problem.answer != "",
            "prompt": prompt.text,
            "model": next(iter(completions)).model,
            "stated": None if ballot.stated is None else answers.first(ballot.stated),
            "samples": samples,
        }


def _sample(
    completion: Completion, problem: Problem, answers: Answers, writer: Writer, recipe: Recipe
) -> dict[str, Any]:
    answer = writer.task.final_answer(problem, completion.text)
    steps_wrong = len(writer.task.steps(problem, completion.text).wrong)
    has_vote = not (steps_wrong and recipe.synthesize.vote.require_sound_steps)
    return {
        **{name: getattr(completion, name) for name in ("text", "seed", "num_tokens", "finish_reason")},
        "answer": answer,
        "steps_wrong": steps_wrong,
        "vote": answers.vote(answer) if has_vote else None,
    }


def voted_pool(
    past: Iterable[Member], written: Rows, votes: Rows, writer: Writer, recipe: Recipe, number: int
) -> Iterator[Member]:
    """The pool after iteration `number`: what it was, voted on again, and what is new in it."""
    threshold = recipe.synthesize.vote.threshold
    again = {row["id"]: _votes(row) for row in votes if row["again"]}
    for member in past:
        more = again.get(member.problem.id)
        yield member if more is None else vote_again(member, more, threshold, number)
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
        yield _elected(replace(member, truth=draft["computed"]), row, writer, recipe)


def _elected(member: Member, row: dict[str, Any], writer: Writer, recipe: Recipe) -> tuple[Member, str]:
    """A new problem with the answer that the vote gives it, or why it has none."""
    votes = _votes(row)
    tally = count(votes, {})
    answer = winner(tally, len(votes), recipe.synthesize.vote.threshold)
    polled = replace(member, tally=tally, votes=len(votes), voted=member.written)
    if answer is None:
        return polled, NO_AGREEMENT
    if row["stated"] not in (None, answer):
        return polled, CONTRADICTED
    source = writer.voted
    problem = replace(member.problem, answer=answer, answer_source=source, group=f"new, {source}")
    return replace(polled, problem=problem), ""


def _votes(row: dict[str, Any]) -> list[str | None]:
    """What each sample votes for, if it has a vote."""
    return [sample["vote"] for sample in row["samples"]]
