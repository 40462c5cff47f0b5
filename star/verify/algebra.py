"""Whether two pieces of mathematics are equal, by sympy. Runs in a worker only: it may hang, or eat memory.

Trees come from `expression.py`; sympy objects are built from them by constructors, never from text. Values are
compared to 40 digits, formulas by their values at fixed points: no rounding to a few decimals, and no simplification,
which may not end, but of what has no digits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from itertools import combinations
from typing import Any

import sympy
import sympy.physics.units  # simplifying imports it, which a worker refuses
from latex2sympy2_extended.latex2sympy2 import _Latex2Sympy
from sympy.core.function import AppliedUndef

from star.verify.names import CONSTANTS, Node, has_several_names, is_name, is_variable, items_of, parts_of, unnamed

DIGITS = 50
"""Decimal digits to which values are computed."""
CLOSE = sympy.Float("1e-40", DIGITS)
"""Values are equal when they differ by no more, relatively."""
POINTS = ((3, 7), (-5, 11), (17, 1), (-19, 23), (29, 5), (31, 37), (-41, 13), (2, 43))
"""Fractions, and a whole number, that symbols stand for when two formulas are compared."""
PRECISION = 1000
"""Decimal digits to which parts of a value are worked out, so that what is left of them has `DIGITS`."""
ENOUGH = 3
"""Formulas must be defined, and equal, at this many points at least."""
MAX_ITEMS = 30
"""Largest set that is compared item by item in any order."""

VALUES = dict(zip(CONSTANTS, (sympy.pi, sympy.E, sympy.I, sympy.oo, sympy.pi / 180), strict=True))
_FUNCTIONS = "sin cos tan cot sec csc asin acos atan sinh cosh tanh log exp factorial binomial"
FUNCTIONS = {name: getattr(sympy, name) for name in _FUNCTIONS.split()} | {
    "abs": sympy.Abs,
    "max": sympy.Max,
    "min": sympy.Min,
    "gcd": lambda *values: reduce(sympy.gcd, values),
    "lcm": lambda *values: reduce(sympy.lcm, values),
}
_X = sympy.Dummy("x")
REGIONS = {"interval", "union", "intersection", "difference", "all"}
MIRRORED = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le", "=": "=", "ne": "ne"}


def equal(a: Node, b: Node) -> bool:
    """Whether two trees mean the same. Symmetric.

    Raises:
        ValueError: they are too large to compare, or so close to 0 that nobody can tell.
    """
    if a == b:
        return True
    if has_several_names(a, b):
        return False
    a, b = unnamed(a, b), unnamed(b, a)
    kinds = {a[0], b[0]}
    if "text" in kinds:
        return _word(a) is not None and _word(a) == _word(b)
    if a[0] == b[0] == "relation" and a[1] == b[1] == "=":
        return equal(a[3], b[3]) if a[2] == b[2] and is_name(a[2]) else _same_equation(a, b)
    if kinds & REGIONS or _has_inequality(a) or _has_inequality(b):
        return _same_region(a, b)
    if a[0] == b[0] == "ratio":
        return _same_ratio(a[1:], b[1:])
    if "set" in kinds:
        return _same_items(items_of(a), items_of(b))
    if kinds & {"tuple", "matrix", "row"}:
        return a[0] == b[0] and len(a) == len(b) and all(map(equal, a[1:], b[1:]))
    return _is_formula(a) and _is_formula(b) and _same_value(build(a), build(b))


def equal_latex(gold: str, answer: str) -> bool | None:
    """Whether two texts of LaTeX mean the same to math-verify's parser; `None` if it cannot read both."""
    try:
        left, right = (_LatexReader(is_real=True).parse(text) for text in (gold, answer))
    except (MemoryError, PermissionError):
        raise
    except Exception:
        return None
    return _same_object(_value_of(left, right), _value_of(right, left))


class _LatexReader(_Latex2Sympy):
    """math-verify's parser, but for its numbers: it evaluates their text, and rounds them."""

    def parse_number(self, text: str) -> sympy.Rational:
        return sympy.Rational(text.replace(",", "").lower())


def build(node: Node) -> sympy.Expr:
    """A tree as a sympy expression.

    Raises:
        ValueError: the tree is no expression.
    """
    kind, *parts = node
    if kind == "number":
        return sympy.Rational(*parts)
    if kind == "symbol":
        return VALUES.get(parts[0]) or sympy.Symbol(parts[0])
    if kind in ("add", "mul", "pow"):
        return {"add": sympy.Add, "mul": sympy.Mul, "pow": sympy.Pow}[kind](*map(build, parts))
    if kind == "ratio":
        return build(parts[0]) / build(parts[1])
    if kind == "call" and parts[0] == "root":
        value, index = map(build, parts[1:])
        is_odd = index.is_Integer and index.is_odd
        return sympy.real_root(value, index) if is_odd and value.is_number else sympy.Pow(value, 1 / index)
    if kind == "call":
        return FUNCTIONS[parts[0]](*map(build, parts[1:]))
    raise ValueError(f"{kind} is no expression")


