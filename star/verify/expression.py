"""Answers as trees (`tree.py`), read by a closed grammar: nothing is evaluated, nothing is guessed.

    answer      item ((, | ; | or | and) item)*          several items are a set
    item        [symbol in] union (relation union)*      < <= = >= > !=
    union       ratio ((\\cup | \\cap | \\setminus) ratio)*
    ratio       sum (: sum)*                             12:30 is a word
    sum         [sign] term ((+ | - | \\pm) term)*
    term        factor ((* | /) [sign] factor | factor)*
    factor      atom (! | % | degree | ^exponent | _argument)*
    exponent    argument [^exponent]
    atom        number, symbol, (union), |union|, \\frac, \\sqrt, \\binom, function, pair, tuple, set, interval, matrix

What stands side by side is a product, but for a number behind something: `2 3` is none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import wraps

from star.verify.latex import Token, tokenise
from star.verify.numeric import parse_number
from star.verify.tree import REALS, Node, NotMathematics, indexed, inverse, many, negated, number, ratio, spread
from star.verify.words import CONSTANTS, FUNCTIONS, GREEK, MATRICES, RELATIONS, SET_OPERATORS, symbols, words

MAX_DEPTH = 30
"""Deepest nesting that is read."""
MAX_MARKS = 5
"""The most powers, indices, percent signs and the like behind one another."""


def parse_expression(text: str) -> Node | None:
    """The tree of `text`, or `None` where it is outside the grammar. Never raises; linear in the length of the text.

    >>> parse_expression(r"\\frac{x}{2}")
    ('mul', ('symbol', 'x'), ('pow', ('number', 2, 1), ('number', -1, 1)))
    """
    tokens = tokenise(text)
    if not tokens:
        return None
    if (found := words(tokens)) is not None:
        return ("text", found) if found else None
    try:
        return _Parser(tokens).answer()
    except NotMathematics:
        return None


def _nested(rule: Callable[[_Parser], Node]) -> Callable[[_Parser], Node]:
    """A rule that may contain itself, but only so deep."""

    @wraps(rule)
    def read(parser: _Parser) -> Node:
        parser.depth += 1
        if parser.depth > MAX_DEPTH:
            raise NotMathematics
        node = rule(parser)
        parser.depth -= 1
        return node

    return read


class _Parser:
    """Recursive descent over tokens; a method reads one rule of the grammar and returns its node."""

    def __init__(self, tokens: Sequence[Token]):
        self.tokens, self.position, self.depth, self.open_bars = [*symbols(tokens), Token("end", "")], 0, 0, 0

    @property
    def next(self) -> Token:
        return self.tokens[self.position]

    def take(self) -> Token:
        if self.next.kind == "end":
            raise NotMathematics
        self.position += 1
        return self.tokens[self.position - 1]

    def accepts(self, *operators: str) -> str | None:
        """Take the next token if it is one of these operators."""
        if self.next.kind == "operator" and self.next.value in operators:
            return self.take().value
        return None

    def expect(self, *operators: str) -> str:
        if (found := self.accepts(*operators)) is None:
            raise NotMathematics
        return found

    def answer(self) -> Node:
        items = [node for item in self.items() for node in spread(item)]
        if self.next.kind != "end":
            raise NotMathematics
        return many("set", items)

    def items(self) -> list[Node]:
        items = [self.item()]
        while self.accepts(",", ";", "or"):
            self.accepts("or")  # "1, 2, or 3"
            items.append(self.item())
        return items

    def item(self) -> Node:
        node, relations = self.union(), []
        if node[0] == "symbol" and self.accepts("in"):
            return self.union()
        while operator := self.accepts(*RELATIONS):
            left, node = node, self.union()
            relations.append(("relation", operator, left, node))
        return many("all", relations) if relations else node

    def union(self) -> Node:
        node = self.ratio()
        while operator := self.accepts(*SET_OPERATORS):
            node = (SET_OPERATORS[operator], node, self.ratio())
        return node

    def ratio(self) -> Node:
        start, parts = self.position, [self.sum()]
        while self.accepts(":"):
            parts.append(self.sum())
        text = "".join(token.value for token in self.tokens[start : self.position])
        return ratio(parts, text) if len(parts) > 1 else parts[0]

    def sum(self) -> Node:
        parts, operator = [], self.accepts("+", "-", "pm", "mp") or "+"
        while operator:
            term = self.term()
            term = negated(term) if operator in ("-", "mp") else term
            parts.append(("either", term) if operator in ("pm", "mp") else term)
            operator = self.accepts("+", "-", "pm", "mp")
        return many("add", parts)

    def term(self) -> Node:
        parts = [self.factor()]
        while True:
            if operator := self.accepts("cdot", "div", "/"):
                factor = self.signed_factor()
                parts.append(factor if operator == "cdot" else inverse(factor))
            elif self.starts_factor():
                parts.append(self.factor())
            else:
                return many("mul", parts)

    def starts_factor(self) -> bool:
        """Whether a factor follows side by side; a number never does: `2 3` is no product."""
        kind, value = self.next
        opens = value in ("(", "{", "[") or (value == "vert" and not self.open_bars)
        return value != "end" and (kind in ("symbol", "command") or (kind == "operator" and opens))

    def signed_factor(self) -> Node:
        return negated(self.factor()) if self.accepts("+", "-") == "-" else self.factor()

    @_nested
    def factor(self) -> Node:
        node, marks = self.atom(), 0
        while operator := self.accepts("!", "%", "circ", "^", "_", "'"):
            marks += 1
            if marks > MAX_MARKS:
                raise NotMathematics
            node = self.marked(node, operator)
        return node

    def marked(self, node: Node, operator: str) -> Node:
        """A node with what stands behind it."""
        if operator == "!":
            return ("call", "factorial", node)
        if operator == "%":
            return ("mul", node, number(Fraction(1, 100)))
        if operator == "circ" or (operator == "^" and self.is_degree()):
            return ("mul", node, ("symbol", "degree"))
        if operator == "^":
            return ("pow", node, self.exponent())
        return indexed(node, None if operator == "'" else self.argument())

    @_nested
    def exponent(self) -> Node:
        """`2^3^2` is `2^{3^2}`."""
        power = self.argument()
        return ("pow", power, self.exponent()) if self.accepts("^") else power

    def is_degree(self) -> bool:
        """Take the rest of `^\\circ` or `^{\\circ}`."""
        ahead = [token.value for token in self.tokens[self.position : self.position + 3]]
        length = 1 if ahead[:1] == ["circ"] else 3 if ahead == ["{", "circ", "}"] else 0
        self.position += length
        return length > 0

    @_nested
    def argument(self) -> Node:
        """What a command, a power or an index applies to: a group, or one signed atom."""
        if self.accepts("{"):
            return self.until("}")
        return negated(self.atom()) if self.accepts("+", "-") == "-" else self.atom()

    def until(self, closing: str) -> Node:
        node = self.union()
        self.expect(closing)
        return node

    def atom(self) -> Node:
        kind, value = self.take()
        if kind == "number" and (exact := parse_number(value)) is not None:
            return number(exact)
        if kind == "symbol":
            return ("symbol", value)
        if kind == "command":
            return self.command(value)
        if kind == "operator":
            return self.bracket(value)
        raise NotMathematics

    def bracket(self, opening: str) -> Node:
        if opening == "{":
            return self.until("}")
        if opening == "vert":
            self.open_bars += 1
            node = self.until("vert")
            self.open_bars -= 1
            return ("call", "abs", node)
        if opening == r"\{":
            return self.set()
        if opening not in ("(", "["):
            raise NotMathematics
        bars, self.open_bars = self.open_bars, 0
        items = self.items()
        self.open_bars = bars
        brackets = opening + self.expect(")", "]")
        if len(items) == 2 and brackets != "()":
            return ("interval", brackets, *items)
        if brackets not in ("()", "[]"):
            raise NotMathematics
        return many("tuple", items)

    def set(self) -> Node:
        if self.accepts(r"\}"):
            return ("set",)
        if self.next.kind == "symbol" and self.tokens[self.position + 1].value in (":", "vert"):
            self.position += 2  # {x : 0 < x < 1}
            node = many("set", self.items())
        else:
            node = ("set", *(node for item in self.items() for node in spread(item)))
        self.expect(r"\}")
        return node

    def command(self, name: str) -> Node:
        if name in ("frac", "binom"):
            top, bottom = self.argument(), self.argument()
            return ("mul", top, inverse(bottom)) if name == "frac" else ("call", "binomial", top, bottom)
        if name == "sqrt":
            index = self.until("]") if self.accepts("[") else number(2)
            return ("call", "root", self.argument(), index)
        if name == "begin":
            return self.matrix()
        if name in FUNCTIONS:
            return self.function(name)
        if name == "reals":
            return REALS
        if name in CONSTANTS or name in GREEK:
            return ("symbol", name)
        raise NotMathematics

    def function(self, name: str) -> Node:
        power = self.argument() if self.accepts("^") else None
        base = [self.argument()] if name == "log" and self.accepts("_") else []
        if self.accepts("("):
            arguments = self.items()
            self.expect(")")
        else:
            parts = [self.signed_factor()]
            while self.next.kind == "symbol" or self.next == Token("command", "pi"):
                parts.append(self.factor())
            arguments = [many("mul", parts)]
        if power == number(-1) and name in ("sin", "cos", "tan"):
            name, power = f"a{name}", None
        node = ("call", "log" if name == "ln" else name, *arguments, *base)
        return node if power is None else ("pow", node, power)

    def matrix(self) -> Node:
        """`\\begin{pmatrix} 1 & 2 ; 3 & 4 \\end{pmatrix}`: `tokenise` makes `;` of the end of a row."""
        self.environment()
        rows = [[self.union()]]
        while operator := self.accepts("&", ";"):
            if operator == ";" and self.next == Token("command", "end"):
                break
            if operator == ";":
                rows.append([])
            rows[-1].append(self.union())
        if self.take() != Token("command", "end"):
            raise NotMathematics
        self.environment()
        return ("matrix", *(("row", *row) for row in rows))

    def environment(self) -> None:
        self.expect("{")
        if self.take().value not in MATRICES:
            raise NotMathematics
        self.expect("}")
