"""What `synthesize` comes to in one iteration: prompts that write problems, votes, and what joins the pool. For
`counts.py`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scripts.planning.assumed import Assumed
from scripts.planning.costs import Sampling
from scripts.planning.reader import Reader
from star.prompts import samples_with_exemplars

DRAFT, MEMBER, VOTE, WRITTEN = 260, 450, 110, 400
"""Bytes of a draft, of a problem in the pool, of a vote and of a row about a completion, texts aside
(`star/synthesize/`)."""


@dataclass(frozen=True)
class Drafted:
    """What the model has written, with the iteration that is estimated.

    Attributes:
        stages: its sampling, by name.
        known, voted: problems of the pool whose answer is known, and those whose answer was only voted on.
        lessons: that may be trained on.
        rows_bytes: written to disk.
        assumed: what was taken for granted, by name.
    """

    stages: dict[str, Sampling]
    known: float
    voted: float
    lessons: float
    rows_bytes: float
    assumed: dict[str, float]


NOTHING = Drafted({}, 0, 0, 0, 0, {})


def drafted(reader: Reader, assumed: Assumed, completion: float, number: int) -> Drafted:
    """For iteration `number`, in all of which as much is kept; nothing where the recipe has no problems written."""
    recipe, writer = reader.recipe, reader.writer
    if writer is None:
        return NOTHING
    settings, samples = recipe.synthesize, writer.decoding.samples
    each = writer.most / (settings.prompts * samples) if assumed.drafts is None else assumed.drafts
    passed = settings.prompts * samples * each * assumed.passed
    computed = passed * (reader.computed() if settings.answers == "computed" else 0)
    asked = passed - computed
    agreed = asked * assumed.agreed
    is_voted = writer.voted == "consensus"  # and not confirmed by a document
    again = min(settings.vote.again, (number - 1) * agreed) if is_voted else 0
    length = min(writer.decoding.max_new_tokens, assumed.writing or reader.written(each))
    calls = math.ceil(settings.prompts / recipe.sampler.wave)
    stages = {"new problems": Sampling(reader.asking(length), settings.prompts, samples, calls)}
    exemplars = samples_with_exemplars(recipe, number, hinted=False)
    if asked + again:
        texts = reader.texts(False, exemplars, completion, reader.new_problems(voted_on=True))
        calls = math.ceil((asked + again) / recipe.sampler.wave)
        stages["votes"] = Sampling(texts, asked + again, settings.vote.samples, calls)
    used = {"drafts": each, "writing": length, "passed": assumed.passed}
    used |= {"agreed": assumed.agreed} if asked else {}
    used |= {"lessons": assumed.lessons} if writer.teaches else {}
    known, voted = (computed, agreed) if is_voted else (computed + agreed, 0.0)
    lessons = settings.prompts * samples * assumed.lessons if writer.teaches else 0
    rows = _rows_bytes(reader, stages, each, number * (known + voted))
    return Drafted(stages, number * known, number * voted, lessons, rows, used)


def _rows_bytes(reader: Reader, stages: dict[str, Sampling], drafts: float, members: float) -> float:
    """Of completions, drafts, votes and the pool."""
    size, rows = reader.characters, 0.0
    for name, stage in stages.items():
        prompt = size(stage.texts.shared + stage.texts.own)
        each = VOTE if name == "votes" else drafts * DRAFT
        rows += stage.prompts * (prompt + WRITTEN) + stage.attempts * (size(stage.texts.completion) + each)
    return rows + members * MEMBER