def region(node: Node) -> sympy.Set | None:
    """A tree as a subset of the real line; `None` if it is none."""
    kind, *parts = node
    if kind == "interval" or (kind == "tuple" and len(parts) == 2):
        brackets, low, high = parts if kind == "interval" else ("()", *parts)
        if not (_is_formula(low) and _is_formula(high)):
            return None
        return sympy.Interval(build(low), build(high), brackets[0] == "(", brackets[1] == ")")
    if kind in ("union", "intersection", "difference", "all", "set"):
        sets = [region(part) for part in parts]
        joined = {"union": sympy.Union, "set": sympy.Union, "difference": sympy.Complement}
        return None if None in sets else joined.get(kind, sympy.Intersection)(*sets)
    if kind == "relation":
        return _half_line(*parts)
    if list(node) == ["symbol", "emptyset"]:
        return sympy.S.EmptySet
    return sympy.FiniteSet(build(node)) if _is_formula(node) else None


def _half_line(operator: str, left: Node, right: Node) -> sympy.Set | None:
    """Where `x < 3` holds; `None` for a relation of any other form."""
    if not is_variable(left):
        operator, left, right = MIRRORED[operator], right, left
    if not (is_variable(left) and _is_formula(right)) or (bound := build(right)).free_symbols:
        return None
    if operator in ("lt", "le"):
        return sympy.Interval(-sympy.oo, bound, True, operator == "lt")
    if operator in ("gt", "ge"):
        return sympy.Interval(bound, sympy.oo, operator == "gt", True)
    point = sympy.FiniteSet(bound)
    return point if operator == "=" else sympy.S.Reals - point


def _is_formula(node: Node) -> bool:
    if node[0] == "ratio":
        return [part[0] for part in node[1:]] == ["number", "number"]
    return node[0] in ("number", "symbol", "add", "mul", "pow", "call") and all(map(_is_formula, parts_of(node)))


def _has_inequality(node: Node) -> bool:
    return any(part[0] == "relation" and part[1] != "=" for part in [node, *parts_of(node)])


def _word(node: Node) -> str | None:
    """Words, or letters side by side, in lower case."""
    if node[0] in ("text", "symbol"):
        return node[1].casefold()
    if node[0] == "mul" and all(part[0] == "symbol" for part in node[1:]):
        return "".join(part[1] for part in node[1:]).casefold()
    return None


def _same_items(a: Sequence[Any], b: Sequence[Any], same: Callable[[Any, Any], bool] = equal) -> bool:
    """Whether each item is the same as some item on the other side, in any order."""
    if max(len(a), len(b)) > MAX_ITEMS:
        raise ValueError(f"a set of {max(len(a), len(b))} items")
    return all(any(same(x, y) for y in b) for x in a) and all(any(same(x, y) for x in a) for y in b)


def _same_ratio(a: Sequence[Node], b: Sequence[Node]) -> bool:
    """Whether two ratios have parts in the same proportions."""
    if len(a) != len(b) or not all(map(_is_formula, (*a, *b))):
        return False
    if len(a) > MAX_ITEMS:
        raise ValueError(f"a ratio of {len(a)} parts")
    pairs = [(build(x), build(y)) for x, y in zip(a, b, strict=True)]
    alike = all(_same_value(x * v, u * y) for (x, y), (u, v) in combinations(pairs, 2))
    return alike and all(any(side) for side in zip(*pairs, strict=True))


def _same_region(a: Node, b: Node) -> bool:
    variables = {side[1] for node in (a, b) for side in _sides(node) if is_variable(side)}
    left, right = region(a), region(b)
    return len(variables) <= 1 and left is not None and right is not None and _same_set(left, right)


def _sides(node: Node) -> list[Node]:
    if node[0] == "relation":
        return list(node[2:])
    return [side for part in parts_of(node) for side in _sides(part)] if node[0] in ("all", "set", "union") else []


def _same_set(a: sympy.Set, b: sympy.Set) -> bool:
    """Whether two sets have the same pieces, or no difference."""
    pieces = [part.args if isinstance(part, (sympy.Union, sympy.FiniteSet)) else [part] for part in (a, b)]
    if a == b or _same_items(*pieces, same=_same_piece):
        return True
    return not (a.is_Interval and b.is_Interval) and a.symmetric_difference(b).is_empty is True


