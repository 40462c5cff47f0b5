"""How long the texts of a recipe are, from its own data: prompts, completions, rows. For `estimate.py`."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from statistics import fmean
from typing import Any

from scripts.planning.costs import Texts
from star.curriculum.practice import highest_level, shares, spread
from star.errors import UserError
from star.files import to_line
from star.overlap import Protected
from star.prompts import SEPARATOR, PromptBuilder
from star.recipe import Recipe
from star.records import Attempt, Completion, Example, Problem, Prompt, Verdict
from star.synthesize import Writer, build_writer
from star.synthesize.base import Sources
from star.synthesize.written import ask
from star.tasks import Task, load_problems

SHOWN = 200
"""Problems whose prompts are measured; the others are taken to be like them."""
CHARACTERS = 4
"""Of a token, where there is no tokenizer."""


class Reader:
    """Measures texts of the recipe's data in tokens and bytes; of its exemplars, where only `problems` are known.

    Attributes:
        train: training problems.
        evaluated: how many held-out problems are evaluated.
        some, held_out: some of what an iteration tries, and of what is evaluated.
        writer: who writes new problems, where the recipe has them written.

    Raises:
        UserError: the data cannot be had, and there is nothing to go by instead. With `problems` and exemplars, what is
            wrong with the data is printed.
    """

    def __init__(self, recipe: Recipe, task: Task, tokenizer: Any, problems: float | None):
        self.recipe, self.task, self.tokenizer = recipe, task, tokenizer
        self.prompts = PromptBuilder(task, recipe.prompt, tokenizer, direct=recipe.method == "direct")
        self.train: Sequence[Problem] = [problem for problem, _ in self.prompts.exemplars]
        held_out, protected = self.train, Protected()
        self.evaluated = recipe.evaluation.problems or len(held_out)
        try:
            self.train, held_out, protected, _ = load_problems(recipe, task)
            self.evaluated = len(held_out)
        except UserError as error:
            if problems is None or not self.train:
                raise UserError(f"{error}; or give --problems N, and prompt.exemplars to go by") from None
            print(f"note: problems are taken to be like the exemplars, not those of the data: {error}", file=sys.stderr)
        self.held_out = _spread(held_out)
        self.some = self._practice() if recipe.curriculum.kind == "grow" else _spread(self.train)
        self.writer = build_writer(recipe, task, self.prompts, None)
        if self.writer:
            self.writer.check(self.train, protected, recipe.audit)

    def tokens(self, text: str) -> float:
        if self.tokenizer is None:
            return len(text) / CHARACTERS
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def characters(self, tokens: float) -> float:
        """Of a completion of so many tokens."""
        longest = max(self.rationales(), key=len, default="")
        return tokens * (len(longest) / self.tokens(longest) if longest else CHARACTERS)

    def rationales(self, problems: Sequence[Problem] | None = None) -> list[str]:
        """How completions are likely to read: as the exemplars or, where there are none, worked solutions."""
        problems = self.some if problems is None else problems
        if self.recipe.method == "direct":
            return [self.prompts.direct_target(problem) for problem in problems]
        if self.prompts.exemplars:
            return [self.prompts.exemplar_target(*exemplar) for exemplar in self.prompts.exemplars]
        found = [text for text in self.task.solutions(problems) if text]
        return found or [text for text in self.task.solutions(self.held_out) if text]

    def completion(self, problems: Sequence[Problem], exemplars: bool, limit: int) -> float:
        """Tokens sampled for one of these problems, on average: a rationale, and behind it the end of the sequence or,
        after exemplars, what stands between them."""
        rationales = self.rationales(problems)
        ending = self.tokens(f"{SEPARATOR}Q") - self.tokens("Q") if exemplars else 1
        return min(limit, fmean(map(self.tokens, rationales)) + ending if rationales else limit)

    def texts(
        self, hinted: bool, exemplars: bool, completion: float, problems: Sequence[Problem] | None = None
    ) -> Texts:
        """Of attempts at `problems`, those that an iteration tries by default."""
        problems = self.some if problems is None else problems
        prompts = self.prompts.prompts(problems, hinted, exemplars)
        return self._texts([prompt.text for prompt in prompts], completion)

    def training_prompt(self, problems: Sequence[Problem]) -> float:
        """Tokens."""
        return fmean(self.tokens(self.prompts.training_prompt(problem)) for problem in problems)

    def row_bytes(self, hinted: bool, exemplars: bool, completion: float) -> tuple[float, float]:
        """Of an attempt, and of the example that it becomes."""
        rows, examples = [], []
        rationale = max(self.rationales(), key=len, default="") or "x"
        length = self.characters(completion)
        text = (rationale * math.ceil(length / len(rationale)))[: round(length)]
        for problem, prompt in zip(self.some, self.prompts.prompts(self.some, hinted, exemplars), strict=True):
            rows.append(_row(problem, prompt, text, round(completion)))
            target, id = self.prompts.training_target(text), f"iteration-001/plain/{problem.id}/0"
            examples.append(Example(self.prompts.training_prompt(problem), target, id, 1).to_dict())
        return fmean(len(to_line(row).encode()) for row in rows), fmean(len(to_line(row).encode()) for row in examples)

    def asking(self, completion: float) -> Texts:
        """Of prompts for new problems."""
        sources, count = Sources(self.train, (), ()), min(SHOWN, self.recipe.synthesize.prompts)
        prompts = [ask(self.recipe, self.writer, 1, place, sources).prompt.text for place in range(count)]
        return self._texts(prompts, completion)

    def written(self, drafts: float) -> float:
        """Tokens that write so many problems like the training problems, in the form in which they are asked for; what
        is none is taken to be as long as one."""
        problems, drafts = _spread(self.train), drafts or 1.0
        question = fmean(self.tokens(f" {problem.question}") for problem in problems)
        answer = fmean(self.tokens(f" {problem.answer}") for problem in problems)
        if self.recipe.synthesize.kind == "self_instruct":
            return max(0.0, question + (drafts - 1) * (question + self.tokens("\nProblem 10:"))) + 1
        exercise = question + self.tokens("\nAnswer:") + answer
        if self.recipe.synthesize.kind == "reshape":
            return drafts * exercise + 1
        lesson = question + fmean(map(self.tokens, self.rationales(problems)))
        return drafts * (lesson + self.tokens("\nExercise:") + exercise) + 1

    def computed(self) -> float:
        """The share of new problems whose answer code computes, if they are like the training problems."""
        problems = _spread(self.train)
        return fmean(self.task.compute(problem.question) is not None for problem in problems)

    def new_problems(self, voted_on: bool) -> list[Problem]:
        """Stand-ins for problems that the model writes, as they are attempted or voted on: training problems, with a
        passage of the documents where the recipe has some."""
        posed = self.writer.ballot if voted_on else lambda problem: problem
        return [posed(self.writer.posed(problem)) for problem in _behind_passages(_spread(self.train), self.writer)]

    def _practice(self) -> list[Problem]:
        """Problems of a practice world as its first iteration has them."""
        settings, highest = self.recipe.curriculum, highest_level(self.recipe.curriculum, self.task)
        start = settings.start
        counts = shares(start, highest, SHOWN, settings) if start else spread(range(1, highest + 1), SHOWN)
        made = (islice(self.task.practice(level, self.recipe.seed), count) for level, count in counts.items())
        return [problem for problems in made for problem in problems]

    def _texts(self, prompts: Sequence[str], completion: float) -> Texts:
        shared = self.tokens(_common_start(prompts))
        return Texts(shared, max(1.0, fmean(map(self.tokens, prompts)) - shared), completion)


def _spread(problems: Sequence[Problem]) -> list[Problem]:
    """`SHOWN` of them at most, from all over."""
    step = max(1, len(problems) // SHOWN)
    return [problems[place] for place in range(0, len(problems), step)][:SHOWN]


def _behind_passages(problems: list[Problem], writer: Writer) -> list[Problem]:
    passages = getattr(writer, "passages", ())
    if not passages:
        return problems
    metas = (passages[place % len(passages)]._asdict() for place in range(len(problems)))
    return [replace(problem, meta={**problem.meta, **meta}) for problem, meta in zip(problems, metas, strict=True)]


def _row(problem: Problem, prompt: Prompt, text: str, tokens: int) -> dict[str, Any]:
    completion = Completion(problem.id, 0, text, tokens, "eos", 1 << 62, "iteration-001")
    return Attempt(problem, prompt, completion, Verdict("correct", problem.answer)).to_dict()


def _common_start(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)
    return first[: next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]
