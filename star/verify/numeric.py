"""Exact equality of numbers written in a small, closed grammar. No evaluation, no floating point, no clock.

    [sign] [currency] number [%]        currency: $ \\$ € £ ¥, before or after the sign
    number: 1234 | 1,234 | 1.5 | .5 | 3e5 | 3/4 | 2 1/2

Signs include U+2212; full-width digits are read as digits. Whatever is not in the grammar is not a number: no `42²`,
`41 or 42`, `1_000` or digits of other scripts.
"""

from __future__ import annotations

import re
from fractions import Fraction

from star.records import Problem, Verdict

MAX_LENGTH = 200
"""Longest text that is read as a number, in characters."""
MAX_EXPONENT = 400
"""Largest absolute exponent in scientific notation; more would only buy huge integers."""

_ASCII = str.maketrans("−－＋，．％／０１２３４５６７８９", "--+,.%/0123456789")
_INTEGER = r"(?:\d{1,3}(?:,\d{3})+|\d+)"
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
    """The exact value of `text`, or `None` if it is not a number of the grammar above.

    >>> parse_number("-$1,234.50"), parse_number("2 1/2"), parse_number("25%"), parse_number("42²")
    (Fraction(-2469, 2), Fraction(5, 2), Fraction(1, 4), None)
    """
    if len(text) > MAX_LENGTH:
        return None
    match = _NUMBER.fullmatch(text.strip().translate(_ASCII))
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


class NumericVerifier:
    """Correct when both are the same rational number."""

    def check_gold(self, problem: Problem) -> str | None:
        return f"the ground truth {problem.answer!r} is not a number" if parse_number(problem.answer) is None else None

    def canonical(self, answer: str, problem: Problem) -> Fraction | None:
        return parse_number(answer.strip().removesuffix("."))

    def verify(self, answer: str, problem: Problem) -> Verdict:
        value = self.canonical(answer, problem)
        if value is None:
            return Verdict("no_answer", answer, "not a number")
        return Verdict("correct" if value == parse_number(problem.answer) else "wrong", answer)
