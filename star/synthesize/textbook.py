"""The model writes lessons with exercises, after rationales that were verified, on a topic and for an audience.

    A lesson:
    Lesson: Tom has 3 apples and buys 4 more. How many has he? He has 3 + 4 = 7 apples.
    Exercise: Ann has 12 pens and gives away 5. How many are left?
    Working: There are 12 - 5 = 7 pens left.
    Answer: 7

    A lesson about prices, paying and change for a cook:
    Lesson:

What stands above the last line are problems with their rationales, put in the form of a lesson, and problems with their
answers, in that of an exercise.
After Textbooks Are All You Need (Gunasekar et al. 2023, https://arxiv.org/abs/2306.11644, section 2.2): what makes
texts of one prompt diverse is a topic and an audience drawn at random. What ties them to something real here is what
they are shown, rationales that the iteration before was trained on, and that the numbers of a lesson are checked
(`lesson.py`). Its exercise becomes a problem as any other that a model writes does.
"""

from __future__ import annotations

import heapq
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import chain
from typing import Any, NamedTuple

from star.errors import UserError
from star.overlap import Protected
from star.recipe import Audit, Decoding, TextbookSynthesis
from star.records import LESSON, AttemptId, Example, Problem, Prompt, derive_seed
from star.synthesize.base import Asked, Draft, Sources, Writer
from star.synthesize.labelled import labelled
from star.synthesize.lesson import FORM, lesson_fault, parse_lesson
from star.synthesize.template import fill
from star.verify import check_steps

SEEDS = 1000
"""Rationales of the iteration before that prompts are drawn from."""
LESSONS = 2
"""Lessons that a prompt shows, where there is room. With 6 and 12, SmolLM2 wrote no more that was kept."""
TITLE = "A lesson"
_SENTENCE_END = re.compile(r"(?<=[.?!])\s|\n")


class Seed(NamedTuple):
    """A problem with a verified rationale; `source` is the id of the attempt, or that of the exemplar."""

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
        stop = [f"\n{TITLE}"] if self.prompts.settings.chat else ["\n\n", f"\n{TITLE}"]
        return self.settings.decoding.model_copy(update={"stop": stop})

    def check(self, train: Sequence[Problem], protected: Protected, audit: Audit) -> list[str]:
        """See `Writer.check`."""
        self.require_questions()
        if not self.prompts.exemplars:
            raise UserError(
                "synthesize.kind = 'textbook': the first iteration has no rationale of its own to begin with; it needs "
                "prompt.exemplars (prompt.sample_with: never keeps them out of other prompts)"
            )
        longest = max(self._exemplars(), key=lambda seed: len(seed.rationale))
        wish = self._wish(max(self.settings.topics, key=len), max(self.settings.audiences, key=len))
        self.require_room(self._render([longest, longest], wish), f"the exemplar {longest.problem.id}")
        return []

    def ask(self, id: str, seed: int, sources: Sources) -> Asked:
        rng = random.Random(seed)
        topic, audience = rng.choice(self.settings.topics), rng.choice(self.settings.audiences)
        seeds = self._seeds_of(sources)
        shown = rng.sample(seeds, min(2 * LESSONS, len(seeds)))
        while len(shown) > 2 and not self.fits(self._render(shown, self._wish(topic, audience))):
            shown.pop()
        if not self.fits(self._render(shown, self._wish(topic, audience))):
            shown = self._exemplars()[:2]
        meta = {"topic": topic, "audience": audience, "rationales": [one.source for one in shown]}
        parents = tuple(one.problem.id for one in shown)
        return Asked(Prompt(id, self._render(shown, self._wish(topic, audience))), parents, meta)

    def read(self, asked: Asked, text: str, is_cut_off: bool) -> list[Draft]:
        lesson = None if is_cut_off else parse_lesson(text)
        if lesson is None:
            return [Draft(" ".join(text.split()), rejected="cut_off" if is_cut_off else "ill_formed")]
        copied = "not_new" if lesson.exercise in asked.prompt.text else ""
        return [Draft(lesson.exercise, lesson.answer, copied, {"working": lesson.working})]

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
                reason = reason or "protected" * self._is_protected(lesson.text, protected)
                reason = reason or "duplicate" * (digest in seen or lesson.text in row["prompt"])
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

    def _is_protected(self, text: str, protected: Protected) -> bool:
        """Whether a lesson overlaps held-out or protected text, asks such a problem in a few sentences, or works it."""
        if protected.hit(text) or self.task.works_held_out(text):
            return True
        return any(
            protected.hit_by(Problem("", self.task.name, asked, "")) or self.task.why_not(asked) == "protected"
            for asked in _sentences(text)
        )

    def _training_prompt(self, meta: dict[str, str]) -> tuple[str, str]:
        """How a lesson is asked for in training, and what stands between that and the lesson."""
        wish = fill("lesson", topic=meta["topic"], audience=meta["audience"])
        if self.prompts.settings.chat:
            return self.prompts.request(wish), ""
        return f"{wish}\n\n{FORM[0]}:", " "

    def _wish(self, topic: str, audience: str) -> str:
        return f"{TITLE} about {topic} for {audience}:"

    def _render(self, shown: Sequence[Seed], wish: str) -> str:
        """The prompt: the first seeds as lessons, `LESSONS` at most, each with one of the others as its exercise."""
        half = max(1, len(shown) // 2)
        lessons = [
            self._shown(lesson, shown[(half + place) % len(shown)]) for place, lesson in enumerate(shown[:LESSONS])
        ]
        text = "\n\n".join([fill("textbook"), *lessons, wish])
        return self.prompts.request(text) if self.prompts.settings.chat else f"{text}\n{FORM[0]}:"

    def _shown(self, lesson: Seed, exercise: Seed) -> str:
        asked, answer = exercise.problem.question, exercise.problem.answer
        parts = (f"{lesson.problem.question} {self._working(lesson)}", asked, self._working(exercise), answer)
        return f"{TITLE}:\n{labelled(zip(FORM, parts, strict=True))}"

    def _working(self, seed: Seed) -> str:
        """A rationale without its final answer, which is not stated apart in a lesson."""
        try:
            return self.task.extractor.without(seed.rationale).strip()
        except TimeoutError:
            return seed.rationale.strip()

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


def _sentences(text: str) -> Iterator[str]:
    """The sentences of a text, and each two and three that follow each other: a question may have more than one."""
    parts = [part.strip() for part in _SENTENCE_END.split(text) if part.strip()]
    return (" ".join(parts[at : at + size]) for size in (1, 2, 3) for at in range(len(parts) - size + 1))


def _is_rationale(example: Example) -> bool:
    """Whether an example is an attempt at a problem whose answer is known, and not only voted on."""
    try:
        AttemptId.parse(example.attempt_id)
    except ValueError:
        return False
    return example.answer_source != "consensus"
