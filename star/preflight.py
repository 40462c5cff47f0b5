"""Everything that can be wrong is looked for before any work is done: recipe, data, exemplars, prompt lengths.

`check` is the first half of every run and all of `--dry-run`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from star.errors import UserError
from star.models import encode_prompt, encode_target, load_tokenizer, resolve_checkpoint
from star.models.loading import context_length, load_config
from star.prompts import PromptBuilder, evaluates_with_exemplars, samples_with_exemplars
from star.recipe import Recipe
from star.records import Problem, Prompt
from star.tasks import Task, build_task, load_problems

LONGEST = 50
"""How many prompts, the longest in characters, are counted in tokens."""
SHOWN = 5
"""How many of those that are too long a message names."""


@dataclass(frozen=True)
class Checked:
    """What a recipe turned out to mean."""

    recipe: Recipe
    task: Task
    train: list[Problem]
    held_out: list[Problem]
    prompts: PromptBuilder
    tokenizer: Any
    context: int | None
    longest: int  # tokens of the longest prompt

    def examples(self) -> list[tuple[str, str]]:
        """A plain prompt, a hinted prompt and a training example, each with a title, for `--dry-run`."""
        problem = self.train[0]
        exemplars = samples_with_exemplars(self.recipe, iteration=1, hinted=False)
        plain, hinted = (self.prompts.prompts([problem], hint, exemplars)[0].text for hint in (False, True))
        shown, rationale = self.prompts.exemplars[0] if self.prompts.exemplars else (problem, "(what the model wrote)")
        gap = "" if self.recipe.prompt.chat or not self.prompts.exemplars else " "
        target = self.prompts.training_target(gap + rationale)
        return [
            ("plain prompt", plain),
            ("hinted prompt", hinted),
            ("training example", f"{self.prompts.training_prompt(shown)}[learned:]{target}{self.tokenizer.eos_token}"),
        ]


def check(recipe: Recipe) -> Checked:
    """Validate all that a recipe names, short of loading weights.

    Raises:
        UserError: the first thing found wrong.
    """
    task = build_task(recipe)
    train, held_out = load_problems(recipe, task)
    tokenizer, context = _tokenizer(recipe, task)
    prompts = PromptBuilder(task, recipe.prompt, tokenizer)
    longest = _check_lengths(recipe, prompts, tokenizer, context, train, held_out)
    return Checked(recipe, task, train, held_out, prompts, tokenizer, context, longest)


def _tokenizer(recipe: Recipe, task: Task) -> tuple[Any, int | None]:
    """Tokenizer and context length of the base model; a starter need not be pretrained for that."""
    if recipe.model.starter is not None:
        from star.models.starter import starter_tokenizer

        return starter_tokenizer(), recipe.model.starter.context
    checkpoint = resolve_checkpoint(recipe, task)
    return load_tokenizer(checkpoint), context_length(load_config(checkpoint))


def _check_lengths(
    recipe: Recipe,
    prompts: PromptBuilder,
    tokenizer: Any,
    context: int | None,
    train: list[Problem],
    held_out: list[Problem],
) -> int:
    """Tokens of the longest prompt of the run, all of which must leave room for a completion."""
    sampled = _longest(prompts.prompts(train, True, samples_with_exemplars(recipe, 1, hinted=True)))
    scored = _longest(prompts.prompts(held_out, False, evaluates_with_exemplars(recipe, 0)[0]))
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
    for shown, rationale in prompts.exemplars:
        prompt = prompts.training_prompt(shown)
        tokens = len(encode_prompt(tokenizer, prompt, recipe.prompt.chat)) + len(encode_target(tokenizer, rationale))
        if context is not None and tokens > context:
            problems.append(f"{shown.id} as a training example: {tokens}")
    if problems:
        more = f"\n  (and {len(problems) - SHOWN} more)" if len(problems) > SHOWN else ""
        raise UserError(
            f"prompts are too long for the model's context of {context} tokens:\n  "
            + "\n  ".join(problems[:SHOWN])
            + more
            + "\nuse fewer exemplars (prompt.shots), a smaller max_new_tokens, or a model with a longer context"
        )
    return longest


def _longest(prompts: list[Prompt]) -> list[Prompt]:
    return sorted(prompts, key=lambda prompt: len(prompt.text), reverse=True)[:LONGEST]
