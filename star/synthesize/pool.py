"""The pool: all problems that the model wrote and that were accepted, with what their answers stand on.

An answer that was voted on stands on all votes so far, of every model that was asked, each as good as any other. The
last vote alone would not do: a model that was trained on an answer agrees with it, right or wrong, so its vote says
less than those of the models before it. A later model can still overturn an answer, by outvoting them: two models that
each agree with themselves on another answer retire a problem, and a third one decides.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from star.recipe import Recipe
from star.records import Problem, derive_seed
from star.spool import Chosen, Spool
from star.vote import most_beside

NO_AGREEMENT = "no_agreement"
"""Why a problem is retired, or not let into the pool: too small a share of the votes gives one answer."""


@dataclass(frozen=True, slots=True)
class Member:
    """A problem of the pool.

    Attributes:
        problem: with the answer as it stands now.
        written: the iteration that wrote it.
        similarity: ROUGE-L with the nearest problem that was there before it.
        tally: votes so far by answer, each in the words in which it came first; empty if the answer was not voted on.
        votes: completions so far that were asked, those without an answer included.
        voted: the last iteration that voted.
        overturned: the last iteration whose vote gave it another answer; 0 if none did.
        retired: why it is not used; empty while it stands. Later votes may reinstate it.
        changed: the last iteration that overturned, retired or reinstated it; 0 if none did.
        truth: the answer that code computes, where the answer was voted on all the same. It decides nothing.
    """

    problem: Problem
    written: int
    similarity: float
    tally: Mapping[str, int] = field(default_factory=dict)
    votes: int = 0
    voted: int = 0
    overturned: int = 0
    retired: str = ""
    changed: int = 0
    truth: str | None = None

    @property
    def agreement(self) -> float | None:
        """The share of all votes so far that gives its answer; `None` if it was not voted on."""
        return self.tally[self.problem.answer] / self.votes if self.votes else None

    def to_dict(self) -> dict[str, Any]:
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {**fields, "problem": self.problem.to_dict(), "agreement": self.agreement}


def count(votes: Iterable[str | None], before: Mapping[str, int]) -> dict[str, int]:
    """A tally with more votes in it; `None` is none. What votes for one answer reads the same (`votes.py`)."""
    tally = dict(before)
    for vote in votes:
        if vote is not None:
            tally[vote] = tally.get(vote, 0) + 1
    return tally


def winner(tally: Mapping[str, int], votes: int, threshold: float) -> str | None:
    """The answer that at least `threshold` of `votes` give, more than half; `None` if there is none."""
    most = max(tally, key=tally.__getitem__, default=None)
    return most if most is not None and tally[most] / votes >= threshold else None


def vote_again(member: Member, more: Collection[str | None], threshold: float, number: int) -> Member:
    """What a member becomes when iteration `number` votes on it: it stands, with the same answer or with another one,
    or it is retired."""
    tally = count(more, member.tally)
    votes = member.votes + len(more)
    voted = replace(member, tally=tally, votes=votes, voted=number)
    answer = winner(tally, votes, threshold)
    if answer is None:
        return voted if member.retired else replace(voted, retired=NO_AGREEMENT, changed=number)
    if answer == member.problem.answer:
        return replace(voted, retired="", changed=number) if member.retired else voted
    problem = replace(member.problem, answer=answer)
    return replace(voted, problem=problem, overturned=number, retired="", changed=number)


def up_again(members: Iterable[Member], most: int, seed: int) -> list[Member]:
    """Those to vote on again, at most so many: problems that stand on votes, then retired ones; of each, those that
    waited longest first."""

    def turn(member: Member) -> tuple[bool, int, int]:
        return member.retired != "", member.voted, derive_seed(seed, member.problem.id)

    return heapq.nsmallest(most, (member for member in members if member.problem.is_voted), key=turn)


def standing(members: Iterable[Member]) -> Sequence[Problem]:
    """The problems that are not retired."""
    return Spool(member.problem for member in members if not member.retired)


def within_share(problems: Sequence[Problem], recipe: Recipe, number: int) -> Sequence[Problem]:
    """The `problems` of iteration `number`, without those consensus problems that are more than the recipe's share.

    Which of them go is drawn at random; the others keep their order.
    """
    share = recipe.max_voted_share
    if share is None:
        return problems
    voted = [place for place, problem in enumerate(problems) if problem.is_voted]
    most = most_beside(len(problems) - len(voted), share)
    if len(voted) <= most:
        return problems
    rng = random.Random(derive_seed(recipe.seed, number, "consensus problems"))
    gone = set(rng.sample(voted, len(voted) - most))
    return Chosen(problems, (place for place in range(len(problems)) if place not in gone))
