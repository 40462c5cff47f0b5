"""Numeric expressions in running text: find them, and compute their exact values. No evaluation of text, no floats.

`runs` cuts tokens into stretches that may be one expression; `read` turns a stretch into an `Expression`, or `None` if
it is not surely a closed one (`x + 3`, `3 +`, `5:30 - 2`). Numbers are those of `numeric.py`. Units may follow them
(`3 hours * 30 mph`), `of` multiplies after a percentage or fraction, and `5(3)` is a product.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from typing import NamedTuple

from star.verify.compute import Item, NotClosed, Number, compute
from star.verify.numeric import parse_number

MAX_TOKENS = 100
"""Longest expression, in tokens."""
MAX_DIGITS = 40
"""Longest number, in characters."""

TOKEN = re.compile(
    r"""
    (?P<equals>≈|~=|(?<![=<>!:~])=(?![=>])(?:\s*(?:~|≈|(?:about|around|approximately|roughly|nearly|almost)\b))?)
  | (?P<number>(?:(?:\\?\$|[€£¥])\s?)?
        (?:[0-9]{1,4}\s[0-9]{1,4}/[0-9]{1,4}|(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+)
        (?:\s?\\?%)?(?:(?:[,.:]?[0-9]+)+|[!_])?)
  | (?P<of>of(?:\s+the)?(?=\s+[$0-9.(]))
  | (?P<power>\^|(?<=[\w)])\*\*(?=[\w(])|(?<=[\w)]\s)\*\*(?=\s[\w(]))
  | (?P<skip>\*\*|\s+|[$€£¥\\])
  | (?P<times>[xX](?=\s*[$€£¥]?\s?[0-9.])|(?<=\s)[xX](?=\s*\())
  | (?P<word>(?:/(?=[^\W0-9_]{2}))?[^\W0-9_]\w*(?:['’/-][^\W0-9_]\w*|\.\w+)*)
  | (?P<operator>[-+*/])
  | (?P<open>\()
  | (?P<close>\))
  | (?P<stop>\.{2,}|.)
    """,
    re.VERBOSE | re.DOTALL,
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_GLUED_UNITS = _words("km cm mm kg mg ml mL lb oz ft in hr st nd rd th gb GB mb MB")
_OPERATIONS = _words(
    "minus plus times over less more fewer twice thrice double triple square root power difference product quotient "
    "ratio average mean divided multiplied log from by than half third quarter percent hundred thousand million "
    "dozen"
)
"""Words before an expression that make it a part of a longer one."""
_FUNCTION = re.compile(
    r"(?i:(?:arc|a)?(?:sine?|cos|tan|cot|sec|csc)h?|cosine|tangent|l[ng]|log[0-9_]*|exp|sqrt|cbrt|root|abs|gc[df]|hcf"
    r"|lc[dm]|choose)|max|min"
)
"""Words before an operand that is not its own value: `sin 30 + 1`."""
_JOINTS = _words("of to and or with at")
"""The same, if a number stands further before: `add 5 to 3 + 4`."""
_CLAUSES = _words("because so then is are was were has have had if of to and or")
"""Words inside an expression that say that it is two."""
_SCALES = _words(
    "hundred thousand million billion dozen half halves third thirds fourth fourths quarter quarters fifth fifths "
    "percent squared cubed factorial pm am p.m a.m o'clock mod modulo remainder base"
)
"""Words behind a number that change its value."""
_BORDERS = frozenset(".,:;!?\"'“”‘’—•>()")
"""Other characters at its border (a root, an absolute value) may change it as well."""


class Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


@dataclass
class Run:
    """Tokens that may be one expression, the tokens on either side, and those before in the same clause."""

    tokens: list[Token] = field(default_factory=list)
    before: Token | None = None
    earlier: list[Token] = field(default_factory=list)
    after: Token | None = None


@dataclass(frozen=True)
class Expression:
    """Numbers, operators (`÷` is a `/` without spaces, `~` a sign) and parentheses, in the order of the text.

    `certain` says that nothing at its borders or inside may change its meaning; `units` are the words at its numbers.
    """

    value: Fraction
    items: tuple[Item, ...]
    units: tuple[str, ...]
    certain: bool
    chained: bool
    start: int
    end: int

    @property
    def computed(self) -> bool:
        return len(self.items) > 2

    @property
    def money(self) -> bool:
        return any(isinstance(item, Number) and item.money for item in self.items)

    @property
    def leading(self) -> Fraction | None:
        """The number it begins with."""
        return self.items[0].value if isinstance(self.items[0], Number) else None

    def readings(self) -> Iterator[tuple[Fraction, Fraction]]:
        """The values it may mean: 25% as 0.25 or 25, and `48 / 1/2` as 24 or 96.

        With each comes the unit in its last place, if it is one number that may be rounded there, or else 0.
        """
        last = self.items[-1]
        for percent, tight in product((Fraction(1, 100), Fraction(1)), (False, True)):
            place = Fraction(0)
            if not self.computed and isinstance(last, Number) and (last.decimals or last.percent):
                place = Fraction(1, 10**last.decimals) * (percent if last.percent else 1)
            yield compute(self.items, percent, tight), place


def runs(tokens: list[Token], before: Token | None) -> list[Run]:
    """Cut the tokens between two equals signs wherever two neighbours cannot be in one expression."""
    found, previous, depth = [Run(before=before)], before, 0
    for token in tokens:
        operand = previous is not None and previous.kind in ("number", "close", "word")
        glued = previous is not None and previous.end == token.start
        if token.kind == "of" and not (operand and _is_share(found[-1].tokens)):
            token = token._replace(kind="word")
        stops = token.kind == "stop" or (token.kind == "close" and not depth)
        if stops or (operand and (token.kind == "number" or (token.kind == "open" and not glued))):
            found[-1].after = token
            before = _neighbour(found[-1], previous, token if stops else None)
            found.append(Run([], before, [] if stops else found[-1].tokens))
            depth = 0
        if not stops:
            found[-1].tokens.append(token)
            depth += (token.kind == "open") - (token.kind == "close")
        previous = token._replace(kind="stop") if stops else token
    return found


def _neighbour(run: Run, last: Token | None, stop: Token | None) -> Token | None:
    """What the next run comes after: an operator that waits for its operand, else what ended this run."""
    symbols = [token for token in run.tokens[-4:] if token.kind != "word"]
    if symbols and symbols[-1].kind not in ("number", "close"):
        return symbols[-1]
    if stop and not (stop.text == "," and last and last.kind == "number"):
        return stop._replace(kind="stop")
    return last


def _is_share(tokens: list[Token]) -> bool:
    """Whether the last thing said is a percentage or a fraction: `20%`, `1/2`, `1/4th`."""
    tail = tokens[-3:] if tokens[-1].kind == "number" else tokens[-4:-1]
    return tokens[-1].text.endswith("%") or "/" in [token.text for token in tail]


def after_open(run: Run) -> Run:
    """The part of a left side after its last parenthesis that does not close: `5 x (3 + 4 = 7)`."""
    depth = 0
    for i in range(len(run.tokens) - 1, -1, -1):
        depth += (run.tokens[i].kind == "close") - (run.tokens[i].kind == "open")
        if depth < 0:
            alone = not i or run.tokens[i - 1].kind == "word"
            return Run(run.tokens[i + 1 :], run.tokens[i if alone else i - 1], [], run.after)
    return run


def read(run: Run) -> Expression | None:
    """The expression that a run is, or `None`."""
    tokens = run.tokens
    if run.before is None and len(tokens) > 1 and tokens[0].kind == "operator" and not _glued(*tokens[:2]):
        tokens = tokens[1:]  # the bullet of a list item
    size = max((i for i, token in enumerate(tokens) if token.kind != "word"), default=-1) + 1
    if not 0 < size <= MAX_TOKENS:
        return None
    tokens, words = tokens[:size], tokens[size : size + 3]
    try:
        if (words and _is_unknown(words[0], tokens[-1])) or any(_is_function(word) for word in run.earlier[-2:]):
            return None
        items = tuple(_items(tokens, run.before))
        value = compute(items)
    except NotClosed:
        return None
    inner = [token.text.lower() for token in tokens if token.kind == "word"]
    units = [word.text.lower() for word in words]
    chained = run.before is not None and run.before.kind == "equals"
    certain = (
        (tokens[0] is run.tokens[0] or run.tokens[0].text != "-")
        and _stands_alone(run)
        and (_OPERATIONS | _CLAUSES | _SCALES).isdisjoint(inner)
        and _SCALES.union(["of"] * (units[:1] == ["of"])).isdisjoint(units)
        and _has_one_reading(tokens, items, chained)
    )
    return Expression(value, items, (*inner, *units), certain, chained, tokens[0].start, tokens[-1].end)


def _glued(left: Token, right: Token) -> bool:
    return left.end == right.start


def _is_unknown(word: Token, operand: Token | None) -> bool:
    """Whether a word by an operand is an unknown of algebra, `7x` or `7 y`, and no unit."""
    if operand and _glued(operand, word) and len(word.text) < 3:
        return word.text not in _GLUED_UNITS
    return len(word.text) == 1 and word.text not in "aAI"


def _is_function(token: Token) -> bool:
    return token.kind == "word" and bool(_FUNCTION.fullmatch(token.text))


def _stands_alone(run: Run) -> bool:
    """Whether an expression surely begins and ends where the run does."""
    words = [token.text.lower() for token in run.earlier[-3:] if token.kind == "word"]
    joined = not _JOINTS.isdisjoint(words[-2:]) and any(token.kind == "number" for token in run.earlier)
    before = run.before
    if not _OPERATIONS.isdisjoint(words) or (joined and "total" not in words):
        return False
    if before and (before.kind == "close" or (before.kind == "word" and _is_unknown(before, None))):
        return False
    return _is_border(before) and (run.tokens[-1].kind == "word" or _is_border(run.after))


def _is_border(token: Token | None) -> bool:
    return (
        token is None
        or token.kind in ("equals", "word")
        or (token.kind in ("stop", "open", "close") and token.text in _BORDERS)
    )


def _has_one_reading(tokens: list[Token], items: tuple[Item, ...], chained: bool) -> bool:
    """False for `2 1/2`, `1/2 of 8 + 2`, `50 + 20%`, `8 / 1 / 4` and `6/2(3)`, which people read in two ways."""
    kinds = {token.kind for token in tokens}
    sums = "+" in items or "-" in items
    percents = {item.percent for item in items if isinstance(item, Number)}
    mixed = any(token.kind == "number" and re.search(r"[0-9]\s[0-9]", token.text) for token in tokens)
    implicit = items.count("*") > sum(token.kind in ("times", "of") or token.text == "*" for token in tokens)
    divided = [i for i, item in enumerate(items) if item in ("/", "÷")]
    twice = any(i + 2 in divided for i in divided)
    shared = "of" in kinds and (sums or chained)
    return not (mixed or twice or shared or (sums and len(percents) == 2) or (implicit and divided))


def _items(tokens: list[Token], before: Token | None) -> Iterator[Item]:
    """The items of an expression.

    Raises:
        NotClosed: an operand is missing, or is no number.
    """
    previous, operand = before, False
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.kind == "word":
            if not operand or _is_unknown(token, previous):
                raise NotClosed
        elif token.kind == "number":
            yield _number(token.text)
            operand = True
        elif token.kind == "open":
            if operand and previous.kind == "word":  # a function
                raise NotClosed
            yield from ("*", "(") if operand else ("(",)
            operand = False
        elif token.kind == "close":
            yield ")"
            operand = True
        elif operand:
            glued = token.text == "/" and following is not None and _glued(previous, token) and _glued(token, following)
            yield "÷" if glued else {"power": "^", "times": "*", "of": "*"}.get(token.kind, token.text)
            operand = False
        elif token.text == "-" and following and (_glued(token, following) or _is_equals(previous)):
            yield "~"
        else:
            raise NotClosed
        previous = token


def _is_equals(token: Token | None) -> bool:
    return token is not None and token.kind == "equals"


def _number(text: str) -> Number:
    value = parse_number(text) if len(text) <= MAX_DIGITS else None
    if value is None or re.fullmatch(r"0[0-9]{3}", text):
        raise NotClosed
    return Number(value, text.endswith("%"), text[0] in "\\$€£¥", len(text.rstrip("\\%").rstrip().partition(".")[2]))
