"""Which numbers a text has, and which of them a step that the step checker confirms accounts for.

A number is digits as people write them (`12`, `1,200`, `3.5`); number words are not read. What counts lines, as `1.`,
`2.` or `Step 3:` at the start of one, is none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from fractions import Fraction

from star.verify import parse_number, sound_steps

LONGEST = 40
"""Characters of a number that is read."""
_NUMBER = re.compile(r"(?<![\w.])[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?(?![0-9])|[0-9]+(?:\.[0-9]+)?|\.[0-9]+")
_MARKER = re.compile(r"^[ \t]*(?:[-*#>]+[ \t]*)?(?:step[ \t]+([0-9]{1,2})\b|([0-9]{1,2})[.)](?=\s))", re.I | re.M)
_ALONE = re.compile(
    r"[^0-9A-Za-z−-]{0,3}?(?P<sign>[−-]?)[^0-9A-Za-z−-]{0,2}(?P<number>\.?[0-9][0-9.,]*)(?P<rest>[^0-9]*)"
)


def numbers(text: str) -> set[Fraction]:
    """The numbers of a text, without their signs. Never raises on any text.

    >>> sorted(map(int, numbers("1. Buy 3 pens at $1,200 each.")))
    [3, 1200]
    """
    found = (parse_number(number) for number in _written(text) if len(number) <= LONGEST)
    return {number for number in found if number is not None}


def has_unread(text: str) -> bool:
    """Whether a text has digits of another script than ours, or a number that is too long to be read."""
    foreign = any(c.isdecimal() and not c.isascii() for c in unicodedata.normalize("NFKC", text))
    return foreign or any(len(number) > LONGEST for number in _written(text))


def equations(text: str) -> Iterator[tuple[set[Fraction], Fraction]]:
    """The numbers on the left of each confirmed equation whose right side is one number, and that one.

    >>> [(sorted(map(int, left)), int(right)) for left, right in equations("3 + 4 = 7 pens, 7 * 2 = 15")]
    [([3, 4], 7)]
    """
    for step in sound_steps(text):
        left, equals, right = step.partition("=")
        if equals and (value := single(right)) is not None:
            yield numbers(left), value


def single(text: str) -> Fraction | None:
    """The number that a text is, sign included, beside words without digits; `None` if it is not one number.

    >>> single("$1,200 in all"), single("-3"), single("3 to 4")
    (Fraction(1200, 1), Fraction(-3, 1), None)
    """
    text = unicodedata.normalize("NFKC", text).strip()
    found = _ALONE.fullmatch(text) if len(text) <= 4 * LONGEST else None
    value = parse_number(found["number"].rstrip(".,")) if found else None
    return -value if value is not None and found["sign"] else value


def _written(text: str) -> list[str]:
    """The numbers of a text as they are written."""
    return _NUMBER.findall(_without_markers(unicodedata.normalize("NFKC", text)))


def _without_markers(text: str) -> str:
    """The text without what counts its lines from 1 on; any other number at the start of a line stays."""
    count = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal count
        if int(match[1] or match[2]) != count + 1:
            return match[0]
        count += 1
        return " "

    return _MARKER.sub(replace, text)
