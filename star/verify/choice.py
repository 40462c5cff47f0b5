"""Multiple choice: a letter, as `(e)`, `e.` or `E`; the full text of a choice; or both, as `blotter (e)`."""

from __future__ import annotations

import re
from functools import lru_cache

from star.records import Problem, Verdict
from star.verify.base import Verifier
from star.verify.text import normalise

MAX_CHOICES = 26
"""As many as there are letters."""

_LETTER = re.compile(r"(?:\\text\s*\{)?\s*\(?([a-z])\)?\s*\}?[.):]?")
_LETTER_AND_TEXT = re.compile(r"\(?([a-z])(?:\)|[.:])[.:]?\s+(\S.*)")
_TEXT_AND_LETTER = re.compile(r"(.*\S)\s*\(([a-z])\)\.?")


def letter(index: int) -> str:
    """What the choice at `index` is called: `a`, `b`, ..."""
    return chr(ord("a") + index)


def parse_choice(text: str, choices: tuple[str, ...]) -> int | None:
    """Index of the choice that `text` names, or `None`. A choice's own text goes before a letter.

    >>> parse_choice("(b).", ("bank", "mall")), parse_choice("mall (a)", ("bank", "mall"))
    (1, None)
    """
    wanted, texts = normalise(text), _normalised(choices)
    if texts.count(wanted) == 1:
        return texts.index(wanted)
    if texts.count(wanted.removesuffix(".")) == 1:
        return texts.index(wanted.removesuffix("."))
    if match := _LETTER.fullmatch(wanted):
        return _index(match[1], texts)
    for pattern, at_letter, at_text in ((_LETTER_AND_TEXT, 1, 2), (_TEXT_AND_LETTER, 2, 1)):
        if match := pattern.fullmatch(wanted):
            index = _index(match[at_letter], texts)
            if index is not None and texts[index] == match[at_text].removesuffix("."):
                return index
    return None


def _index(name: str, texts: list[str]) -> int | None:
    index = ord(name) - ord("a")
    return index if index < len(texts) else None


@lru_cache(maxsize=4096)
def _normalised(choices: tuple[str, ...]) -> list[str]:
    return [normalise(choice) for choice in choices]


class ChoiceVerifier(Verifier):
    """Correct when the answer names the choice that the ground truth names."""

    version = "choice 2"

    def check_gold(self, problem: Problem) -> str | None:
        if not problem.choices:
            return "the problem has no choices"
        if parse_choice(problem.answer, problem.choices) is None:
            return f"the ground truth {problem.answer!r} is none of its choices {list(problem.choices)}"
        return None

    def canonical(self, answer: str, problem: Problem) -> int | None:
        return parse_choice(answer, problem.choices)

    def verify(self, answer: str, problem: Problem) -> Verdict:
        index = parse_choice(answer, problem.choices)
        if index is None:
            return Verdict("no_answer", answer, "not one of the choices")
        same = index == parse_choice(problem.answer, problem.choices)
        return Verdict("correct" if same else "wrong", answer)
