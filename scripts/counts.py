"""What there is of everything in one iteration of a recipe: prompts, tokens, examples, bytes. For `estimate.py`."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from scripts.costs import FineTuning, Sampling, Texts
from star.errors import UserError
from star.files import to_line
from star.prompts import SEPARATOR, PromptBuilder, evaluates_with_exemplars, samples_with_exemplars
from star.recipe import Recipe
from star.records import Attempt, Completion, Example, Problem, Prompt, Verdict
from star.tasks import Task

SHOWN = 200
"""Problems whose prompts are measured; the others are taken to be like them."""
CHARACTERS = 4
"""Of a token, where there is no tokenizer."""
HISTORY = 130
"""Bytes of what is known of a problem (`star/history.py`)."""


@dataclass(frozen=True)
class Assumed:
    """What only a run knows.

    Attributes:
        solved, rationalized: of the problems tried without a hint, and of those tried with it.
        completion: mean tokens; `None` is what the exemplars have, or the worked solutions.
    """

    solved: float
    rationalized: float
    completion: float | None


@dataclass(frozen=True)
class Counts:
    """What there is of everything in one iteration."""

    stages: dict[str, Sampling]
    training: FineTuning
    examples: float
    rows_bytes: float
    problems: float


class Reader:
    """Measures texts of the recipe's data in tokens and bytes; of its exemplars, where only `problems` are known.

    Raises:
        UserError: the data cannot be read, and there is nothing to go by instead.
    """

    def __init__(self, recipe: Recipe, task: Task, tokenizer: Any, problems: float | None):
        self.recipe, self.task, self.tokenizer = recipe, task, tokenizer
        self.prompts = PromptBuilder(task, recipe.prompt, tokenizer, direct=recipe.method == "direct")
        self.train: Sequence[Problem] = [problem for problem, _ in self.prompts.exemplars]
        self.held_out = self.train
        try:
            self.train, self.held_out = task.problems("train"), task.problems("held_out")
        except UserError as error:
            if problems is None or not self.train:
                raise UserError(f"{error}; or give --problems N, and prompt.exemplars to go by") from None
            print("note: the data cannot be read, so problems are taken to be like the exemplars", file=sys.stderr)
        step = max(1, len(self.train) // SHOWN)
        self.some: Sequence[Problem] = [self.train[i] for i in range(0, len(self.train), step)][:SHOWN]

    def tokens(self, text: str) -> float:
        if self.tokenizer is None:
            return len(text) / CHARACTERS
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def rationales(self) -> list[str]:
        """How completions are likely to read: as the exemplars or, where there are none, worked solutions."""
        if self.prompts.exemplars:
            return [self.prompts.exemplar_target(*exemplar) for exemplar in self.prompts.exemplars]
        found = [text for text in self.task.solutions(self.some) if text]
        return found or [text for text in self.task.solutions(self.held_out[:SHOWN]) if text]

    def ending(self, exemplars: bool) -> float:
        """Tokens sampled behind a rationale: the end of the sequence or, after exemplars, what stands between them."""
        return self.tokens(f"{SEPARATOR}Q") - self.tokens("Q") if exemplars else 1

    def texts(self, hinted: bool, exemplars: bool, completion: float) -> Texts:
        texts = [prompt.text for prompt in self.prompts.prompts(self.some, hinted, exemplars)]
        shared = self.tokens(_common_start(texts))
        return Texts(shared, max(1.0, fmean(map(self.tokens, texts)) - shared), completion)

    def row_bytes(self, hinted: bool, exemplars: bool, completion: float, rationale: str) -> tuple[float, float]:
        """Of an attempt, and of the example that it becomes."""
        rows, examples = [], []
        length = completion * (len(rationale) / self.tokens(rationale) if rationale else CHARACTERS)
        text = (rationale or "x") * math.ceil(length / len(rationale or "x"))
        text = text[: round(length)]
        for problem, prompt in zip(self.some, self.prompts.prompts(self.some, hinted, exemplars), strict=True):
            rows.append(_row(problem, prompt, text, round(completion)))
            target, id = self.prompts.training_target(text), f"iteration-001/plain/{problem.id}/0"
            examples.append(Example(self.prompts.training_prompt(problem), target, id, 1).to_dict())
        return fmean(len(to_line(row).encode()) for row in rows), fmean(len(to_line(row).encode()) for row in examples)


def count(recipe: Recipe, reader: Reader, assumed: Assumed, problems: float | None) -> Counts:
    """Everything in iteration 1 of a recipe, on `problems` training problems (`None`: those of its data)."""
    total = problems or len(reader.train)
    tried = min(total, recipe.problems_per_iteration or total)
    held_out = min(len(reader.held_out), recipe.evaluation.problems or len(reader.held_out))
    rationales = reader.rationales()
    limit, rationale = recipe.decoding.max_new_tokens, max(rationales, key=len, default="")
    ending = reader.ending(samples_with_exemplars(recipe, 1, hinted=False))
    written = fmean(map(reader.tokens, rationales)) + ending if rationales else limit
    completion = assumed.completion or min(limit, written)
    failed = tried * (1 - assumed.solved) * recipe.rationalization.probability
    samples = recipe.decoding.samples
    stages, rows = {}, HISTORY * tried
    for name, count_, hinted in (("attempts", tried, False), ("rationalizations", failed, True)):
        exemplars = samples_with_exemplars(recipe, 1, hinted)
        calls = math.ceil(count_ / recipe.sampler.wave)
        stages[name] = Sampling(reader.texts(hinted, exemplars, completion), count_, samples, calls)
        row, example = reader.row_bytes(hinted, exemplars, completion, rationale)
        rows += row * count_ * samples
    shown = evaluates_with_exemplars(recipe, 1)
    evaluated = len(shown) * held_out
    length = min(completion, recipe.evaluation_decoding.max_new_tokens)
    many = recipe.evaluation_decoding.samples
    calls = math.ceil(evaluated / recipe.sampler.wave)
    stages["evaluation"] = Sampling(reader.texts(False, any(shown), length), evaluated, many, calls)
    rows += evaluated * many * row
    each = samples if samples == 1 else samples / 2  # of several samples of a problem that is solved, half
    each = min(each, recipe.selection.max_per_problem or each)
    examples = each * (tried * assumed.solved + failed * assumed.rationalized)
    rows += examples * example
    settings = recipe.train
    seen = examples * settings.epochs if settings.epochs else settings.steps_in(1, 1) * settings.batch_size
    prompt = fmean(reader.tokens(reader.prompts.training_prompt(problem)) for problem in reader.some)
    return Counts(stages, FineTuning(seen, prompt, completion, settings.batch_size), examples, rows, total)


def _row(problem: Problem, prompt: Prompt, text: str, tokens: int) -> dict[str, Any]:
    completion = Completion(problem.id, 0, text, tokens, "eos", 1 << 62, "iteration-001")
    return Attempt(problem, prompt, completion, Verdict("correct", problem.answer)).to_dict()


def _common_start(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)
    return first[: next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]
