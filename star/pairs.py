"""Pairs of a right and a wrong attempt at the same problem: what a verifier learns from.

V-STaR takes all pairs of all iterations (Hosseini et al. 2024, https://arxiv.org/abs/2402.06457, section 3); here at
most so many of each problem, drawn at random. Of the attempts, an address and a digest are kept in memory, no text.
"""

from __future__ import annotations

import hashlib
import json
import random
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from star.overlap import AreProtected
from star.prompts import PromptBuilder
from star.recipe import Recipe
from star.records import Attempt, Pair, derive_seed
from star.select import solves

WRONG = ("wrong", "no_answer")
"""Verdicts of what a verifier learns to reject; of an attempt that could not be verified nothing is known."""


class _Candidates:
    """The distinct targets of one problem that are right, or wrong: of each, a digest, its file and its place there."""

    __slots__ = ("digests", "files", "places")

    def __init__(self) -> None:
        self.digests, self.files, self.places = array("Q"), array("L"), array("Q")

    def add(self, target: str, file: int, place: int) -> None:
        digest = int.from_bytes(hashlib.blake2b(target.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
        if digest not in self.digests:
            self.digests.append(digest)
            self.files.append(file)
            self.places.append(place)

    def __len__(self) -> int:
        return len(self.digests)


def pairs(
    files: Sequence[Path], prompts: PromptBuilder, recipe: Recipe, number: int, are_protected: AreProtected
) -> Iterator[Pair]:
    """The pairs of iteration `number`, problem by problem.

    Right is what solves its problem and came to an end. Targets that read the same count once.

    Args:
        files: the plain attempts of the iterations that are learned from (`attempts.jsonl`), the earliest first.
        are_protected: which targets must not be trained on, right or wrong.
    """
    most = recipe.verifier.pairs_per_problem
    with ExitStack() as stack:
        opened = [stack.enter_context(path.open("rb")) for path in files]
        for id, (right, wrong) in _candidates(opened, prompts, recipe, are_protected).items():
            count = len(right) * len(wrong)
            rng = random.Random(derive_seed(recipe.seed, number, "pairs", id))
            for drawn in sorted(rng.sample(range(count), count if most is None else min(most, count))):
                yield _pair(
                    _read(opened, right, drawn // len(wrong)), _read(opened, wrong, drawn % len(wrong)), prompts
                )


def _candidates(
    files: Sequence[BinaryIO], prompts: PromptBuilder, recipe: Recipe, are_protected: AreProtected
) -> dict[str, tuple[_Candidates, _Candidates]]:
    """The right and the wrong targets of each problem."""
    found: dict[str, tuple[_Candidates, _Candidates]] = defaultdict(lambda: (_Candidates(), _Candidates()))
    for number, file in enumerate(files):
        place = 0
        for line in file:
            attempt = _attempt(line)
            right, wrong = found[attempt.problem.id]
            target = prompts.training_target(attempt.completion.text)
            if attempt.problem.is_voted or are_protected([target])[0]:  # of voted answers nobody knows which are right
                pass
            elif solves(attempt, recipe) and attempt.completion.finish_reason != "length":
                right.add(target, number, place)
            elif attempt.verdict.status in WRONG:
                wrong.add(target, number, place)
            place += len(line)
    return found


def _pair(right: Attempt, wrong: Attempt, prompts: PromptBuilder) -> Pair:
    targets = (prompts.training_target(attempt.completion.text) for attempt in (right, wrong))
    return Pair(prompts.training_prompt(right.problem), *targets, right.id, wrong.id)


def _read(files: Sequence[BinaryIO], candidates: _Candidates, index: int) -> Attempt:
    file = files[candidates.files[index]]
    file.seek(candidates.places[index])
    return _attempt(file.readline())


def _attempt(line: bytes) -> Attempt:
    return Attempt.from_dict(json.loads(line))
