"""Equality of numbers written in a small, closed grammar. No evaluation, no floating point, no clock.

    [sign] [currency] number [%] [unit]       currency: $ \\$ € £ ¥, before or after the sign
    number: 1234 | 1,234 | 1.5 | .5 | 3e5 | 3/4 | 2 1/2

Signs include U+2212; full-width digits are read as digits. Whatever is not in the grammar is not a number: no `42²`,
`41 or 42`, `1_000` or digits of other scripts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

from star.records import Problem, Verdict
from star.verify.base import Verifier
from star.verify.text import normalise
from star.verify.units import Units

MAX_LENGTH = 200
"""Longest text that is read as a number, in characters."""
MAX_EXPONENT = 400
"""Largest absolute exponent in scientific notation; more would only buy huge integers."""

_ASCII = str.maketrans("−－＋，．％／０１２３４５６７８９", "--+,.%/0123456789")
_PLAIN = re.compile(r"-?\d{1,18}", re.ASCII)
_INTEGER = r"(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)"
_NUMBER = re.compile(
    rf"""
    (?P<sign>[+-]?)\s*(?:\\?[$]|[€£¥])?\s*(?P<inner_sign>[+-]?)
    (?:
        (?:(?P<whole>\d+)\s+)?(?P<top>{_INTEGER})\s*/\s*(?P<bottom>{_INTEGER})
      | (?P<integer>{_INTEGER})?(?:\.(?P<decimals>\d*))?(?:[eE](?P<exponent>[+-]?\d{{1,4}}))?
    )
    \s*(?P<percent>\\?%)?
    """,
    re.VERBOSE | re.ASCII,
)


def parse_number(text: str) -> Fraction | None:
    """The exact value of `text`, or `None` if it is not a number of the grammar above, unit aside.

    >>> parse_number("-$1,234.50"), parse_number("2 1/2"), parse_number("25%"), parse_number("42²")
    (Fraction(-2469, 2), Fraction(5, 2), Fraction(1, 4), None)
    """
    if len(text) > MAX_LENGTH:
        return None
    text = text.strip()
    if _PLAIN.fullmatch(text):
        return Fraction(int(text))
    match = _NUMBER.fullmatch(text.translate(_ASCII))
    if not match or (match["sign"] and match["inner_sign"]):
        return None
    value = _ratio(match) if match["top"] else _decimal(match)
    if value is None:
        return None
    if "-" in (match["sign"], match["inner_sign"]):
        value = -value
    return value / 100 if match["percent"] else value


def _ratio(match: re.Match[str]) -> Fraction | None:
    bottom = _int(match["bottom"])
    return Fraction(_int(match["top"]), bottom) + _int(match["whole"]) if bottom else None


def _decimal(match: re.Match[str]) -> Fraction | None:
    decimals, exponent = match["decimals"] or "", int(match["exponent"] or 0)
    if not (match["integer"] or decimals) or abs(exponent) > MAX_EXPONENT:
        return None
    value = Fraction(_int(match["integer"]) * 10 ** len(decimals) + _int(decimals), 10 ** len(decimals))
    return value * Fraction(10) ** exponent


def _int(digits: str | None) -> int:
    return int((digits or "0").replace(",", ""))


_parse_gold = lru_cache(maxsize=100_000)(parse_number)


class NumericVerifier(Verifier):
    """Correct when both are the same rational number, or differ by no more than `tolerance`.

    Args:
        units: words that may follow a number; see `Units`. When both name one, it must be the same.
        tolerance: largest absolute difference; 0 is exact.
    """

    def __init__(self, units: Sequence[str] = (), tolerance: float = 0.0):
        self.units = Units(units, letters=True) if units else None
        self.tolerance = Fraction(str(tolerance))
        self.version = f"numeric 3, units {', '.join(units) or 'none'}, tolerance {tolerance}"

    def check_gold(self, problem: Problem) -> str | None:
        value, _ = self._split(problem.answer)
        return f"the ground truth {problem.answer!r} is not a number" if _parse_gold(value) is None else None

    def canonical(self, answer: str, problem: Problem) -> tuple[Fraction, str | None] | None:
        text, unit = self._split(answer)
        value = parse_number(text)
        return None if value is None else (value, unit)

    def agree(self, answers: Sequence[str], problem: Problem) -> bool:
        """Whether all these are the same number, and those with a unit have the same."""
        meanings = [self.canonical(answer, problem) or (normalise(answer), None) for answer in answers]
        return len({value for value, _ in meanings}) <= 1 and len({unit for _, unit in meanings} - {None}) <= 1

    def verify(self, answer: str, problem: Problem) -> Verdict:
        text, unit = self._split(answer)
        value = parse_number(text)
        if value is None:
            return Verdict("no_answer", answer, "not a number")
        gold, its_unit = self._split(problem.answer)
        if unit and its_unit and unit != its_unit:
            return Verdict("wrong", answer, "another unit")
        wanted = _parse_gold(gold)
        if wanted is None:
            return Verdict("error", answer, f"the ground truth {problem.answer!r} is not a number")
        same = value == wanted if not self.tolerance else abs(value - wanted) <= self.tolerance
        return Verdict("correct" if same else "wrong", answer)

    def _split(self, text: str) -> tuple[str, str | None]:
        text = text.strip().removesuffix(".")
        return self.units.split(text) if self.units else (text, None)