def _same_piece(a: Any, b: Any) -> bool:
    if a == b or not (isinstance(a, sympy.Interval) and isinstance(b, sympy.Interval)):
        return a == b or (isinstance(a, sympy.Expr) and isinstance(b, sympy.Expr) and _same_value(a, b))
    return a.args[2:] == b.args[2:] and _same_value(a.start, b.start) and _same_value(a.end, b.end)


def _same_object(a: Any, b: Any) -> bool:
    """Whether two sympy objects of any kind are the same."""
    if isinstance(a, sympy.Expr) and isinstance(b, sympy.Expr):
        return _same_value(a.doit(), b.doit())
    if isinstance(a, sympy.Set) and isinstance(b, sympy.Set):
        return _same_set(a.doit(), b.doit())
    if isinstance(a, sympy.MatrixBase) and isinstance(b, sympy.MatrixBase):
        return a.shape == b.shape and all(map(_same_object, a, b))
    same_kind = type(a) is type(b) and len(a.args) == len(b.args) > 0
    return a == b or (same_kind and all(map(_same_object, a.args, b.args)))


def _value_of(value: Any, other: Any) -> Any:
    """As `unnamed`, for sympy objects."""
    if not isinstance(value, sympy.Eq) or isinstance(other, sympy.Rel):
        return value
    inside, outside = value.rhs.free_symbols, value.lhs.free_symbols
    named = isinstance(value.lhs, sympy.Symbol) and not outside & inside
    called = isinstance(value.lhs, AppliedUndef) and (not inside or not outside or outside & inside)
    return value.rhs if named or called else value


def _same_equation(a: Node, b: Node) -> bool:
    """Whether one equation is the other times a number."""
    if not all(map(_is_formula, (*a[2:], *b[2:]))):
        return False
    left, right = (build(node[2]) - build(node[3]) for node in (a, b))
    for point in _points(left, right):
        x, y = (_digits(side.subs(point)) for side in (left, right))
        if x and y:
            return _same_value(left * y, right * x)
    return False


def _same_value(a: sympy.Expr, b: sympy.Expr) -> bool:
    if a == b or (a.is_Rational and b.is_Rational):
        return a == b and not a.has(sympy.nan, sympy.zoo)
    defined, points = 0, list(_points(a, b))
    for point in points:
        x, y = (_digits(side.subs(point)) for side in (a, b))
        if (x is None) != (y is None) or (x is not None and abs(x - y) > CLOSE * max(abs(x), abs(y))):
            return False
        defined += x is not None
    return defined >= min(ENOUGH, len(points))


def _points(*sides: sympy.Expr) -> Iterator[dict[sympy.Symbol, sympy.Rational]]:
    """Values for the symbols of all sides: as many as `POINTS`, or one empty one if there is no symbol."""
    names = sorted(set().union(*(side.free_symbols for side in sides)), key=str)
    for shift in range(len(POINTS) if names else 1):
        yield {s: _coordinate(shift + 3 * i, i // len(POINTS)) for i, s in enumerate(names)}


def _coordinate(index: int, again: int) -> sympy.Rational:
    """A fraction of `POINTS`, with another denominator where all have been used, for no two symbols are the same."""
    top, bottom = POINTS[index % len(POINTS)]
    return sympy.Rational(top, bottom + 60 * again)


def _digits(value: sympy.Expr) -> sympy.Expr | None:
    """`value` to `DIGITS` digits. `None` where it is not defined.

    Raises:
        ValueError: it has no certain digit, and yet cannot be shown to be 0.
    """
    found = value.evalf(DIGITS, maxn=PRECISION)
    if not (found.is_number and found.is_finite):
        return None
    parts = found.as_real_imag()
    doubts = [abs(part) for part in parts if getattr(part, "_prec", 0) == 1]
    real, imaginary = (sympy.S.Zero if getattr(part, "_prec", 0) == 1 else part for part in parts)
    digits = real + sympy.I * imaginary
    if digits != 0 and all(doubt <= CLOSE * abs(digits) for doubt in doubts):
        return digits
    if not _vanishes(value):
        raise ValueError("too close to 0 to tell")
    return sympy.S.Zero


def _vanishes(value: sympy.Expr) -> bool:
    """Whether a number is shown to be 0."""
    return sympy.simplify(value) == 0 or bool(value.is_algebraic and sympy.minimal_polynomial(value, _X) == _X)
