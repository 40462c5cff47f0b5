"""The model writes lessons with exercises, from a rationale that was verified, on a topic and for an audience.

After Textbooks Are All You Need (Gunasekar et al. 2023, https://arxiv.org/abs/2306.11644, section 2.2): what makes
texts of one prompt diverse is a topic and an audience drawn at random. What ties them to something real here is the
seed, a rationale that the iteration before was trained on, and that the numbers of a lesson are checked (`lesson.py`).
Its exercise becomes a problem as any other that a model writes does.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import chain
from typing import Any, NamedTuple

from star.errors import UserError
from star.overlap import Protected
from star.recipe import Audit, Decoding, TextbookSynthesis
from star.records import LESSON, AttemptId, Example, Problem, Prompt, derive_seed
from star.synthesize.base import Asked, Draft, Sources, Writer
from star.synthesize.lesson import LABELS, lesson_fault, parse_lesson
from star.synthesize.template import fill
from star.verify import check_steps

SEEDS = 1000
"""Rationales of the iteration before that prompts are drawn from."""


class Seed(NamedTuple):
    """A problem and a verified rationale; `source` is the id of the attempt, or that of the exemplar."""

    problem: Problem
    rationale: str
    source: str


class Textbook(Writer):
    """See the top of this file."""

    settings: TextbookSynthesis
    teaches = True
    _seeds: tuple[Any, Sequence[Seed]] = (None, ())

    @property
    def decoding(self) -> Decoding:
        if self.settings.decoding.stop is not None:
            return self.settings.decoding
        return self.settings.decoding.model_copy(update={"stop": ["\n\nLesson:", "\n\nHere is"]})

    def check(self, train: Sequence[Problem], protected: Protected, audit: Audit) -> list[str]:
        """See `Writer.check`."""
        self.require_questions()
        if not self.prompts.exemplars:
            raise UserError(
                "synthesize.kind = 'textbook': the first iteration has no rationale of its own to begin with; it needs "
                "prompt.exemplars (prompt.sample_with: never keeps them out of other prompts)"
            )
        longest = max(self._exemplars(), key=lambda seed: len(seed.rationale))
        topic, audience = (max(words, key=len) for words in (self.settings.topics, self.settings.audiences))
        self.require_room(self._render(longest, topic, audience), f"the exemplar {longest.problem.id}")
        return []

    def ask(self, id: str, seed: int, sources: Sources) -> Asked:
        rng = random.Random(seed)
        topic, audience = rng.choice(self.settings.topics), rng.choice(self.settings.audiences)
        seeds = list(self._seeds_of(sources))
        rng.shuffle(seeds)
        fitting = (one for one in seeds if self.fits(self._render(one, topic, audience)))
        chosen = next(fitting, None) or self._exemplars()[0]
        meta = {"topic": topic, "audience": audience, "rationale": chosen.source}
        return Asked(Prompt(id, self._render(chosen, topic, audience)), (chosen.problem.id,), meta)

    def read(self, asked: Asked, text: str, is_cut_off: bool) -> list[Draft]:
        lesson = None if is_cut_off else parse_lesson(text)
        if lesson is None:
            return [Draft(" ".join(text.split()), rejected="cut_off" if is_cut_off else "ill_formed")]
        return [Draft(lesson.exercise, lesson.answer)]

    def lessons(self, written: Iterable[dict[str, Any]], protected: Protected) -> Iterator[dict[str, Any]]:
        """See `Writer.lessons`."""
        seen: set[bytes] = set()
        for row in written:
            is_cut_off = row["finish_reason"] == "length"
            lesson = None if is_cut_off else parse_lesson(row["text"])
            reason = "cut_off" if is_cut_off else "ill_formed" if lesson is None else ""
            if lesson is not None:
                digest = blake2b(lesson.text.encode(), digest_size=16).digest()
                reason = lesson_fault(lesson.text, row["prompt"])
                reason = reason or "protected" * protected.hits(lesson.text) or "duplicate" * (digest in seen)
                seen.add(digest)
            prompt, before = self._training_prompt(row["meta"])
            yield {
                "id": f"{LESSON}{row['id']}",
                **row["meta"],
                "model": row["model"],
                "reason": reason,
                "prompt": prompt,
                "target": f"{before}{lesson.text}" if lesson and not reason else None,
            }

    def _training_prompt(self, meta: dict[str, str]) -> tuple[str, str]:
        """How a lesson is asked for in training, and what stands between that and the lesson."""
        wish = fill("lesson", topic=meta["topic"], audience=meta["audience"])
        if self.prompts.settings.chat:
            return self.prompts.request(wish), ""
        return f"{wish}\n\n{LABELS[0]}:", " "

    def _render(self, seed: Seed, topic: str, audience: str) -> str:
        question = self.task.question(seed.problem, hinted=False)
        example = question + self.prompts.exemplar_target(seed.problem, seed.rationale.strip())
        text = fill("textbook", example=example, topic=topic, audience=audience)
        return self.prompts.request(text) if self.prompts.settings.chat else f"{text}\n\n{LABELS[0]}:"

    def _exemplars(self) -> list[Seed]:
        return [Seed(problem, rationale, problem.id) for problem, rationale in self.prompts.exemplars]

    def _seeds_of(self, sources: Sources) -> Sequence[Seed]:
        """Rationales of the iteration before, `SEEDS` of them at most, drawn by their ids; exemplars if there are none.

        Found once for all prompts of an iteration.
        """
        if self._seeds[0] is not sources:
            self._seeds = sources, _drawn(sources) or self._exemplars()
        return self._seeds[1]


def _drawn(sources: Sources) -> list[Seed]:
    """In the order of the problems."""
    sound = (one for one in sources.trained if _is_rationale(one) and not check_steps(one.target).wrong)
    chosen = heapq.nsmallest(SEEDS, sound, key=lambda one: derive_seed("lesson seed", one.attempt_id))
    of_problem = {AttemptId.parse(example.attempt_id).problem: example for example in chosen}
    return [
        Seed(problem, example.target, example.attempt_id)
        for problem in chain(sources.train, sources.pool)
        if (example := of_problem.get(problem.id)) is not None
    ]


def _is_rationale(example: Example) -> bool:
    """Whether an example is an attempt at a problem whose answer is known, and not only voted on."""
    try:
        AttemptId.parse(example.attempt_id)
    except ValueError:
        return False
    return example.answer_source != "consensus"
