"""The model asks questions about passages of documents, and answers them from the passage.

    Question: How many hens do they have together?
    Working: 12 + 30 = 42
    Answer: 42

An answer must be in the passage (`grounding.py`), and the model must find it again: given the passage and the question,
most of several samples must give the same (`votes.py`). So nothing is learned that the document does not say.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from star.errors import Complaints, UserError
from star.overlap import Protected
from star.recipe import Audit, Decoding, ReshapeSynthesis
from star.records import Problem, Prompt
from star.spool import Spool
from star.synthesize.base import BARE, Asked, Draft, Sources, Writer
from star.synthesize.documents import Passage, passages
from star.synthesize.grounding import is_computed, is_span
from star.synthesize.labelled import parse_labelled
from star.synthesize.template import fill

FORM = ("Question", "Working", "Answer")
"""The parts of a completion, in order; the working may be missing."""


class Reshape(Writer):
    """See the top of this file."""

    settings: ReshapeSynthesis
    voted = "document"

    @property
    def decoding(self) -> Decoding:
        if self.settings.decoding.stop is not None:
            return self.settings.decoding
        stop = ["\nPassage:"] if self.prompts.settings.chat else ["\n\n", "\nPassage:"]
        return self.settings.decoding.model_copy(update={"stop": stop})

    def check(self, train: Sequence[Problem], protected: Protected, audit: Audit) -> list[str]:
        """See `Writer.check`. Passages that overlap what is protected are an error, or left out; those that do not fit
        the model's context are left out."""
        self.require_questions()
        shortest: Passage | None = None
        clean, removed, too_long = Spool((), Passage), Complaints(), Complaints()
        for name in self.settings.documents:
            for passage in passages(Path(name), self.settings.passage_words, self.settings.text_key):
                if hit := protected.hit(passage.text):
                    removed.add(f"{passage.place} {hit}")
                elif not self.fits(self._render(passage)):
                    too_long.add(passage.place)
                    shortest = min(shortest or passage, passage, key=lambda one: len(self._render(one)))
                else:
                    clean.append(passage)
        if removed.count and (audit.contamination == "refuse" or not (clean or shortest)):
            remedy = "leave them out with audit.contamination=remove" if clean else "give others"
            raise UserError(
                f"synthesize.documents: {removed.count} passages overlap held-out or protected problems:\n  {removed}\n"
                f"take them out of the documents, or {remedy}"
            )
        if shortest and not clean:
            self.require_room(self._render(shortest), f"the passage {shortest.place}, the shortest,")
        self.passages = clean
        left_out = (
            (removed, "because they overlap held-out or protected problems"),
            (too_long, "because a prompt with them leaves no room in the model's context for "
             f"synthesize.decoding.max_new_tokens {self.decoding.max_new_tokens} (synthesize.passage_words)"),
        )  # fmt: skip
        return [
            f"{some.count} passages of synthesize.documents are left out, {why}; the first: {some.first[0]}"
            for some, why in left_out
            if some.count
        ]

    def ask(self, id: str, seed: int, sources: Sources) -> Asked:
        passage = self.passages[random.Random(seed).randrange(len(self.passages))]
        return Asked(Prompt(id, self._render(passage)), (passage.place,), passage._asdict())

    def read(self, asked: Asked, text: str, is_cut_off: bool) -> list[Draft]:
        parts = parse_labelled(text, FORM, optional="Working")
        if is_cut_off or not parts:
            return [Draft(" ".join(text.split()), rejected="cut_off" if is_cut_off else "ill_formed")]
        question, working, answer = (parts[label] for label in FORM)
        passage = asked.meta["text"]
        grounds = "span" if is_span(answer, passage, self.settings.answer_words) else ""
        grounds = grounds or ("computed" if is_computed(answer, working, passage) else "")
        meta = {"grounds": grounds, "working": working}
        return [Draft(" ".join(question.split()), answer, "" if grounds else "not_in_document", meta)]

    def posed(self, problem: Problem) -> Problem:
        return _with_passage(problem) if self.settings.with_passage else problem

    def ballot(self, problem: Problem) -> Problem:
        return problem if self.settings.with_passage else _with_passage(problem)

    def _render(self, passage: Passage) -> str:
        text = fill("reshape", passage=f"{passage.title}. {passage.text}" if passage.title else passage.text)
        return self.prompts.request(text) if self.prompts.settings.chat else f"{text}\nQuestion:"


def _with_passage(problem: Problem) -> Problem:
    """The problem with the passage before its question, which `meta` keeps as it was."""
    asked = problem.question
    return replace(problem, question=f"{problem.meta['text']}\n\n{asked}", meta={**problem.meta, BARE: asked})
