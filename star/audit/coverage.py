"""Which training problems the loop reaches: ever solved, newly solved, forgotten; and which it trains on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest

from star.history import ProblemHistory, difficulty
from star.records import VOTED_GROUP

Counts = Counter[str]
"""`tried`: problems that this iteration tried, `solved` of them; `ever`: solved by this one or before, of `known`;
`before`: of those tried, solved when last tried before; `new`: solved for the first time; `forgotten`: of `before`."""


@dataclass
class Coverage:
    """Counts of problems, in all and by group and difficulty; ids of the newly solved and the forgotten.

    Those whose answer was voted on are counted as a group, and nowhere else.
    """

    all: Counts = field(default_factory=Counter)
    by_group: dict[str, Counts] = field(default_factory=lambda: defaultdict(Counter))
    by_difficulty: dict[str, Counts] = field(default_factory=lambda: defaultdict(Counter))
    new: set[str] = field(default_factory=set)
    forgotten: set[str] = field(default_factory=set)

    def signals(self) -> dict[str, float | None]:
        """`ever_solved`, `newly_solved` and `forgotten`, an example's forgetting event as in Toneva et al. 2019
        (https://arxiv.org/abs/1812.05159, section 3): solved when last tried, and not now."""
        counts = self.all
        return {
            "ever_solved": counts["ever"] / counts["known"] if counts["known"] else None,
            "newly_solved": counts["new"],
            "forgotten": counts["forgotten"] / counts["before"] if counts["before"] else None,
        }


def coverage(past: Iterable[ProblemHistory], now: Iterable[ProblemHistory], number: int) -> Coverage:
    """What iteration `number` did to the problems, from their histories before and after it.

    Args:
        past, now: the same problems in the same order; those that are new come last in `now`.
    """
    found = Coverage()
    for before, after in zip_longest(past, now):
        counts = _counts(before, after, number)
        found.by_group[after.group] += counts
        if after.group == VOTED_GROUP:  # to agree with a vote is not to solve
            continue
        found.all += counts
        found.by_difficulty[difficulty(before)] += counts
        if counts["new"]:
            found.new.add(after.id)
        if counts["forgotten"]:
            found.forgotten.add(after.id)
    return found


def _counts(before: ProblemHistory | None, after: ProblemHistory, number: int) -> Counts:
    tried = after.last == number
    solved_before = tried and before is not None and before.solved_last
    return Counter(
        known=1,
        tried=tried,
        solved=tried and after.solved_last,
        ever=after.first_solved is not None,
        before=solved_before,
        new=after.first_solved == number,
        forgotten=solved_before and not after.solved_last,
    )


def easiest_decile(examples_of: Mapping[str, int], now: Iterable[ProblemHistory], number: int) -> float | None:
    """The share of an iteration's examples that come from the tenth of its problems with the highest success so far;
    0.1 if they come from all alike, and `None` without examples. Self-training drifts to easy problems (Xu et al. 2024,
    https://arxiv.org/abs/2407.13690, section 2).

    Of problems that are equally easy at the border of the tenth, each counts in part: what a draw among them gives on
    average.

    Args:
        examples_of: how many examples each problem gives.
        now: histories, those of this iteration's problems among them.
    """
    problems: Counter[float] = Counter()
    examples: Counter[float] = Counter()
    for row in now:
        if row.last == number:
            success = row.solved / row.tried
            problems[success] += 1
            examples[success] += examples_of.get(row.id, 0)
    if not (total := examples.total()):
        return None
    room, found = problems.total() / 10, 0.0
    for success in sorted(problems, reverse=True):
        taken = min(1.0, room / problems[success])
        found += taken * examples[success]
        room -= taken * problems[success]
        if taken < 1:
            break
    return found / total
