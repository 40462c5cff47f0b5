"""What letters side by side mean in an answer: a word, a function, a constant, or single letters of a product."""

from __future__ import annotations

from collections.abc import Sequence

from star.verify.latex import Token
from star.verify.tree import NotMathematics

_FUNCTIONS = "sin cos tan cot sec csc asin acos atan sinh cosh tanh log ln exp abs gcd lcm max min"
_GREEK = """alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau phi chi psi omega ell
    Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega"""
_ENGLISH = "an as at be by do he if in is it me my no of on or so to up us we"

FUNCTIONS, GREEK = frozenset(_FUNCTIONS.split()), frozenset(_GREEK.split())
CONSTANTS = frozenset(["pi", "infty", "emptyset"])
NAMES = FUNCTIONS | CONSTANTS | GREEK | {"sqrt"}
INFINITY = frozenset(["infinity", "oo", "inf"])
ENGLISH = frozenset(_ENGLISH.split())
"""English words of two letters; other pairs of letters are a product, as in `xy`."""
PRODUCTS = frozenset(["abc", "abcd", "xyz", "pqr", "rst", "uvw"])
"""Longer runs of letters that are a product."""
MATRICES = frozenset(["matrix", "pmatrix", "bmatrix"])
RELATIONS = frozenset(["=", "lt", "gt", "le", "ge", "ne"])
SET_OPERATORS = {"cup": "union", "cap": "intersection", "setminus": "difference"}


def words(tokens: Sequence[Token]) -> str | None:
    """The words of an answer that is words alone, as `east` or `\\text{(A)}`, in lower case; `None` if it is not."""
    if all(token.kind == "text" for token in tokens):
        return " ".join(token.value for token in tokens).casefold().strip("() .")
    values = [token.value for token in tokens if token.kind == "word"]
    if len(values) < len(tokens) or not any(map(_is_english, values)):
        return None
    return " ".join(values).casefold() if not (NAMES | PRODUCTS | INFINITY) & set(values) else None


def _is_english(word: str) -> bool:
    return len(word) > 2 or word.casefold() in ENGLISH


def symbols(tokens: Sequence[Token]) -> list[Token]:
    """Tokens with words as what they mean.

    Raises:
        NotMathematics: a word means nothing.
    """
    found: list[Token] = []
    for token in tokens:
        value = token.value
        if token.kind not in ("word", "text") or value in MATRICES:
            found.append(token)
        elif value in ("or", "and"):
            found.append(Token("operator", "or"))
        elif value in NAMES:
            found.append(Token("command", value))
        elif value in INFINITY:
            found.append(Token("command", "infty"))
        elif len(value) == 1 or value in PRODUCTS or (len(value) == 2 and value.casefold() not in ENGLISH):
            found += [Token("symbol", letter) for letter in value]
        else:
            raise NotMathematics
    return found
