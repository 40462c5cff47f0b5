"""Which attempts become training data: accepted ones, sound if so wished, without duplicates and their hints."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from star.errors import UserError
from star.prompts import PromptBuilder
from star.recipe import Recipe
from star.records import Attempt, Example, Problem, derive_seed

SHOWN_FAILURES = 3
"""Failed attempts shown when nothing was accepted."""


def failures(attempts: Sequence[Attempt], recipe: Recipe, number: int) -> list[Problem]:
    """Problems that no attempt solved, each kept with `rationalization.probability`: those to rationalize."""
    probability, seed = recipe.rationalization.probability, derive_seed(recipe.seed, number, "rationalize")
    solved = {attempt.problem.id for attempt in attempts if solves(attempt, recipe)}
    failed = {attempt.problem.id: attempt.problem for attempt in attempts if attempt.problem.id not in solved}
    return [p for p in failed.values() if random.Random(derive_seed(seed, p.id)).random() < probability]


def select(
    attempts: Sequence[Attempt],
    rationalizations: Sequence[Attempt],
    prompts: PromptBuilder,
    recipe: Recipe,
    number: int,
) -> list[Example]:
    """The training examples that iteration `number` accepts, in the order of the attempts.

    Raises:
        UserError: nothing was accepted; the message shows what the failures look like.
    """
    examples: list[Example] = []
    seen: set[tuple[str, str]] = set()
    of_problem: Counter[str] = Counter()
    most = recipe.selection.max_per_problem
    for attempt in [*attempts, *rationalizations]:
        cut_off = attempt.completion.finish_reason == "length"  # would teach the model to end in mid-sentence
        if not solves(attempt, recipe) or cut_off or (most and of_problem[attempt.problem.id] >= most):
            continue
        rationalized = attempt.prompt.hinted
        draw = random.Random(derive_seed(recipe.seed, number, "keep hint", attempt.id)).random()
        prompt = prompts.training_prompt(attempt.problem, rationalized and draw < recipe.rationalization.keep_hint)
        target = prompts.training_target(attempt.completion.text)
        if (prompt, target) not in seen:
            seen.add((prompt, target))
            of_problem[attempt.problem.id] += 1
            examples.append(Example(prompt, target, attempt.id, number, rationalized))
    if not examples:
        raise UserError(_nothing_accepted([*attempts, *rationalizations], number))
    return examples


def answers(problems: Sequence[Problem], prompts: PromptBuilder, number: int) -> list[Example]:
    """The training examples of `method: direct`: the bare ground truth of each problem."""
    return [
        Example(prompts.training_prompt(problem), prompts.direct_target(problem), f"ground-truth/{problem.id}", number)
        for problem in problems
    ]


def solves(attempt: Attempt, recipe: Recipe) -> bool:
    """Whether the final answer is right and, where the recipe demands it, no step of the working is wrong."""
    return attempt.verdict.accepted and not (recipe.selection.require_sound_steps and attempt.steps_wrong)


def carry(new: Sequence[Example], previous: Sequence[Example], recipe: Recipe, number: int) -> list[Example]:
    """`new` examples and, of the `previous` training data, what the last `selection.keep_iterations` accepted."""
    seen = {(example.prompt, example.target) for example in new}
    carried = []
    for example in previous:
        if (
            example.iteration > number - recipe.selection.keep_iterations
            and (example.prompt, example.target) not in seen
        ):
            seen.add((example.prompt, example.target))
            carried.append(example)
    return [*new, *carried]


def _nothing_accepted(attempts: Sequence[Attempt], number: int) -> str:
    statuses = Counter(attempt.verdict.status for attempt in attempts)
    counts = ", ".join(f"{count} {status}" for status, count in statuses.most_common())
    lines = [f"iteration {number}: none of {len(attempts)} attempts can be trained on ({counts}). What they look like:"]
    for attempt in attempts[:SHOWN_FAILURES]:
        verdict = attempt.verdict
        lines += [
            f"  {attempt.id}: {verdict.status}, {verdict.detail or f'it says {verdict.answer!r}'}; "
            f"the answer is {attempt.problem.answer!r}",
            f"    the prompt ends  {attempt.prompt.text[-80:]!r}",
            f"    the model wrote  {attempt.completion.text[:200]!r} ({attempt.completion.finish_reason})",
        ]
    lines.append(
        "Check exemplars, answer pattern, stop strings and decoding.max_new_tokens (--dry-run shows prompts), "
        "and start again with --name NEW."
    )
    return "\n".join(lines)
