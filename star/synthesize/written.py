"""The stage that writes: prompts -> completions -> drafts, and what becomes of each draft before its answer is sought.

A row of `written.jsonl` is a completion: `id`, `prompt`, `parents` and `meta` (see `Asked`), `text`, `seed`, `model`,
`num_tokens`, `finish_reason`, and its `drafts`. A draft has `id`, `question`, `answer` (where the model was to
give one), `meta`, `reason` (one of `REASONS`; empty if it goes on), `nearest` and `similarity` (the problem most like
it, by ROUGE-L; only of those that came so far) and `computed` (the answer, where code knows it).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from star.models import encode_prompt
from star.overlap import Protected
from star.prompts import samples_with_exemplars
from star.recipe import Recipe
from star.records import WRITTEN, Completion, Problem, derive_seed
from star.synthesize.base import Asked, Draft, Sources, Writer
from star.synthesize.novelty import Index, Nearest

LONGEST_WORD = 40
"""Characters of a word, about, at most: a question has no more than so many for each word that it may have."""


class Reader:
    """What becomes of drafts, one after the other: what is accepted makes the next one less new.

    Args:
        given: the index of the training problems.
        pool: the index of the problems written by earlier iterations; what is accepted is added to it.
    """

    def __init__(self, recipe: Recipe, writer: Writer, protected: Protected, given: Index, pool: Index):
        self.recipe, self.writer, self.task, self.settings = recipe, writer, writer.task, writer.settings
        self.protected, self.given, self.pool = protected, given, pool
        self.written = self.kept = 0

    def resume(self, rows: Iterable[dict[str, Any]]) -> None:
        """Take up what was journaled before."""
        for row in rows:
            for draft in row["drafts"]:
                self._count(draft["id"], draft["question"], draft["reason"])

    def row(self, asked: Asked, completion: Completion) -> dict[str, Any]:
        """A completion as a row, with the fate of each of its drafts."""
        id = f"{completion.problem_id}/{completion.sample_index}"
        drafts = self.writer.read(asked, completion.text, completion.finish_reason == "length")
        return {
            "id": id,
            "prompt": asked.prompt.text,
            "parents": list(asked.parents),
            "meta": dict(asked.meta),
            **{name: getattr(completion, name) for name in ("text", "seed", "model", "num_tokens", "finish_reason")},
            "drafts": [self._fate(f"{id}/{place}", draft, asked.meta) for place, draft in enumerate(drafts)],
        }

    def _fate(self, id: str, draft: Draft, meta: Mapping[str, Any]) -> dict[str, Any]:
        reason, nearest = draft.rejected or self._why_not(draft, meta), Nearest()
        if not reason:
            nearest = max(self.given.nearest(draft.question), self.pool.nearest(draft.question), key=_similarity)
            reason = "not_new" if nearest.similarity > self.settings.max_similarity else ""
        computed = None if reason else self.task.compute(draft.question)
        if computed is not None and draft.answer is not None and self.settings.answers == "computed":
            stated = Problem(id, self.task.name, draft.question, computed)
            reason = "" if self.task.verifier.verify(draft.answer, stated).accepted else "contradicted"
        self._count(id, draft.question, reason)
        return {
            "id": id,
            "question": draft.question,
            "answer": draft.answer,
            "meta": draft.meta,
            "reason": reason,
            "nearest": nearest.id or None,
            "similarity": nearest.similarity if nearest.id else None,
            "computed": computed,
        }

    def _why_not(self, draft: Draft, meta: Mapping[str, Any]) -> str:
        """What is wrong with a question by itself: one of `REASONS`, or nothing."""
        question, longest = draft.question, self.settings.max_words
        if len(question) > longest * LONGEST_WORD:
            return "too_long"
        if reason := self.task.why_not(question):
            return reason
        words = len(question.split())
        if words < (self.settings.min_words or self.task.fewest_words):
            return "too_short"
        answer = self.task.compute(question) or draft.answer or ""
        problem = Problem("", self.task.name, question, answer, meta={**meta, **draft.meta})
        if words > longest or not (self._has_room(problem) and self.writer.can_show(problem)):
            return "too_long"
        return "protected" if self.protected.hit_by(problem) else ""

    def _has_room(self, problem: Problem) -> bool:
        """Whether the longest prompt for a problem leaves room for a completion in the model's context."""
        prompts, context = self.writer.prompts, self.writer.context
        if context is None:
            return True
        shown = self.writer.ballot(self.writer.posed(problem))
        [prompt] = prompts.prompts([shown], True, samples_with_exemplars(self.recipe, 1, hinted=True))
        tokens = len(encode_prompt(prompts.tokenizer, prompt.text, self.recipe.prompt.chat))
        return tokens + self.recipe.decoding.max_new_tokens <= context

    def _count(self, id: str, question: str, reason: str) -> None:
        self.written += 1
        if not reason:
            self.kept += 1
            self.pool.add(id, question)


def ask(recipe: Recipe, writer: Writer, number: int, place: int, sources: Sources) -> Asked:
    """One of the prompts of iteration `number`."""
    id = f"{WRITTEN}/{number:03d}/{place:05d}"
    return writer.ask(id, derive_seed(recipe.seed, "prompt", id), sources)


def drafted(rows: Iterable[dict[str, Any]], writer: Writer, number: int) -> Iterator[tuple[dict[str, Any], Problem]]:
    """The drafts that go on, each with the problem it would be: with the answer that code computes, if it does."""
    for line, row in enumerate(rows, 1):
        for draft in row["drafts"]:
            if not draft["reason"]:
                problem = Problem(
                    id=draft["id"],
                    task=writer.task.name,
                    question=draft["question"],
                    answer=draft["computed"] or "",
                    source=f"iterations/{number:03d}/written.jsonl:{line}",
                    answer_source="computed",
                    parents=tuple(row["parents"]),
                    group="new, computed",
                    meta={**row["meta"], **draft["meta"]},
                )
                yield draft, writer.posed(problem)


def _similarity(nearest: Nearest) -> float:
    return nearest.similarity
