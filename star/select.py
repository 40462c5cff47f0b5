"""Which attempts become training data: those whose final answer is right, less those that `drop.py` drops.

Attempts are gone through one at a time, and examples come out one at a time: what is kept of them is ids and digests.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import chain, groupby, islice

from star.errors import UserError
from star.prompts import PromptBuilder
from star.recipe import Recipe
from star.records import Attempt, Example, Problem, derive_seed
from star.spool import Chosen
from star.vote import majority

SHOWN_FAILURES = 3
"""Failed attempts shown when nothing was accepted."""


def failures(
    problems: Sequence[Problem], attempts: Iterable[Attempt], recipe: Recipe, number: int
) -> Sequence[Problem]:
    """The `problems` that none of the `attempts` at them solved, each kept with `rationalization.probability`: those
    to rationalize. The attempts are in the order of the problems. An answer that was voted on is no hint to give."""
    probability, seed = recipe.rationalization.probability, derive_seed(recipe.seed, number, "rationalize")
    solved = (id for id, tries in by_problem(attempts) if any(solves(attempt, recipe) for attempt in tries))

    def places() -> Iterator[int]:
        next_solved = next(solved, None)
        for place, problem in enumerate(problems):
            if problem.id == next_solved:
                next_solved = next(solved, None)
            elif problem.is_voted:
                continue
            elif probability == 1 or random.Random(derive_seed(seed, problem.id)).random() < probability:
                yield place
        assert next_solved is None, f"{next_solved}: solved, but out of order"

    return Chosen(problems, places())


def by_problem(attempts: Iterable[Attempt]) -> Iterator[tuple[str, Iterator[Attempt]]]:
    """The attempts at each problem, which come one after the other, with its id."""
    return groupby(attempts, key=lambda attempt: attempt.problem.id)


def solves(attempt: Attempt, recipe: Recipe) -> bool:
    """Whether the final answer is right and, where the recipe demands it, no step of the working is wrong."""
    return attempt.verdict.accepted and not is_unsound(attempt, recipe)


def accepted(
    attempts: Iterable[Attempt], recipe: Recipe, meaning: Callable[[Attempt], Hashable | None]
) -> Iterator[Attempt]:
    """The attempts that `selection.accept` takes for right, those at one problem one after the other; see `judged`."""
    return (attempt for attempt, is_right in judged(attempts, recipe, meaning) if is_right)


def judged(
    attempts: Iterable[Attempt], recipe: Recipe, meaning: Callable[[Attempt], Hashable | None]
) -> Iterator[tuple[Attempt, bool]]:
    """Each attempt, and whether `selection.accept` takes it for right, those at one problem one after the other.

    Args:
        meaning: what the answer of an attempt says, the same for all ways to write it; `None` if it has none.
    """
    rule = recipe.selection.accept
    if rule == "majority":
        for _, tries in by_problem(attempts):
            answers = [(meaning(attempt), attempt) for attempt in tries]
            most = majority(answer for answer, _ in answers)
            yield from ((attempt, answer is not None and answer == most) for answer, attempt in answers)
    else:
        yield from ((attempt, rule == "all" or attempt.verdict.accepted) for attempt in attempts)


def examples(
    candidates: Iterable[Attempt],
    dropped: Iterable[str],
    prompts: PromptBuilder,
    recipe: Recipe,
    number: int,
) -> Iterator[Example]:
    """The training examples that iteration `number` accepts, in the order of the attempts.

    Args:
        dropped: ids of attempts that are not trained on (`star/drop.py`).
    """
    without = set(dropped)
    return (example_of(a, prompts, recipe, number) for a in candidates if a.id not in without)


def answers(problems: Iterable[Problem], prompts: PromptBuilder, number: int) -> Iterator[Example]:
    """The training examples of `method: direct`: the bare ground truth of each problem."""
    for problem in problems:
        source = f"ground-truth/{problem.id}"
        prompt, target = prompts.training_prompt(problem), prompts.direct_target(problem)
        yield Example(prompt, target, source, number, answer_source=problem.answer_source)


def require_some(
    accepted: Iterator[Example], attempts: Iterable[Attempt], number: int, dropped: Iterable[str] = ()
) -> Iterator[Example]:
    """The examples `accepted`, if there are any.

    Args:
        dropped: why each right attempt that is not trained on is not (`star.drop.REASONS`).

    Raises:
        UserError: nothing is left; the message shows what the failures look like, or that only answers that were voted
            on are right.
    """
    first = next(accepted, None)
    if first is None:
        reasons = Counter(dropped)
        raise UserError(
            _only_voted(reasons, number) if reasons["consensus_share"] else _nothing_accepted(attempts, number)
        )
    return chain([first], accepted)


def is_unsound(attempt: Attempt, recipe: Recipe) -> bool:
    return recipe.selection.require_sound_steps and attempt.steps_wrong > 0


def example_of(attempt: Attempt, prompts: PromptBuilder, recipe: Recipe, number: int) -> Example:
    """What an attempt becomes: the hint goes, unless it is one of those that keep it."""
    rationalized, kept = attempt.prompt.hinted, recipe.rationalization.keep_hint
    if keeps := rationalized and kept > 0:
        keeps = random.Random(derive_seed(recipe.seed, number, "keep hint", attempt.id)).random() < kept
    prompt, target = prompts.training_prompt(attempt.problem, keeps), prompts.training_target(attempt.completion.text)
    return Example(prompt, target, attempt.id, number, rationalized, attempt.problem.answer_source)


def digest_of(example: Example) -> bytes:
    """Stands for the texts of an example: 16 bytes, however long they are."""
    return hashlib.blake2b(repr((example.prompt, example.target)).encode(), digest_size=16).digest()


def _only_voted(reasons: Counter[str], number: int) -> str:
    counts = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    return (
        f"iteration {number}: nothing is left of {reasons.total()} rationales with a right answer ({counts}): those "
        "that no other filter dropped are for answers that were voted on, which may only be a share of the examples "
        "(consensus_share: synthesize.max_consensus_share), and there is no other beside them. Give the model problems "
        "of the task that it can solve, or try more of them more often (decoding.samples, problems_per_iteration), and "
        "start again with --name NEW."
    )


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
