"""Exact values of numeric expressions that are already cut into numbers, operators and parentheses."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

MAX_BITS = 2048
"""Largest numerator and denominator on the way to a value."""


class NotClosed(ValueError):
    """The items are no closed expression, or too large a one."""


class Number(NamedTuple):
    value: Fraction
    percent: bool
    money: bool
    decimals: int


Item = Number | str


def compute(items: tuple[Item, ...], percent: Fraction = Fraction(1, 100), tight: bool = False) -> Fraction:
    """The value of an expression: sums of products of powers, with `~` for a sign and `÷` for a `/` without spaces.

    Args:
        percent: what `%` means.
        tight: whether `÷` binds closer than `*`, so that `48 / 1÷2` is 96.

    Raises:
        NotClosed: the items do not parse, or a number on the way is too large or not defined.
    """
    return _Parser(items, percent, tight).parse()


class _Parser:
    """Recursive descent; the length of the items bounds its depth."""

    def __init__(self, items: tuple[Item, ...], percent: Fraction, tight: bool):
        self.items, self.at = [*items, "end"], 0
        self.percent, self.tight = percent, ("÷",) if tight else ()

    def parse(self) -> Fraction:
        value = self._sum()
        if self.items[self.at] != "end":
            raise NotClosed
        return value

    def _sum(self) -> Fraction:
        return self._chain(("+", "-"), self._product)

    def _product(self) -> Fraction:
        return self._chain(("*", "/") if self.tight else ("*", "/", "÷"), self._ratio)

    def _ratio(self) -> Fraction:
        return self._chain(self.tight, self._power)

    def _chain(self, operators: tuple[str, ...], operand: Callable[[], Fraction]) -> Fraction:
        value = operand()
        while self.items[self.at] in operators:
            operator = self._next()
            value = _apply(operator, value, operand())
        return value

    def _power(self) -> Fraction:
        negative = self.items[self.at] == "~"
        base = self._atom()
        if self.items[self.at] != "^":
            return base
        self._next()
        exponent = self._atom()
        if negative or self.items[self.at] == "^":  # -2^2 and 2^3^2 are read in two ways
            raise NotClosed
        return _apply("^", base, exponent)

    def _atom(self) -> Fraction:
        item = self._next()
        if isinstance(item, Number):
            return item.value * 100 * self.percent if item.percent else item.value
        if item == "~" and self.items[self.at] != "~":
            return -self._atom()
        if item != "(":
            raise NotClosed
        value = self._sum()
        if self._next() != ")":
            raise NotClosed
        return value

    def _next(self) -> Item:
        self.at += 1
        return self.items[self.at - 1]


def _apply(operator: Item, left: Fraction, right: Fraction) -> Fraction:
    if operator in ("+", "-"):
        value = left + right if operator == "+" else left - right
    elif operator == "*":
        value = left * right
    elif operator in ("/", "÷"):
        if not right:
            raise NotClosed
        value = left / right
    else:
        small = right.denominator == 1 and abs(right) * max(_bits(left), 1) <= MAX_BITS
        if not small or (right < 0 and not left):
            raise NotClosed
        value = left ** int(right)
    if _bits(value) > MAX_BITS:
        raise NotClosed
    return value


def _bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())
