"""What the answers of reasoning-gym's data sets need beside the common verifiers.

Most of its own `score_answer` run `eval`, `sympify` or substring matches on the answer. So an answer is read here by a
closed grammar and compared with the ground truth wherever that settles it. Only where other answers are right too
(`ReasoningGymVerifier`) is reasoning-gym asked, in a guarded worker that can be killed.
"""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from importlib.metadata import version
from itertools import chain
from typing import Any

from star.records import Problem, Verdict
from star.verify.base import Verifier
from star.verify.expression import parse_expression
from star.verify.numeric import parse_number
from star.verify.plans import CHECKS
from star.verify.pool import WorkerPool, reply_verdict
from star.verify.text import normalise
from star.verify.tree import Node, is_small, number, rational

CONSTANT = ("symbol", "C")
"""The constant of an integral."""
_ARITHMETIC = re.compile(r"[-+*/() 0-9]+")
_JUXTAPOSED = re.compile(r"[0-9)]\s*\(|\)\s*[0-9]|[0-9]\s+[0-9]|\*\s*\*|/\s*/")
MAX_LENGTH = 20_000
"""Longest answer that is read, in characters."""


class ValueVerifier(Verifier):
    """Correct when both texts mean the same value; a kind of value is a subclass."""

    kind: str

    def __init__(self) -> None:
        self.version = f"{self.kind} 2"

    @abstractmethod
    def read(self, text: str) -> Any:
        """What `text` means, hashable; `None` if it is no such value. Never raises on any text."""

    def same(self, value: Any, wanted: Any) -> bool:
        return value == wanted

    def check_gold(self, problem: Problem) -> str | None:
        missing = self.read(problem.answer) is None
        return f"the ground truth {problem.answer[:80]!r} is not {self.kind}" if missing else None

    def canonical(self, answer: str, problem: Problem) -> Hashable | None:
        return self.read(answer) if len(answer) <= MAX_LENGTH else None

    def verify(self, answer: str, problem: Problem) -> Verdict:
        if len(answer) > MAX_LENGTH:
            return Verdict("no_answer", answer[:MAX_LENGTH], "too long for a final answer")
        value, wanted = self.read(answer), self.read(problem.answer)
        if wanted is None:
            return Verdict("error", answer, self.check_gold(problem) or "")
        if value is None:
            return Verdict("no_answer", answer, f"not {self.kind}")
        return Verdict("correct" if self.same(value, wanted) else "wrong", answer)


class LinesVerifier(ValueVerifier):
    """The same text, line by line: a grid keeps its shape. Blank lines, white space and case do not count."""

    kind = "text"

    def read(self, text: str) -> tuple[str, ...] | None:
        return tuple(filter(None, map(normalise, text.splitlines()))) or None


class JsonVerifier(ValueVerifier):
    """The same JSON; strings may be in single quotes, as Python prints lists."""

    kind = "JSON"

    def read(self, text: str) -> str | None:
        for quoted in (text, text.replace("'", '"')):
            try:
                return json.dumps(json.loads(quoted, parse_constant=_refuse), sort_keys=True)
            except (ValueError, RecursionError):
                continue
        return None


class NumbersVerifier(ValueVerifier):
    """The same numbers, each within `tolerance`.

    Args:
        tolerance: largest absolute difference, as text.
        rows: white space separates numbers and lines rows, in order; without it commas or × do, in any order.
    """

    def __init__(self, tolerance: str, rows: bool):
        self.tolerance, self.rows = Fraction(tolerance), rows
        self.kind = "rows of numbers" if rows else "numbers with commas or × between"
        self.version = f"{self.kind} 2, tolerance {tolerance}"

    def read(self, text: str) -> tuple[tuple[Fraction, ...], ...] | None:
        lines = (
            [line.split() for line in text.splitlines() if line.strip()] if self.rows else [re.split("[,×x*]", text)]
        )
        values = [[parse_number(item) for item in line] for line in lines]
        if not values or None in chain(*values):
            return None
        return tuple(tuple(row if self.rows else sorted(row)) for row in values)

    def same(self, value: Any, wanted: Any) -> bool:
        pairs = zip(chain(*value), chain(*wanted), strict=False)
        return list(map(len, value)) == list(map(len, wanted)) and all(abs(a - b) <= self.tolerance for a, b in pairs)


class SignificantVerifier(ValueVerifier):
    """A number that is right to three significant digits: within half a unit of the third digit of the ground truth."""

    kind = "a number"
    half_unit = Fraction(5, 1000)

    def read(self, text: str) -> Fraction | None:
        return parse_number(text)

    def same(self, value: Fraction, wanted: Fraction) -> bool:
        exponent = (Decimal(wanted.numerator) / Decimal(wanted.denominator)).adjusted()
        return abs(value - wanted) <= (self.half_unit * Fraction(10) ** exponent if wanted else 0)


class TargetVerifier(ValueVerifier):
    """Arithmetic with + - * / ( ) that has the value and the integers of the ground truth, each used as often."""

    kind = "arithmetic with + - * / and parentheses"

    def read(self, text: str) -> tuple[Fraction, tuple[int, ...]] | None:
        if not _ARITHMETIC.fullmatch(text) or _JUXTAPOSED.search(text):
            return None
        tree = parse_expression(text)
        value = None if tree is None else rational(tree)
        return None if value is None else (value, tuple(sorted(map(int, re.findall("[0-9]{1,18}", text)))))


