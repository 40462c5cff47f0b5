"""Which attempts become training data: accepted ones, sound if so wished, without duplicates and their hints.

Attempts are gone through one at a time, and examples come out one at a time: what is kept of them is ids and digests.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain, islice

from star.errors import UserError
from star.prompts import PromptBuilder
from star.recipe import Recipe
from star.records import Attempt, Example, Problem, derive_seed

SHOWN_FAILURES = 3
"""Failed attempts shown when nothing was accepted."""


def failures(problems: Sequence[Problem], attempts: Iterable[Attempt], recipe: Recipe, number: int) -> list[Problem]:
    """The `problems` that none of the `attempts` at them solved, each kept with `rationalization.probability`: those
    to rationalize."""
    probability, seed = recipe.rationalization.probability, derive_seed(recipe.seed, number, "rationalize")
    solved = {attempt.problem.id for attempt in attempts if solves(attempt, recipe)}
    failed = (problem for problem in problems if problem.id not in solved)
    return [p for p in failed if random.Random(derive_seed(seed, p.id)).random() < probability]


def select(
    attempts: Collection[Attempt],
    rationalizations: Collection[Attempt],
    prompts: PromptBuilder,
    recipe: Recipe,
    number: int,
) -> Iterator[Example]:
    """The training examples that iteration `number` accepts, in the order of the attempts.

    Raises:
        UserError: nothing was accepted; the message shows what the failures look like.
    """
    seen: set[bytes] = set()
    of_problem: Counter[str] = Counter()
    most = recipe.selection.max_per_problem
    for attempt in chain(attempts, rationalizations):
        cut_off = attempt.completion.finish_reason == "length"  # would teach the model to end in mid-sentence
        if not solves(attempt, recipe) or cut_off or (most and of_problem[attempt.problem.id] >= most):
            continue
        rationalized = attempt.prompt.hinted
        draw = random.Random(derive_seed(recipe.seed, number, "keep hint", attempt.id)).random()
        prompt = prompts.training_prompt(attempt.problem, rationalized and draw < recipe.rationalization.keep_hint)
        target = prompts.training_target(attempt.completion.text)
        example = Example(prompt, target, attempt.id, number, rationalized)
        if (digest := _digest(example)) not in seen:
            seen.add(digest)
            if most:
                of_problem[attempt.problem.id] += 1
            yield example
    if not seen:
        raise UserError(_nothing_accepted(chain(attempts, rationalizations), number))


def answers(problems: Iterable[Problem], prompts: PromptBuilder, number: int) -> Iterator[Example]:
    """The training examples of `method: direct`: the bare ground truth of each problem."""
    for problem in problems:
        source = f"ground-truth/{problem.id}"
        yield Example(prompts.training_prompt(problem), prompts.direct_target(problem), source, number)


def solves(attempt: Attempt, recipe: Recipe) -> bool:
    """Whether the final answer is right and, where the recipe demands it, no step of the working is wrong."""
    return attempt.verdict.accepted and not (recipe.selection.require_sound_steps and attempt.steps_wrong)


def carry(new: Iterable[Example], previous: Collection[Example], recipe: Recipe, number: int) -> Iterator[Example]:
    """`new` examples and, of the `previous` training data, what the last `selection.keep_iterations` accepted."""
    oldest = number - recipe.selection.keep_iterations + 1
    missing = {_digest(example) for example in previous if example.iteration >= oldest}
    for example in new:
        missing.discard(_digest(example))
        yield example
    for example in previous:
        if (digest := _digest(example)) in missing:
            missing.remove(digest)
            yield example


def _digest(example: Example) -> bytes:
    """Stands for the texts of an example: 16 bytes, however long they are."""
    return hashlib.blake2b(repr((example.prompt, example.target)).encode(), digest_size=16).digest()


def _nothing_accepted(attempts: Iterable[Attempt], number: int) -> str:
    attempts = iter(attempts)
    shown = list(islice(attempts, SHOWN_FAILURES))
    statuses = Counter(attempt.verdict.status for attempt in chain(shown, attempts))
    counts = ", ".join(f"{count} {status}" for status, count in statuses.most_common())
    lines = [
        f"iteration {number}: none of {statuses.total()} attempts can be trained on ({counts}). What they look like:"
    ]
    for attempt in shown:
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
