"""Which attempts become training data: those whose final answer is right, less what the recipe's filters drop.

Attempts are gone through one at a time, and examples come out one at a time: what is kept of them is ids and digests.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby, islice
from typing import Any, NamedTuple

from star.errors import UserError
from star.minhash import NearDuplicates
from star.prompts import PromptBuilder
from star.quality import Quality
from star.recipe import Recipe
from star.records import Attempt, Example, Problem, derive_seed
from star.spool import Chosen
from star.vote import majority, most_beside

SHOWN_FAILURES = 3
"""Failed attempts shown when nothing was accepted."""

REASONS = (
    "unsound",
    "cut_off",
    "contaminated",
    "quality",
    "duplicate",
    "near_duplicate",
    "per_problem",
    "balance",
    "consensus_share",
    "rationalized_share",
)
"""Why an accepted attempt is not trained on, in the order in which that is asked: a wrong step, no end, a text that
must not be learned, one that others outrank, one that was accepted already (or nearly), enough of its problem, and what
is drawn last."""


class Dropped(NamedTuple):
    """An accepted attempt that is not trained on, and why: one of `REASONS`; its `score` where it was outranked."""

    attempt_id: str
    reason: str
    score: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return {name: value for name, value in self._asdict().items() if value is not None}


class Candidate(NamedTuple):
    """What the last draws know of an accepted attempt."""

    attempt_id: str
    problem: str
    group: str
    rationalized: bool
    is_voted: bool


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
    return attempt.verdict.accepted and not _is_unsound(attempt, recipe)


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


def passing(
    candidates: Iterable[Attempt],
    prompts: PromptBuilder,
    recipe: Recipe,
    number: int,
    is_protected: Callable[[str], bool],
) -> Iterator[Attempt]:
    """The accepted attempts that pass what looks at one of them alone: what `Quality` ranks."""
    filters = _Filters(prompts, recipe, number, is_protected)
    return (attempt for attempt in candidates if not filters.own_reason(attempt))


def drop(
    candidates: Iterable[Attempt],
    prompts: PromptBuilder,
    recipe: Recipe,
    number: int,
    difficulty: Mapping[str, str],
    is_protected: Callable[[str], bool],
    quality: Quality | None = None,
) -> Iterator[Dropped]:
    """Which of the accepted attempts of iteration `number` are not trained on.

    Args:
        difficulty: class of each problem by success so far, for `selection.balance`.
        is_protected: whether a text must not be trained on.
        quality: what ranked them, for `selection.quality`.
    """
    filters, voted_share = _Filters(prompts, recipe, number, is_protected), recipe.max_voted_share
    kept: list[Candidate] = []
    for attempt in candidates:
        if reason := filters.own_reason(attempt):
            yield Dropped(attempt.id, reason)
        elif quality and (score := quality.score(attempt)) is not None and score < quality.threshold:
            yield Dropped(attempt.id, "quality", score)
        elif reason := filters.reason(attempt):
            yield Dropped(attempt.id, reason)
        elif recipe.selection.balance or recipe.selection.max_rationalized_share or voted_share is not None:
            problem = attempt.problem
            kept.append(Candidate(attempt.id, problem.id, problem.group, attempt.prompt.hinted, problem.is_voted))
    rng = random.Random(derive_seed(recipe.seed, number, "draw examples"))
    if by := recipe.selection.balance:
        kinds = {
            "problem": lambda candidate: candidate.problem,
            "group": lambda candidate: candidate.group,
            "difficulty": lambda candidate: difficulty.get(candidate.problem, "new"),
        }
        over = _over_the_mean(kept, kinds[by], rng)
        kept = [candidate for candidate in kept if candidate not in over]
        yield from (Dropped(candidate.attempt_id, "balance") for candidate in over)
    if voted_share is not None:
        over = _over_the_voted_share(kept, voted_share, rng)
        kept = [candidate for candidate in kept if candidate not in over]
        yield from (Dropped(candidate.attempt_id, "consensus_share") for candidate in over)
    if share := recipe.selection.max_rationalized_share:
        yield from (Dropped(c.attempt_id, "rationalized_share") for c in _over_the_share(kept, share, rng))


def examples(
    candidates: Iterable[Attempt],
    dropped: Iterable[Dropped],
    prompts: PromptBuilder,
    recipe: Recipe,
    number: int,
) -> Iterator[Example]:
    """The training examples that iteration `number` accepts, in the order of the attempts."""
    without = {row.attempt_id for row in dropped}
    return (_example(a, prompts, recipe, number) for a in candidates if a.id not in without)


def answers(problems: Iterable[Problem], prompts: PromptBuilder, number: int) -> Iterator[Example]:
    """The training examples of `method: direct`: the bare ground truth of each problem."""
    for problem in problems:
        source = f"ground-truth/{problem.id}"
        prompt, target = prompts.training_prompt(problem), prompts.direct_target(problem)
        yield Example(prompt, target, source, number, answer_source=problem.answer_source)


def require_some(accepted: Iterator[Example], attempts: Iterable[Attempt], number: int) -> Iterator[Example]:
    """The examples `accepted`, if there are any.

    Raises:
        UserError: nothing was accepted; the message shows what the failures look like.
    """
    first = next(accepted, None)
    if first is None:
        raise UserError(_nothing_accepted(attempts, number))
    return chain([first], accepted)


class _Filters:
    """What an accepted attempt must pass on its own, and beside those before it."""

    def __init__(self, prompts: PromptBuilder, recipe: Recipe, number: int, is_protected: Callable[[str], bool]):
        self.prompts, self.recipe, self.number, self.is_protected = prompts, recipe, number, is_protected
        self.rules = recipe.selection
        self.seen: set[bytes] = set()
        self.of_problem: Counter[str] = Counter()
        self.of_cluster: Counter[int] = Counter()
        self.near = NearDuplicates()

    def own_reason(self, attempt: Attempt) -> str:
        """Why an attempt is not trained on whatever others there are: the first of `REASONS`, or nothing."""
        if _is_unsound(attempt, self.recipe):
            return "unsound"
        if attempt.completion.finish_reason == "length":  # would teach the model to end in mid-sentence
            return "cut_off"
        target = self.prompts.training_target(attempt.completion.text)
        return "contaminated" if self.is_protected(target) else ""

    def reason(self, attempt: Attempt) -> str:
        """Why an attempt is not trained on beside those before it: the first of `REASONS`, or nothing."""
        example = _example(attempt, self.prompts, self.recipe, self.number)
        if (digest := digest_of(example)) in self.seen:
            return "duplicate"
        most, alike = self.rules.max_per_problem, self.rules.max_near_duplicates
        if most and self.of_problem[attempt.problem.id] >= most:
            return "per_problem"
        if alike and self.of_cluster[cluster := self.near.add(example.target)] >= alike:
            return "near_duplicate"
        self.seen.add(digest)
        if most:
            self.of_problem[attempt.problem.id] += 1
        if alike:
            self.of_cluster[cluster] += 1
        return ""


def _is_unsound(attempt: Attempt, recipe: Recipe) -> bool:
    return recipe.selection.require_sound_steps and attempt.steps_wrong > 0


def _example(attempt: Attempt, prompts: PromptBuilder, recipe: Recipe, number: int) -> Example:
    """What an attempt becomes: the hint goes, unless it is one of those that keep it."""
    rationalized, kept = attempt.prompt.hinted, recipe.rationalization.keep_hint
    if keeps := rationalized and kept > 0:
        keeps = random.Random(derive_seed(recipe.seed, number, "keep hint", attempt.id)).random() < kept
    prompt, target = prompts.training_prompt(attempt.problem, keeps), prompts.training_target(attempt.completion.text)
    return Example(prompt, target, attempt.id, number, rationalized, attempt.problem.answer_source)


def _over_the_mean(
    kept: Collection[Candidate], kind: Callable[[Candidate], str], rng: random.Random
) -> dict[Candidate, None]:
    """What has to go for no class to have more than the mean of all."""
    classes: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in kept:
        classes[kind(candidate)].append(candidate)
    most = math.ceil(len(kept) / max(1, len(classes)))
    over = (rng.sample(members, len(members) - most) for members in classes.values() if len(members) > most)
    return dict.fromkeys(chain.from_iterable(over))


def _over_the_share(kept: Collection[Candidate], share: float, rng: random.Random) -> list[Candidate]:
    """What has to go for the rationalized to be no more than `share` of what is left."""
    hinted = [candidate for candidate in kept if candidate.rationalized]
    most = math.floor(share / (1 - share) * (len(kept) - len(hinted)))
    return rng.sample(hinted, max(0, len(hinted) - most))


def _over_the_voted_share(kept: Collection[Candidate], share: float, rng: random.Random) -> dict[Candidate, None]:
    """What has to go for answers that were voted on to be no more than `share`, even if no rationalized one is left."""
    voted = [candidate for candidate in kept if candidate.is_voted]
    plain = sum(not (candidate.is_voted or candidate.rationalized) for candidate in kept)
    return dict.fromkeys(rng.sample(voted, max(0, len(voted) - most_beside(plain, share))))


def digest_of(example: Example) -> bytes:
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