class PolynomialVerifier(ValueVerifier):
    """The same polynomial, multiplied out: a product of sums is no answer, for the question is one."""

    kind = "a polynomial that is multiplied out"

    def read(self, text: str) -> frozenset[tuple[frozenset[tuple[str, Fraction]], Fraction]] | None:
        tree = parse_expression(text)
        if tree is None:
            return None
        total: dict[frozenset[tuple[str, Fraction]], Fraction] = {}
        for term in tree[1:] if tree[0] == "add" else [tree]:
            powers: dict[str, Fraction] = {}
            factor = _monomial(term, powers)
            if factor is None:
                return None
            key = frozenset((name, power) for name, power in powers.items() if power)
            total[key] = total.get(key, Fraction(0)) + factor
            if not is_small(total[key]):
                return None
        return frozenset((key, factor) for key, factor in total.items() if factor)


class IntegralVerifier(ValueVerifier):
    """The same antiderivative but for a constant: f(x) - f(y) = g(x) - g(y), which a worker compares (`algebra.py`)."""

    kind = "an antiderivative"

    def __init__(self, timeout: float, memory: int):
        self.version = f"{self.kind} 2, sympy {version('sympy')}"
        self.pool = WorkerPool(timeout, memory)

    def read(self, text: str) -> Node | None:
        tree = parse_expression(text)
        return None if tree is None or tree[0] in ("text", "set", "tuple", "relation", "all") else tree

    def verify(self, answer: str, problem: Problem) -> Verdict:
        return self.verify_all([(answer, problem)])[0]

    def verify_all(self, pairs: Sequence[tuple[str, Problem]]) -> list[Verdict]:
        verdicts = [ValueVerifier.verify(self, answer, problem) for answer, problem in pairs]
        open_ones = [i for i, verdict in enumerate(verdicts) if verdict.status == "wrong"]
        trees = [tuple(_change(self.read(text)) for text in (pairs[i][1].answer, pairs[i][0])) for i in open_ones]
        for i, reply in zip(open_ones, self.pool.ask("equal", trees), strict=True):
            verdicts[i] = reply_verdict(pairs[i][0], reply, right=True)
        return verdicts


class ReasoningGymVerifier(Verifier):
    """Correct when reasoning-gym's own score of the answer is 1.0 (less is partial credit), in a guarded worker.

    The problem's `meta["metadata"]` is the entry's; where there is none, as in an exemplar, the text must be the same.

    Args:
        data_sets: those that there are problems of, with their options; some scores depend on them.
        timeout: seconds for one answer.
        memory: MiB of address space of a worker.
        workers: how many there are; see `WorkerPool`.
    """

    def __init__(
        self,
        data_sets: Mapping[str, dict[str, Any]],
        timeout: float = 2.0,
        memory: int = 1024,
        workers: int | None = None,
    ):
        self.pool = WorkerPool(timeout, memory, workers, data_sets)
        self.text = LinesVerifier()
        self.version = f"reasoning_gym {version('reasoning-gym')}, {', '.join(data_sets)}"

    def check_gold(self, problem: Problem) -> str | None:
        verdict = self.verify(problem.answer, problem)
        if verdict.accepted:
            return None
        return f"reasoning-gym does not score its own answer {problem.answer[:80]!r} as right ({verdict.detail})"

    def canonical(self, answer: str, problem: Problem) -> Hashable | None:
        return self.text.canonical(answer, problem)

    def verify(self, answer: str, problem: Problem) -> Verdict:
        return self.verify_all([(answer, problem)])[0]

    def verify_all(self, pairs: Sequence[tuple[str, Problem]]) -> list[Verdict]:
        unasked = [self._unasked(answer, problem) for answer, problem in pairs]
        asked = [pair for pair, verdict in zip(pairs, unasked, strict=True) if verdict is None]
        replies = iter(self.pool.ask("score", [_request(answer, problem) for answer, problem in asked]))
        return [
            reply_verdict(answer, next(replies), right=1.0) if verdict is None else verdict
            for (answer, _), verdict in zip(pairs, unasked, strict=True)
        ]

    def _unasked(self, answer: str, problem: Problem) -> Verdict | None:
        """The verdict without reasoning-gym, or `None` where it is to be asked."""
        metadata = problem.meta.get("metadata")
        if metadata is None or len(answer) > MAX_LENGTH:
            return self.text.verify(answer, problem)
        check = CHECKS.get(metadata["source_dataset"])
        return check(answer, metadata) if check else None


def _request(answer: str, problem: Problem) -> tuple[str, dict[str, Any], str]:
    """What a worker is asked: the data set, the entry that the problem was, and the answer."""
    metadata = problem.meta["metadata"]
    entry = {"question": problem.question, "answer": problem.answer, "metadata": metadata}
    return metadata["source_dataset"], entry, answer


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not a number that JSON has")


def _monomial(node: Node, powers: dict[str, Fraction]) -> Fraction | None:
    """The factor of a term, its powers added to `powers`; `None` if it is no product of numbers and powers."""
    kind, *parts = node
    if kind == "mul":
        product = Fraction(1)
        for factor in (_monomial(part, powers) for part in parts):
            if factor is None or not is_small(product := product * factor):
                return None
        return product
    base, exponent = parts if kind == "pow" else (node, number(1))
    if base[0] == "symbol" and exponent[0] == "number":
        powers[base[1]] = powers.get(base[1], Fraction(0)) + Fraction(*exponent[1:])
        return Fraction(1)
    return rational(node)


def _change(node: Node) -> Node:
    """f(x) - f(y), of f(x)."""
    return ("add", _renamed(node, ""), ("mul", number(-1), _renamed(node, "_0")))


def _renamed(node: Node, suffix: str) -> Node:
    """A tree whose variables have `suffix`; sympy's `E` is `e`."""
    if node[0] == "symbol":
        name = {"E": "e"}.get(node[1], node[1])
        return ("symbol", name) if name in ("e", "pi") or node == CONSTANT else ("symbol", name + suffix)
    return tuple(_renamed(part, suffix) if isinstance(part, tuple) else part for part in node)
