"""Problems of several kinds in one task, each verified by what its kind needs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence

from star.records import Problem, Verdict
from star.verify.base import Verifier
from star.verify.reasoning_gym import LinesVerifier


class CompositeVerifier(Verifier):
    """Asks the verifier of the data set that a problem is from, its `meta["data_set"]`.

    Where there is none, as in an exemplar, the text must be the same.

    Args:
        members: the verifier of each data set; several may share one.
    """

    def __init__(self, members: Mapping[str, Verifier]):
        self.members, self.text = dict(members), LinesVerifier()
        self.version = "; ".join(f"{name}: {verifier.version}" for name, verifier in self.members.items())

    def check_gold(self, problem: Problem) -> str | None:
        return self._of(problem).check_gold(problem)

    def canonical(self, answer: str, problem: Problem) -> Hashable | None:
        return self._of(problem).canonical(answer, problem)

    def agree(self, answers: Sequence[str], problem: Problem) -> bool:
        return self._of(problem).agree(answers, problem)

    def verify(self, answer: str, problem: Problem) -> Verdict:
        return self._of(problem).verify(answer, problem)

    def verify_all(self, pairs: Sequence[tuple[str, Problem]]) -> list[Verdict]:
        places: dict[Verifier, list[int]] = defaultdict(list)
        for place, (_, problem) in enumerate(pairs):
            places[self._of(problem)].append(place)
        verdicts: dict[int, Verdict] = {}
        for verifier, own in places.items():
            verdicts |= zip(own, verifier.verify_all([pairs[place] for place in own]), strict=True)
        return [verdicts[place] for place in range(len(pairs))]

    def _of(self, problem: Problem) -> Verifier:
        return self.members[problem.meta["data_set"]] if "data_set" in problem.meta else self.text
