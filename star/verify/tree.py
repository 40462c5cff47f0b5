"""Mathematics as a tree of plain tuples: its nodes, how to make them, and what plain arithmetic is worth.

The nodes: `("number", p, q)`, `("symbol", name)`, `("text", words)`, `("add", ...)`, `("mul", ...)`, `("pow", x, y)`,
`("call", function, ...)`, `("relation", op, x, y)`, `("all", relation, ...)`, `("set", ...)`, `("tuple", ...)`,
`("ratio", x, y, ...)`, `("interval", "[)", x, y)`, `("union", ...)`, `("intersection", ...)`, `("difference", x, y)`,
`("matrix", ("row", ...), ...)`; and, while reading, `("either", x)` for `± x`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import Any

Node = tuple[Any, ...]

MAX_BITS = 10_000
"""Largest numerator and denominator that is worked out here, in bits."""
_CLOCK = re.compile(r"[0-9]{1,2}:[0-9]{2}")


class NotMathematics(Exception):
    """The text is outside the grammar."""


def number(value: Fraction | int) -> Node:
    """A number node."""
    value = Fraction(value)
    return ("number", value.numerator, value.denominator)


def many(kind: str, parts: Sequence[Node]) -> Node:
    """Several parts as one node, or the only one as it is."""
    return parts[0] if len(parts) == 1 else (kind, *parts)


def negated(node: Node) -> Node:
    return number(-Fraction(*node[1:])) if node[0] == "number" else ("mul", number(-1), node)


REALS = ("interval", "()", negated(("symbol", "infty")), ("symbol", "infty"))


def inverse(node: Node) -> Node:
    return ("pow", node, number(-1))


def ratio(parts: Sequence[Node], text: str) -> Node:
    """`6:4` in lowest terms; but `12:30` may be a time of day, and stays as it is written in `text`.

    >>> ratio([number(6), number(4)], "6:4"), ratio([number(12), number(30)], "12:30")
    (('ratio', ('number', 3, 1), ('number', 2, 1)), ('text', '12:30'))
    """
    if _CLOCK.fullmatch(text):
        return ("text", text)
    values = [Fraction(*part[1:]) for part in parts if part[0] == "number"]
    if len(values) < len(parts) or not any(values):
        return ("ratio", *parts)
    unit = Fraction(gcd(*(v.numerator for v in values)), lcm(*(v.denominator for v in values)))
    unit = -unit if next(filter(None, values)) < 0 else unit
    return ("ratio", *(number(value / unit) for value in values))


def indexed(base: Node, index: Node | None) -> Node:
    """`x_1`, `12_8`, `f'`: a name of its own.

    Raises:
        NotMathematics: the base or the index is neither a letter nor a number.
    """
    if base[0] not in ("symbol", "number") or (index is not None and index[0] not in ("symbol", "number")):
        raise NotMathematics
    names = [node[1] if node[0] == "symbol" else str(Fraction(*node[1:])) for node in (base, index) if node]
    return ("symbol", "_".join(names) if index else names[0] + "'")


def spread(node: Node) -> list[Node]:
    """`1 ± 2` as `1 + 2` and `1 - 2`: all ± of a formula are + together, and - together."""
    plus, minus = _signed(node, False), _signed(node, True)
    return [plus] if plus == minus else [plus, minus]


def _signed(node: Node, minus: bool) -> Node:
    if node[0] == "either":
        part = _signed(node[1], minus)
        return negated(part) if minus else part
    return tuple(_signed(part, minus) if isinstance(part, tuple) else part for part in node)


def is_small(value: Fraction) -> bool:
    return max(value.numerator.bit_length(), value.denominator.bit_length()) <= MAX_BITS


def rational(node: Node) -> Fraction | None:
    """The exact value of a tree that is plain rational arithmetic of reasonable size, else `None`.

    >>> rational(("add", ("number", 1, 2), ("number", 1, 3)))
    Fraction(5, 6)
    """
    kind, *parts = node
    if kind == "number":
        return Fraction(*parts)
    if kind == "ratio":
        a, b = parts if [part[0] for part in parts] == ["number", "number"] else (number(1), number(0))
        return Fraction(*a[1:]) / Fraction(*b[1:]) if b[1] else None
    if kind not in ("add", "mul", "pow"):
        return None
    values = [rational(part) for part in parts]
    if None in values:
        return None
    if kind != "pow":
        total = Fraction(kind == "mul")
        for value in values:
            total = total * value if kind == "mul" else total + value
            if not is_small(total):
                return None
        return total
    base, exponent = values
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if exponent.denominator != 1 or abs(exponent) * bits > MAX_BITS or (base == 0 and exponent <= 0):
        return None
    return base**exponent.numerator
