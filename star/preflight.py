"""Everything that can be wrong is looked for before any work is done: recipe, data, exemplars, prompt lengths.

`check` is the first half of every run and all of `--dry-run`.
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any

from star.audit.reference import Reference, load_reference
from star.curriculum import practice_examples
from star.custom import NOTHING, Own, require_plain
from star.errors import Complaints, UserError
from star.files import file_sha256
from star.models import encode_prompt, encode_target, load_tokenizer, resolve_checkpoint
from star.models.checks import check_weights, require_causal
from star.models.loading import choose_device, context_length, load_config
from star.overlap import Protected
from star.prompts import PromptBuilder, evaluates_with_exemplars, samples_with_exemplars
from star.real import RealExamples, load_real
from star.recipe import Recipe
from star.records import Problem
from star.spool import Chosen
from star.synthesize import Writer, build_writer
from star.synthesize.check import check_synthesis, first_prompt
from star.tasks import Task, load_problems
from star.tracking import require_trackers

LONGEST = 50
"""How many prompts, those of the longest questions, are counted in tokens as a whole."""
AT_ONCE = 1000
"""Questions counted in tokens together: a tokenizer makes much of a text."""
COUNTED = 20_000
"""Questions counted in tokens at most: those of most characters."""
SHOWN = 5
"""How many of those that are too long a message names."""


@dataclass(frozen=True)
class Checked:
    """What a recipe turned out to mean."""

    recipe: Recipe
    task: Task
    train: Sequence[Problem]
    held_out: Sequence[Problem]
    prompts: PromptBuilder
    context: int | None
    longest: int  # tokens of the longest prompt
    reference: Reference
    protected: Protected
    removed: Complaints  # training problems left out because they overlap what is protected
    real: RealExamples
    tether_files: dict[str, str]  # those of audit.protect, mix.real and synthesize.documents, with SHA-256
    own: Own  # what the user brings
    writer: Writer | None  # who writes new problems
    writing: list[str]  # what there is to know of that

    def notices(self) -> list[str]:
        """What a user should know before the run, none of it an error."""
        notices = [*filter(None, [self.task.notice]), *self.writing]
        if skipped := self.task.skipped:
            notices.append(
                f"{len(skipped)} problems are left out, because their ground truth cannot be verified; "
                f"the first: {skipped[0]}"
            )
        for what, removed in (("training problems", self.removed), ("rows of mix.real", self.real.removed)):
            if removed.count:
                notices.append(
                    f"{removed.count} {what} are left out, because they overlap held-out or protected ones "
                    f"(audit.contamination: remove); the first: {removed.first[0]}"
                )
        return notices

    def examples(self) -> list[tuple[str, str]]:
        """Prompts, a training example, a real one and a reference text, each with a title, for `--dry-run`."""
        problem = self.train[0]
        exemplars = samples_with_exemplars(self.recipe, iteration=1, hinted=False)
        plain, hinted = (self.prompts.prompts([problem], hint, exemplars)[0].text for hint in (False, True))
        end = self.prompts.tokenizer.eos_token
        if self.recipe.method == "direct":
            shown, target = problem, self.prompts.direct_target(problem) + end
        elif self.prompts.exemplars:
            shown, rationale = self.prompts.exemplars[0]
            target = self.prompts.exemplar_target(shown, rationale) + end
        else:
            shown, target = problem, f"(what the model wrote){end}"
        return [
            ("plain prompt", plain),
            ("hinted prompt", hinted),
            ("training example", f"{self.prompts.training_prompt(shown)}[learned:]{target}"),
            *self._real_example(end),
            *self._writing(),
            self.reference.example(),
        ]

    def _writing(self) -> Iterator[tuple[str, str]]:
        if self.writer is not None:
            asked = first_prompt(self.recipe, self.writer, self.train)
            yield "prompt for new problems", asked.prompt.text

    def _real_example(self, end: str) -> Iterator[tuple[str, str]]:
        if self.real:
            example = self.real[0]
            title = f"real example, 1 of {len(self.real)}: {example.attempt_id}"
            yield title, f"{example.prompt}[learned:]{example.target}{end}"


def check(recipe: Recipe, own: Own = NOTHING) -> Checked:
    """Validate all that a recipe names, short of loading weights.

    Args:
        own: what the user brings in the place of what the recipe would build.

    Raises:
        UserError: the first thing found wrong.
    """
    require_trackers(recipe.tracking)
    if recipe.model.device not in ("auto", "cpu"):
        choose_device(recipe.model)
    task = own.task_of(recipe)
    train, held_out, protected, removed = load_problems(recipe, task)
    if own.task is not None:
        require_plain(chain(train, held_out))
    tokenizer, context = base_tokenizer(recipe, task)
    prompts = PromptBuilder(task, recipe.prompt, tokenizer, direct=recipe.method == "direct")
    _check_bare_answer(recipe, task, train[0])
    real = load_real(recipe, prompts, protected)
    practice = practice_examples(recipe, task)
    longest = _check_lengths(recipe, prompts, context, train, practice, held_out, real)
    reference = load_reference(recipe, prompts, held_out, context)
    writer = build_writer(recipe, task, prompts, context)
    return Checked(
        recipe,
        task,
        train,
        held_out,
        prompts,
        context,
        longest,
        reference,
        protected,
        removed,
        real,
        tether_files=_tether_files(recipe),
        own=own,
        writer=writer,
        writing=check_synthesis(writer, train, protected, recipe.audit),
    )


def _tether_files(recipe: Recipe) -> dict[str, str]:
    real = [recipe.mix.real.path] if recipe.mix.real else []
    documents = getattr(recipe.synthesize, "documents", [])
    return {path: file_sha256(Path(path)) for path in (*recipe.audit.protect, *real, *documents)}


def _check_bare_answer(recipe: Recipe, task: Task, problem: Problem) -> None:
    """With `method: direct`, what is trained on must be what the task reads as an answer."""
    if recipe.method == "direct" and not (verdict := task.judge(problem, task.bare_answer(problem))).accepted:
        raise UserError(
            f"method: direct would train on {task.bare_answer(problem)!r}, from which the task reads "
            f"{verdict.answer!r} ({verdict.status}); task.direct must fit the answer pattern"
        )


def base_tokenizer(recipe: Recipe, task: Task) -> tuple[Any, int | None]:
    """Tokenizer and context length of the base model; a starter need not be pretrained for that.

    Raises:
        UserError: the model cannot be had, or is no causal language model.
    """
    if recipe.model.starter is not None:
        from star.models.starter import starter_tokenizer

        return starter_tokenizer(), recipe.model.starter.context
    checkpoint = resolve_checkpoint(recipe, task)
    config = load_config(checkpoint)
    require_causal(checkpoint, config)
    only_served = recipe.method == "curate" and recipe.sampler.kind == "openai"  # the weights may be elsewhere
    if (folder := Path(checkpoint.name)).is_dir() and not only_served:
        check_weights(folder)
    return load_tokenizer(checkpoint), context_length(config)


def _check_lengths(
    recipe: Recipe,
    prompts: PromptBuilder,
    context: int | None,
    train: Sequence[Problem],
    practice: Sequence[Problem],
    held_out: Sequence[Problem],
    real: RealExamples,
) -> int:
    """Tokens of the longest prompt of the run, all of which must leave room for a completion."""
    tokenizer = prompts.tokenizer
    asked, held = _longest(prompts.task, tokenizer, train), _longest(prompts.task, tokenizer, held_out)
    asked += practice
    sampled = prompts.prompts(asked, True, samples_with_exemplars(recipe, 1, hinted=True))
    scored = prompts.prompts(held, False, any(evaluates_with_exemplars(recipe, 0)))
    longest, problems = 0, []
    for key, kind, decoding in (
        ("decoding", sampled, recipe.decoding),
        ("evaluation.decoding", scored, recipe.evaluation_decoding),
    ):
        for prompt in kind:
            tokens = len(encode_prompt(tokenizer, prompt.text, recipe.prompt.chat))
            longest = max(longest, tokens)
            if context is not None and tokens + decoding.max_new_tokens > context:
                problems.append(f"{prompt.problem_id}: {tokens} + {key}.max_new_tokens {decoding.max_new_tokens}")
    for name, prompt, target in _examples(prompts, real):
        tokens = len(encode_prompt(tokenizer, prompt, recipe.prompt.chat)) + len(encode_target(tokenizer, target))
        if context is not None and tokens > context:
            problems.append(f"{name} as a training example: {tokens}")
    if problems:
        more = f"\n  (and {len(problems) - SHOWN} more)" if len(problems) > SHOWN else ""
        raise UserError(
            f"prompts are too long for the model's context of {context} tokens:\n  "
            + "\n  ".join(problems[:SHOWN])
            + more
            + "\nuse fewer exemplars (prompt.shots), a smaller max_new_tokens, or a model with a longer context"
            + (", or take the long rows out of mix.real" if real else "")
            + (", or a lower curriculum.highest" if practice else "")
        )
    return longest


def _examples(prompts: PromptBuilder, real: RealExamples) -> Iterator[tuple[str, str, str]]:
    """Name, prompt and target of the exemplars, and of the longest real examples."""
    for problem, rationale in prompts.exemplars:
        yield problem.id, prompts.training_prompt(problem), prompts.exemplar_target(problem, rationale)
    for example in real.longest(LONGEST):
        yield example.attempt_id, example.prompt, example.target


def _longest(task: Task, tokenizer: Any, problems: Sequence[Problem]) -> list[Problem]:
    """The problems whose questions have most tokens; what stands around a question is the same for all."""
    if len(problems) > COUNTED:
        lengths = array("Q", (len(problem.question) for problem in problems))
        problems = Chosen(problems, sorted(heapq.nlargest(COUNTED, range(len(problems)), key=lengths.__getitem__)))
    counted = zip(_lengths(task, tokenizer, problems), problems, strict=True)
    return [problem for _, problem in heapq.nlargest(LONGEST, counted, key=itemgetter(0))]


def _lengths(task: Task, tokenizer: Any, problems: Sequence[Problem]) -> Iterator[int]:
    """Tokens of each problem's hinted question."""
    for start in range(0, len(problems), AT_ONCE):
        questions = [task.question(problem, hinted=True) for problem in problems[start : start + AT_ONCE]]
        yield from map(len, tokenizer(questions)["input_ids"])
