"""Rationalizations that leak their hint: they mention it, or jump to the answer that it shows.

The hint is gone when a rationalization is trained on. A text that speaks of it teaches the model to rely on what is not
there, and one that states the answer without a step that yields it teaches the model to guess (Zelikman et al. 2022,
section 3.2, https://arxiv.org/abs/2203.14465).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from star.errors import cut
from star.records import Attempt, Problem
from star.tasks import Task
from star.tasks.base import HINT_MARK
from star.verify.choice import letter, parse_choice
from star.verify.text import normalise, words

MOST_SHOWN = 80
"""Characters of a leak that are shown."""
_ANSWER = r"(?:correct |right |final |true )?answer\b(?! (?:choice|option)s?\b)"
_GIVEN = r"(?:given|provided|supplied|stated|known|marked|indicated|specified|revealed)"
_MARKED = r"(?:marked|labell?ed|flagged|tagged|highlighted|designated|indicated)"
_PLACE = r"(?:the )?(?:question|prompt|problem|hint|parenthes[ei]s|brackets)\b"
_TELLS = r"(?:says|states|tells us|told us|gives|gave|provides|shows|marks)"
_PHRASES = (
    r"(?:the|this|that|your|our|given|provided) hint\b(?! of\b)",  # a hint of salt is none
    r"hint (?:says?|said|tells?|told|gives?|states?|shows?|indicates?|suggests?|is|was|provided|given)\b",
    r"as hinted\b",
    rf"{_GIVEN} {_ANSWER}",
    rf"(?:given|knowing) (?:that )?the {_ANSWER}",
    rf"answer (?:is|was|has been) (?:already )?{_GIVEN}\b(?! by\b| (?:in|as)\b)",  # in dollars, by a formula
    rf"the {_ANSWER} (?:that (?:is|was) )?{_GIVEN} (?:is|was|above)\b",
    rf"answer (?:(?:is|was) )?(?:(?:already|right|there|{_GIVEN}) )*in {_PLACE}",
    rf"{_MARKED} (?:as )?(?:the )?(?:\(?correct\b|right\b)(?! (?:answer|one|question)s)",
    r"marked (?:answer|choice|option)\b",
    rf"(?:according to|based on|as per|judging by|going by) the (?:{_GIVEN} )?{_ANSWER}(?! key)",
    rf"{_GIVEN} (?:in|by) the {_ANSWER}",
    rf"(?<!now )(?:we|i|you) (?:already )?(?:know|knew|(?:are|were|have been) (?:told|given)) (?:that )?the {_ANSWER}"
    r"(?! (?:must|should|will|can|has|have|depends)\b| is (?:some|an?\b))",  # is something that people eat
    rf"(?:question|prompt|problem) (?:already )?{_TELLS} (?:that )?the {_ANSWER}",
    rf"(?:match(?:es|ing)?|work(?:ed|ing)? back(?:wards?)? from) the {_ANSWER}",
)
_MENTION = re.compile(rf"\b(?:{'|'.join(_PHRASES)})")
"""What is said of a hint, in normalised text."""
_PREMISE = re.compile(
    r"\b(?:since|because|given that|knowing that|if) the (?:correct |right |final )?answer (?:is|must be|equals) "
    r"(?:an? |the )?[$(]?"
)
"""What stands before an answer that is reasoned from, not to."""
_GOES_ON = re.compile(r"\w|[.,][0-9]")
_SENTENCE = re.compile(r"(?<=[.!?;])\s")
_FUNCTION_WORDS = frozenset(words("a already an as are be by been has have in is of that the this to us was we were"))


def leak(task: Task, attempt: Attempt) -> str | None:
    """How an attempt leaks its hint, in words; `None` if it does not. Never raises on any text.

    Whether it is an accepted rationalization, the caller knows: any attempt can state an answer that no step yields.
    """
    problem, text, answer = attempt.problem, attempt.completion.text, attempt.verdict.answer
    if mention := next(_mentions(problem, normalise(text)), None):
        return f"mentions the hint: {cut(mention, MOST_SHOWN)!r}"
    if answer is not None and not task.yields(problem, text, answer):
        return f"no step yields {cut(answer, MOST_SHOWN)}"
    return None


def _mentions(problem: Problem, text: str) -> Iterator[str]:
    """What normalised text says of a hint, but for what the question speaks of, as the answers of a test."""
    asked = [normalise(part) for part in (problem.question, *problem.choices)]
    mark = normalise(HINT_MARK)
    if mark in text and not any(mark in part for part in asked):
        yield mark
    for match in _MENTION.finditer(text):
        told = set(words(match[0])) - _FUNCTION_WORDS
        if not any(told <= set(words(sentence)) for part in asked for sentence in _SENTENCE.split(part)):
            yield match[0]
    for match in _PREMISE.finditer(text):
        rest = text[match.end() :]
        for form in _forms(problem):
            if rest.startswith(form) and not _GOES_ON.match(rest, len(form)):
                yield match[0] + form


def _forms(problem: Problem) -> Iterator[str]:
    """How the right answer is written: as the ground truth, and as letter and text of a choice."""
    yield normalise(problem.answer)
    index = parse_choice(problem.answer, problem.choices)
    if index is not None:
        yield letter(index)
        yield normalise(problem.choices[index])
