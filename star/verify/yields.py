"""Whether a rationale has a step that yields its final answer, or only states it.

A number is yielded by a computation that comes to it: in an equation (`48 + 24 = 72 clips`, or `x = 5` after `3x =
15`), or in words (`half of 48 is 24`). Any other answer is yielded by reasons: words that are neither the question's
nor those of a mere answer. Both err on the side of the rationale, which is only said to have no such step if nothing
in it may be one. A false equation yields nothing: `3 + 4 = 12` is what a model writes that knows the 12 and looks for
a way there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from itertools import permutations
from math import prod

from star.verify.numeric import parse_number
from star.verify.steps import equations
from star.verify.text import normalise, words

MAX_NUMBERS = 8
"""Numbers of a sentence that are combined with one another, the first ones."""
FEWEST_REASONS = 2
"""Different words that make a reason."""
_NUMBER = re.compile(
    r"(?:(?<![\w)])[-−]\s?)?\\?\$?(?:[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?|(?<![0-9])\.[0-9]+)(?:/[0-9]+)?\\?%?"
)
_OPERATION = re.compile(r"[0-9)%][^0-9]{0,30}[-+*/x×÷][^0-9]{0,30}[0-9(]")
_UNKNOWN = re.compile(r"(?<![^\W0-9_])(?<!['’])[b-zA-HJ-Z](?![^\W0-9_])")
_CLAUSE = re.compile(r"[,;:]\s|\.\s+(?=[A-Z])")
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n")
_WORDED = re.compile(
    r"\b(?:plus|add\w*|sum|total\w*|altogether|together|combin\w*|more|minus|subtract\w*|difference|less|fewer|left"
    r"|remain\w*|leav\w*|times|multipl\w*|product|each|every|per|divid\w*|quotient|split\w*|shar\w*|hal(?:f|ves?|ved)"
    r"|twice|doubl\w*|tripl\w*|thrice|thirds?|quarters?|fourths?|equals?|percent)\b"
)
"""Names of the operations, in a sentence in lower case."""
_FACTORS = {2: ("half", "halves", "twice", "double"), 3: ("third", "thrice", "triple"), 4: ("quarter", "fourth")}
_STATEMENT = frozenset(
    words(
        """a an the this that its it i we you is are was be will would must should has have answer answers correct right
        best final choice option solution result so thus hence therefore then because since as to of and or in for get
        gives think believe"""
    )
)
"""Words of a text that says no more than what the answer is."""


def computes(text: str, value: Fraction) -> bool:
    """Whether a computation of `text` comes to `value`, rounded or in another unit perhaps. Never raises on any text.

    >>> computes("48 + 24 = 72 clips", Fraction(72)), computes("It is 72.", Fraction(72))
    (True, False)
    """
    seen: set[str] = set()  # unknowns of the equations so far
    for equation in equations(text):
        if equation.sound is not False and any(_is_near(result, value) for result in equation.values):
            return True
        left, right = _CLAUSE.split(equation.left)[-1], _CLAUSE.split(equation.right)[0]
        if not equation.values and _solves(left, right, value, seen):
            return True
        seen.update(_UNKNOWN.findall(left), _UNKNOWN.findall(right))
    return any(_tells(sentence, value) for sentence in _SENTENCE.split(text))


def reasons(text: str, known: Iterable[str]) -> bool:
    """Whether a text says anything beside an answer and what is in the `known` texts. Never raises on any text.

    >>> reasons("The answer is bank (b).", ["mall", "bank"]), reasons("Banks keep cash safe. (b)", ["mall", "bank"])
    (False, True)
    """
    said = {word for word in words(text) if word.isdigit() or (word.isalnum() and len(word) > 1)}
    return len(said.difference(_STATEMENT, *map(words, known))) >= FEWEST_REASONS


def _is_near(result: Fraction, value: Fraction) -> bool:
    """Whether they are the same, once rounded to a whole number, or in hundredths."""
    if result in (value, value * 100) or result * 100 == value:
        return True
    if value.denominator == 1:
        return any(shown.denominator != 1 and abs(shown - value) < 1 for shown in (result, result * 100))
    return abs(result - value) <= abs(value) / 200


def _solves(left: str, right: str, value: Fraction, seen: set[str]) -> bool:
    """Whether an equation that nobody can check has `value` on one side, and on the other an operation, or an unknown
    that an earlier equation has too."""
    beside = (_NUMBER.findall(right)[:1], left), (_NUMBER.findall(left)[-1:], right)
    return any(
        parse_number(number) == value and (_OPERATION.search(side) or seen.intersection(_UNKNOWN.findall(side)))
        for numbers, side in beside
        for number in numbers
    )


def _tells(sentence: str, value: Fraction) -> bool:
    """Whether a sentence without equations names an operation, and its other numbers come to `value` by one."""
    sentence = normalise(sentence)
    if "=" in sentence or not _WORDED.search(sentence):
        return False
    numbers = [number for match in _NUMBER.finditer(sentence) if (number := parse_number(match[0])) is not None]
    if value not in numbers:
        return False
    numbers.remove(value)
    numbers = numbers[:MAX_NUMBERS]
    results = {sum(numbers), prod(numbers)} if len(numbers) > 1 else set()
    for a, b in permutations(numbers, 2):
        results.update((a + b, a - b, a * b, a / b if b else a))
    for factor, names in _FACTORS.items():
        if any(name.startswith(names) for name in words(sentence)):
            results.update(result for number in numbers for result in (number * factor, number / factor))
    return value in results
