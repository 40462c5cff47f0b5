"""The data sets of reasoning-gym (https://github.com/open-thought/reasoning-gym), generated, with scoring of our own.

The final answer is what stands between `<answer>` and `</answer>`; text with two different ones has none, and so has
text that ends before the closing tag. Several lines are one answer: many are grids.

Its `score_answer` would run the text of a model in most data sets, so answers are compared by our verifiers. Where
only reasoning-gym can tell which answers are right, it does so in a guarded worker (`notice`). Where it gives no ground
truth either, one is computed (`solutions.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from operator import itemgetter
from typing import Any

from star.errors import UserError
from star.recipe import ReasoningGymTask
from star.records import Problem, derive_seed
from star.tasks.base import Task
from star.tasks.gym_entries import entries, not_installed
from star.tasks.gym_scoring import COMPOSITE, build_verifier, find_asked, find_members
from star.tasks.solutions import boxnet, rush_hour
from star.verify import Extractor
from star.verify.text import normalise

GOLD: dict[str, Callable[[dict[str, Any]], Any]] = {
    "boxnet": boxnet,
    "graph_color": itemgetter("possible_answer"),
    "propositional_logic": itemgetter("example_answer"),
    "rubiks_cube": itemgetter("example_correct_answer"),
    "rush_hour": rush_hour,
}
"""A right answer from the metadata, for the data sets whose entries have no `answer`."""
FEWEST = 100
"""Entries that are generated at a time, at least."""
USEFUL = 100
"""Generating goes on while one entry in this many has a new question."""


class ReasoningGym(Task):
    """One data set of reasoning-gym, or a composite of several.

    Attributes:
        notice: what a user should know about how answers are scored; empty if there is nothing to say.

    Raises:
        UserError: reasoning-gym is not installed, or has no such data set, or it is refused, or its options are.
    """

    name = "reasoning_gym"
    takes_questions = False
    plain = "Question: {question}\nThink step by step, then give the final answer as <answer>...</answer>.\nAnswer:"
    hinted = (
        "Question: {question}\nThe right answer is <answer>{answer}</answer>. Think step by step how to get there, "
        "then give it as <answer>...</answer>.\nAnswer:"
    )
    direct = "<answer>{answer}</answer>"
    stop = ("\nQuestion:",)

    def __init__(self, settings: ReasoningGymTask):
        self.settings, self.skipped = settings, []
        self.extractor = Extractor(r"(?s)<answer>((?:(?!</?answer>).)*+)</answer>")
        members = find_members(settings)
        try:
            self.verifier = build_verifier(members, settings)
        except PackageNotFoundError:
            raise not_installed() from None
        asked = ", ".join(find_asked(members))
        self.notice = f"answers of {asked} are scored by reasoning-gym itself, in a worker" if asked else ""
        self._drawn: dict[str, list[Problem]] = {}

    def problems(self, split: str) -> list[Problem]:
        if split not in self._drawn:
            count = self.settings.train if split == "train" else self.settings.held_out
            seen = set() if split == "train" else {normalise(p.question) for p in self.problems("train")}
            self._drawn[split] = self._draw(split, count, seen)
        return self._drawn[split]

    def _draw(self, split: str, count: int, seen: set[str]) -> list[Problem]:
        """The first `count` problems with new questions; `seen` are not new, and it is added to."""
        problems: list[Problem] = []
        turn, size = 0, max(count, FEWEST)
        while True:
            before = len(problems)
            seed = derive_seed(self.settings.seed, self.settings.data_set, split, turn) % 2**32
            for index, entry in enumerate(entries(self.settings.data_set, self.settings.options, seed, size)):
                id = f"{self.settings.data_set}-{split}-{len(problems):06d}"
                problem = self._problem(entry, id, f"seed={seed}:{index}")
                if (question := normalise(problem.question)) in seen or not self._is_verifiable(problem):
                    continue
                seen.add(question)
                problems.append(problem)
                if len(problems) == count:
                    return problems
            turn += 1
            if (len(problems) - before) * USEFUL < size:
                raise UserError(
                    f"task.{split} = {count}: {self.settings.data_set} has about {len(problems)} different questions "
                    f"to offer{' beside those of train' * (split != 'train')}; ask for fewer, or set task.options"
                )

    def _is_verifiable(self, problem: Problem) -> bool:
        """Whether there is a ground truth, and the verifier takes it for right."""
        verdict = self.verifier.verify(problem.answer, problem)
        if "metadata" in problem.meta and verdict.status in ("error", "timeout"):
            raise UserError(
                f"{problem.source}: reasoning-gym cannot score its own answer {problem.answer[:80]!r}: "
                f"{verdict.detail}; change task.options, or give a worker more than "
                f"task.timeout={self.settings.timeout:g} s and task.memory={self.settings.memory} MiB"
            )
        if verdict.accepted and problem.answer:
            return True
        self.skipped.append(f"{problem.source}: the ground truth {problem.answer[:80]!r} is not verified as right")
        return False

    def _problem(self, entry: dict[str, Any], id: str, place: str) -> Problem:
        metadata, is_member = entry["metadata"], self.settings.data_set == COMPOSITE
        name = metadata["source_dataset"] if is_member else self.settings.data_set
        answer = entry["answer"] if entry["answer"] is not None else GOLD[name](metadata)
        meta = {"data_set": name} if is_member else {}
        return Problem(
            id=id,
            task=self.name,
            question=entry["question"].strip(),
            answer=(answer if isinstance(answer, str) else json.dumps(answer)).strip(),
            source=f"{self.name}:{COMPOSITE}:{name}:{place}" if is_member else f"{self.name}:{name}:{place}",
            answer_source="computed",
            group=name if is_member else _group(metadata.get("difficulty")),
            meta={**meta, "metadata": metadata} if find_asked([name]) else meta,
        )


def _group(difficulty: Any) -> str:
    """By difficulty, where that is a number of its own; most data sets only repeat their options there."""
    is_number = isinstance(difficulty, (int, float)) and not isinstance(difficulty, bool)
    return f"difficulty {difficulty:g}" if is_number else "all"
