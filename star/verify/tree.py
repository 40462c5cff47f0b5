"""Mathematics as a tree of plain tuples: its nodes, how to make them, and what plain arithmetic is worth.

The nodes: `("number", p, q)`, `("symbol", name)`, `("text", words)`, `("add", ...)`, `("mul", ...)`, `("pow", x, y)`,
`("call", function, ...)`, `("relation", op, x, y)`, `("all", relation, ...)`, `("set", ...)`, `("tuple", ...)`,
`("interval", "[)", x, y)`, `("union", ...)`, `("intersection", ...)`, `("difference", x, y)`,
`("matrix", ("row", ...), ...)`; and, while reading, `("either", x)` for `± x`.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

Node = tuple[Any, ...]

MAX_BITS = 10_000
"""Largest power that is worked out here, in bits."""


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


def inverse(node: Node) -> Node:
    return ("pow", node, number(-1))


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


def rational(node: Node) -> Fraction | None:
    """The exact value of a tree that is plain rational arithmetic of reasonable size, else `None`.

    >>> rational(("add", ("number", 1, 2), ("number", 1, 3)))
    Fraction(5, 6)
    """
    kind, *parts = node
    if kind == "number":
        return Fraction(*parts)
    if kind not in ("add", "mul", "pow"):
        return None
    values = [rational(part) for part in parts]
    if None in values:
        return None
    if kind == "add":
        return sum(values, Fraction(0))
    if kind == "mul":
        product = Fraction(1)
        for value in values:
            product *= value
        return product
    base, exponent = values
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if exponent.denominator != 1 or abs(exponent) * bits > MAX_BITS or (base == 0 and exponent <= 0):
        return None
    return base**exponent.numerator
