"""New problems in an iteration: `written.jsonl`, `votes.jsonl`, `pool.jsonl` and `synthesis.json`.

written.jsonl   prompts, completions, and the fate of each draft (`written.py`)
lessons.jsonl   the lessons in them, with a way to write that teaches, and the fate of each (`textbook.py`)
votes.jsonl     what the model answers where nobody knows the answer (`votes.py`)
pool.jsonl      all problems written so far that were accepted, with what their answers stand on (`pool.py`)
synthesis.json  the same in numbers (`summary.py`)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from star.clock import spent
from star.files import Rows
from star.overlap import Protected
from star.processes import World
from star.prompts import samples_with_exemplars
from star.recipe import Recipe
from star.records import Completion, Example, Problem, Prompt, derive_seed, model_name
from star.request import Request, sample_in_waves
from star.sample import Sampler
from star.spool import Joined, Spool
from star.store import Iteration, Journal, Store
from star.synthesize.base import BARE, Asked, Sources, Writer
from star.synthesize.novelty import Index
from star.synthesize.pool import Member, standing
from star.synthesize.summary import summary, taught
from star.synthesize.votes import Ballot, ballots, vote_row, voted_pool
from star.synthesize.written import Reader, ask


@dataclass(frozen=True)
class Model:
    """The model of an iteration: which weights, what completions call them, and who samples."""

    adapter: Path | None
    name: str
    sampler: Sampler
    world: World


class Synthesizer:
    """Writes problems for a recipe that asks for them.

    Args:
        writer: the way to write.
        train: training problems.
        protected: what no problem may overlap.
    """

    def __init__(self, recipe: Recipe, writer: Writer, train: Sequence[Problem], protected: Protected):
        self.recipe, self.writer, self.train, self.protected = recipe, writer, train, protected

    def run(self, iteration: Iteration, store: Store, model: Model) -> None:
        """The stages of an iteration.

        Args:
            store: where the iteration before is.
        """
        number = iteration.number
        past = store.rows(number - 1, "pool", Member)
        trained = store.rows(number - 1, "train", Example)
        sources = Sources(self.train, standing(past), trained)
        author = replace(model, adapter=None, name=model_name(0)) if self.recipe.synthesize.writer == "base" else model
        written = iteration.rows("written", partial(self._write, number, sources, past, author), dict)
        if self.writer.teaches:
            iteration.rows("lessons", partial(self._teach, written), dict)
        asked = Spool(ballots(written, past, self.writer, self.recipe, number), Ballot)
        votes = iteration.rows("votes", partial(self._vote, number, asked, model), dict)

        def pool(journal: Journal) -> None:
            journal.clear()
            members = voted_pool(past, written, votes, self.writer, self.recipe, number)
            journal.append(member.to_dict() for member in members)

        members = iteration.rows("pool", pool, Member)
        counts = partial(summary, written, votes, members, self.writer, self.recipe, number)
        iteration.json("synthesis", lambda: counts() | taught(_lessons(iteration)))

    def pool(self, iteration: Iteration) -> Sequence[Problem]:
        """The training problems, and after them those of the pool that stand after `run`."""
        return Joined(self.train, standing(_members(iteration)))

    def withdrawn(self, iteration: Iteration) -> dict[str, int]:
        """By id of a problem of the pool, the last iteration that gave it another answer or none, if one did."""
        return {member.problem.id: member.changed for member in _members(iteration) if member.changed}

    def lessons(self, iteration: Iteration) -> Iterator[Example]:
        """The lessons of `iteration` that are kept, as training examples."""
        kept = (row for row in _lessons(iteration) if not row["reason"])
        return (Example(row["prompt"], row["target"], row["id"], iteration.number) for row in kept)

    def _teach(self, written: Iterable[dict[str, Any]], journal: Journal) -> None:
        journal.clear()
        journal.append(self.writer.lessons(written, self.protected))

    @cached_property
    def _given(self) -> Index:
        """The training problems, indexed once for all iterations."""
        return _index((problem.id, problem.question) for problem in self.train)

    def _write(self, number: int, sources: Sources, past: Iterable[Member], model: Model, journal: Journal) -> None:
        with spent("verifying"):
            pool = _index((one.problem.id, one.problem.meta.get(BARE, one.problem.question)) for one in past)
            reader = Reader(self.recipe, self.writer, self.protected, self._given, pool)
            reader.resume(journal.rows())
        seed, decoding = derive_seed(self.recipe.seed, number, "written"), self.writer.decoding
        waiting: dict[int, list[Asked]] = {}  # as made for the request: others' threads may be making the next one

        def request(start: int, stop: int) -> Request:
            waiting[start] = [ask(self.recipe, self.writer, number, place, sources) for place in range(start, stop)]
            prompts = [asked.prompt for asked in waiting[start]]
            return Request(prompts, decoding, seed, model.adapter, model.name)

        def rows(start: int, completions: list[Completion]) -> Iterator[dict[str, Any]]:
            with spent("verifying"):
                for asked, part in _parts(waiting.pop(start), completions):
                    yield from (reader.row(asked, completion) for completion in part)

        sample_in_waves(
            self.recipe.synthesize.prompts,
            request,
            rows,
            done=journal.count // decoding.samples,
            wave=self.recipe.sampler.wave,
            sampler=model.sampler,
            world=model.world,
            journal=journal,
            label=f"iteration {number}: new problems",
            says=lambda: f"{reader.kept}/{reader.written} kept",
        )

    def _vote(self, number: int, asked: Sequence[Ballot], model: Model, journal: Journal) -> None:
        """Sample several answers to each problem, a wave at a time."""
        seed, vote = derive_seed(self.recipe.seed, number, "votes"), self.recipe.synthesize.vote
        exemplars = samples_with_exemplars(self.recipe, number, hinted=False)
        own = {name: getattr(vote, name) for name in ("samples", "temperature", "top_p")}
        decoding = self.writer.task.with_stop(self.recipe.decoding.model_copy(update=own))
        waiting: dict[int, list[tuple[Ballot, Prompt]]] = {}

        def request(start: int, stop: int) -> Request:
            part = asked[start:stop]
            problems = [self.writer.ballot(ballot.problem) for ballot in part]
            prompts = self.writer.prompts.prompts(problems, hinted=False, exemplars=exemplars)
            waiting[start] = list(zip(part, prompts, strict=True))
            return Request(prompts, decoding, seed, model.adapter, model.name)

        def rows(start: int, completions: list[Completion]) -> Iterator[dict[str, Any]]:
            for (ballot, prompt), part in _parts(waiting.pop(start), completions):
                yield vote_row(ballot, prompt, part, self.writer, self.recipe)

        sample_in_waves(
            len(asked),
            request,
            rows,
            done=journal.count,
            wave=self.recipe.sampler.wave,
            sampler=model.sampler,
            world=model.world,
            journal=journal,
            label=f"iteration {number}: votes",
            says=str,
        )


def _members(iteration: Iteration) -> Rows[Member]:
    """The pool after this iteration."""
    return Rows(iteration.folder / "pool.jsonl", Member)


def _parts(asked: Sequence[Any], completions: list[Completion]) -> Iterator[tuple[Any, list[Completion]]]:
    """What was asked, and the completions of each."""
    each = len(completions) // len(asked)
    return ((one, completions[place * each : (place + 1) * each]) for place, one in enumerate(asked))


def _lessons(iteration: Iteration) -> Iterable[dict[str, Any]]:
    path = iteration.folder / "lessons.jsonl"
    return Rows(path) if path.exists() else ()


def _index(texts: Iterable[tuple[str, str]]) -> Index:
    index = Index()
    for id, text in texts:
        index.add(id, text)
    return index
