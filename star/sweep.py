"""How an iteration samples, where it finds that out itself: the temperature and threshold with the best balance score.

B-STaR (Zeng et al. 2024, https://arxiv.org/abs/2412.17256, section 3, and `cal_modi_acc_soft` in
train_code/determine_hyper.py of its code, hkust-nlp/B-STaR) scores each pair on a few problems: of the different
responses that pass the threshold, n, those with the right answer, n', make min(n' / n*, 1) * n' / n. The first factor
asks for exploration, the second for a reward that can tell right from wrong.

What differs here: there is no reward model of the process. A response's score is the share of its checkable steps that
are sound (`star/verify/steps.py`), which knows no ground truth. B-STaR adds the answer's reward to that of the process,
so that a wrong answer may pass; here only right answers of those selected are trained on, whatever the threshold.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from star.files import read_json
from star.recipe import Decoding, Recipe
from star.records import Attempt, Problem, derive_seed
from star.select import by_problem, solves
from star.spool import Chosen

SWEEP = "sweep"
"""The artefact with the choice; the attempts at temperature 0.5 are in `sweep-0.5`."""


class Choice(NamedTuple):
    """How an iteration samples, and which of its right attempts it trains on."""

    temperature: float
    threshold: float

    def decoding(self, decoding: Decoding) -> Decoding:
        """`decoding` at the temperature chosen."""
        return decoding.model_copy(update={"temperature": self.temperature})


def choice_of(found: Mapping[str, Any] | None) -> Choice | None:
    """The choice that `sweep.json` holds, if the iteration has one."""
    return Choice(found["temperature"], found["threshold"]) if found else None


def decoding_in(folder: Path, recipe: Recipe) -> Decoding:
    """How the iteration in `folder` samples: at the temperature that it chose, if it did."""
    choice = _choice_in(folder)
    return choice.decoding(recipe.decoding) if choice else recipe.decoding


def threshold_in(folder: Path) -> float:
    """The threshold that the iteration in `folder` chose; without one, what every attempt reaches."""
    choice = _choice_in(folder)
    return choice.threshold if choice else 0.0


def _choice_in(folder: Path) -> Choice | None:
    path = folder / f"{SWEEP}.json"
    return choice_of(read_json(path) if path.exists() else None)


def tried_decodings(recipe: Recipe) -> dict[float, Decoding]:
    """How a sweep samples, by temperature."""
    rules, decoding = recipe.sweep, recipe.decoding
    return {t: decoding.model_copy(update={"temperature": t, "samples": rules.samples}) for t in rules.temperatures}


def stage_of(temperature: float) -> str:
    """What the stage is called that samples at a temperature."""
    return f"{SWEEP}-{temperature:g}"


def tried_problems(problems: Sequence[Problem], recipe: Recipe, number: int) -> Sequence[Problem]:
    """Those of an iteration's `problems` that its sweep is made on: of an answer that was voted on, nobody knows
    whether it is right."""
    known = array("Q", (place for place, problem in enumerate(problems) if not problem.is_voted))
    count = min(recipe.sweep.problems, len(known))
    return Chosen(problems, random.Random(derive_seed(recipe.seed, number, SWEEP)).sample(known, count))


def balance_score(right: int, selected: int, enough: int) -> float:
    """min(right / enough, 1) * right / selected, of the responses to one problem; 0 where none is selected.

    >>> balance_score(4, 5, 8)
    0.4
    """
    return min(right / enough, 1) * right / selected if selected else 0.0


def sweep_table(
    tries: Mapping[float, Iterable[Attempt]], recipe: Recipe, teaches: Callable[[str], str]
) -> dict[str, Any]:
    """What `sweep.json` holds: the pair with the highest mean score (of equals, the first in the recipe) and its
    `score`; a `table` of all pairs, with the mean numbers of different responses selected and right; and how many
    `samples` and `tokens` it took.

    Args:
        tries: the attempts at each temperature, those at one problem one after the other.
        teaches: what is trained on of a text: two attempts with the same are one response.
    """
    samples = tokens = 0
    table = []
    for temperature, attempts in tries.items():
        problems = []
        for _, group in by_problem(attempts):
            group = list(group)
            samples += len(group)
            tokens += sum(attempt.completion.num_tokens for attempt in group)
            different = {teaches(attempt.completion.text): attempt for attempt in group}.values()
            problems.append([(attempt.soundness, solves(attempt, recipe)) for attempt in different])
        pairs = [Choice(temperature, threshold) for threshold in recipe.sweep.thresholds]
        table += [pair._asdict() | _means(pair.threshold, problems, recipe.sweep.enough) for pair in pairs]
    best = max(table, key=lambda line: line["score"])
    chosen = {name: best[name] for name in ("temperature", "threshold", "score")}
    return {**chosen, "samples": samples, "tokens": tokens, "table": table}


def _means(threshold: float, problems: list[list[tuple[float, bool]]], enough: int) -> dict[str, float]:
    """What a threshold comes to, as means over problems, which are the soundness of their different responses and
    whether each is right."""
    selected = [[is_right for soundness, is_right in tries if soundness >= threshold] for tries in problems]
    scores = [balance_score(sum(tries), len(tries), enough) for tries in selected]
    means = {"score": fmean(scores), "right": fmean(map(sum, selected)), "selected": fmean(map(len, selected))}
    return {name: round(value, 6) for name, value in means.items()}
