"""How likely the model solves a problem, as far as its attempts so far tell.

Most problems were tried a few times or never, so what is known of one is drawn towards what is known of its group, and
that towards what is known of all: the mean of a beta posterior whose prior is centred on the level above (Gelman et al.
2013, Bayesian Data Analysis, chapter 5; for all problems together, Laplace's rule of succession).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest
from typing import NamedTuple

from star.history import ProblemHistory
from star.records import Problem


class Tally(NamedTuple):
    """Attempts, and those of them that solve the problem."""

    tried: int
    solved: int


NOTHING = Tally(0, 0)


@dataclass(frozen=True)
class Estimates:
    """Success at each problem, strictly between 0 and 1.

    Attributes:
        prior: attempts that what is known of the level above counts for.
        all: success at all problems together.
        groups: success at the problems of each group that was tried.
        tallies: of each problem that was tried.
    """

    prior: float
    all: float
    groups: dict[str, float]
    tallies: dict[str, Tally]

    def of(self, problem: Problem) -> float:
        """The success to expect of the next attempt at a problem."""
        expected = self.groups.get(problem.group, self.all)
        return posterior_mean(self.tallies.get(problem.id, NOTHING), expected, self.prior)


def estimate(now: Iterable[ProblemHistory], before: Iterable[ProblemHistory], prior: float) -> Estimates:
    """Success at each problem, by the attempts that are in `now` and were not in `before`.

    Args:
        now, before: histories of the same problems in the same order; those that are new come last in `now`.
    """
    tallies: dict[str, Tally] = {}
    kept: dict[Tally, Tally] = {}  # there are few different ones, however many problems have them
    tried: Counter[str] = Counter()
    solved: Counter[str] = Counter()
    for after, earlier in zip_longest(now, before):
        known = Tally(earlier.tried, earlier.solved) if earlier else NOTHING
        tally = Tally(after.tried - known.tried, after.solved - known.solved)
        if tally.tried:
            tallies[after.id] = kept.setdefault(tally, tally)
            tried[after.group] += tally.tried
            solved[after.group] += tally.solved
    everything = posterior_mean(Tally(tried.total(), solved.total()), 0.5, 2)
    groups = {group: posterior_mean(Tally(tried[group], solved[group]), everything, prior) for group in tried}
    return Estimates(prior, everything, groups, tallies)


def posterior_mean(tally: Tally, expected: float, prior: float) -> float:
    """Of a success rate whose prior is Beta(prior * expected, prior * (1 - expected)).

    >>> posterior_mean(Tally(2, 1), 0.5, 2), posterior_mean(NOTHING, 0.3, 2)
    (0.5, 0.3)
    """
    return (tally.solved + prior * expected) / (tally.tried + prior)
