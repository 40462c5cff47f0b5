"""Whether an answer is in a passage: a span of its words, or what a confirmed equation makes of its numbers."""

from __future__ import annotations

import re

from star.synthesize.numbers import equations, numbers, single
from star.verify.text import normalise

_NUMBER = r"((?<!\w)[-−])?[$€£¥]?((?:(?<!\w)\.)?[0-9]+(?:[.,:/][0-9]+)*)(\s?%)?"
_WORD = re.compile(rf"{_NUMBER}|[^\W_0-9]+|[^\W_]")


def is_span(answer: str, passage: str, most_words: int) -> bool:
    """Whether the words of an answer stand in the passage one after the other, case and punctuation aside; not if they
    are none, more than `most_words`, or all of it. A number is a word, with its sign and per cent: neither `500` is a
    span of `3,500`, nor `5` of `-5`, nor `50` of `50%`.

    >>> is_span("the Red barn", "Tom painted the red barn.", 5), is_span("red", "Tom painted the redder barn.", 5)
    (True, False)
    """
    said, words = _words(answer), _words(passage)
    size = len(said)
    if not 0 < size <= most_words or size >= len(words):
        return False
    return any(words[start : start + size] == said for start in range(len(words) - size + 1))


def is_computed(answer: str, working: str, passage: str) -> bool:
    """Whether an equation in the working comes to the answer, with nothing on its left but numbers of the passage and
    what equations before it came to; all of them confirmed by the step checker.

    >>> is_computed("7 pens", "3 + 4 = 7 pens", "Ann has 3 pens and Ben has 4.")
    True
    """
    value, known = single(answer), numbers(passage)
    for left, right in equations(working):
        if left <= known:
            if right == value:
                return True
            known.add(abs(right))
    return False


def _words(text: str) -> list[str]:
    found = _WORD.finditer(normalise(text))
    return [f"{'-' * bool(one[1])}{one[2]}{'%' * bool(one[3])}" if one[2] else one[0] for one in found]
