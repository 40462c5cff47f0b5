"""Mathematics: LaTeX and plain expressions, intervals, sets, tuples, equations, matrices, words.

What is certain is settled here, without sympy: the same tree, plain rational arithmetic, words. The rest is compared in
a worker that can be killed (`pool.py`, `algebra.py`). LaTeX outside our grammar goes to math-verify's parser there,
which must read all of it; text with words in it never does.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from star.records import Problem, Verdict
from star.verify.base import Verifier
from star.verify.expression import parse_expression
from star.verify.latex import COMMANDS, MAX_LENGTH, tidy, unwrap
from star.verify.pool import WorkerPool, reply_verdict
from star.verify.tree import Node, rational
from star.verify.units import Units
from star.verify.words import NAMES

UNITS = (
    "unit|units", "square unit|square units|sq. units", "cubic unit|cubic units", "degree|degrees", "rad|radians",
    "in|in.|inch|inches", "ft|feet|foot", "yd|yards", "mi|mile|miles", "mm", "cm|centimeter|centimeters",
    "m|meter|meters|metres", "km|kilometers", "mph|miles per hour", "kg", "g|gram|grams", "pound|pounds",
    "L|liter|liters", "mL", "s|sec|second|seconds", "min|minute|minutes", "h|hr|hour|hours", "day|days", "week|weeks",
    "month|months", "year|years", "dollar|dollars", "cent|cents",
)  # fmt: skip
"""What may stand behind a value unless the recipe names its own; see `Units`."""
CACHED = 100_000
"""How many verdicts are remembered."""
_WORD = re.compile(r"(?<![\\a-zA-Z])(?!d[a-z](?![a-zA-Z]))[a-zA-Z]{2,}|\d\s+\d")
"""Words and numbers side by side: math-verify's parser makes products and sums of them. Not `dx` in an integral."""
_COMMAND = re.compile(r"\\([a-zA-Z]+)")
_OTHERS = "int sum prod lim to lfloor rfloor lceil rceil choose overline vec angle mathbb"
_READ_THERE = COMMANDS | NAMES | set(_OTHERS.split())
"""Commands that math-verify's parser knows; of others it makes what it can: of `\\neeq`, `\\ne e q`."""
_NAMED = re.compile(r"\\(?:text|mathrm|operatorname|mathbb|mathcal|overline|vec|begin|end|mbox)\s*\{[^{}]*\}")

_parse = lru_cache(maxsize=CACHED)(parse_expression)


class SymbolicVerifier(Verifier):
    """Correct when the two are mathematically equal, and their units are the same if both have one.

    Args:
        units: see `Units`.
        timeout: seconds for one comparison in a worker.
        memory: MiB of address space of a worker.
        workers: how many there are; see `WorkerPool`.
    """

    def __init__(
        self, units: Sequence[str] = UNITS, timeout: float = 2.0, memory: int = 512, workers: int | None = None
    ):
        self.units = Units(units)
        self.pool = WorkerPool(timeout, memory, workers)
        self.version = f"symbolic 2, math-verify {version('math-verify')}, sympy {version('sympy')}"
        self.known: dict[tuple[str, str, str], Verdict] = {}

    def check_gold(self, problem: Problem) -> str | None:
        gold, _ = self._split(problem.answer)
        if _parse(gold) is None and not (_may_be_latex(gold) and self._ask("equal_latex", tidy(gold), tidy(gold))):
            return f"the ground truth {problem.answer!r} is no mathematics that can be verified"
        return None

    def canonical(self, answer: str, problem: Problem) -> Hashable | None:
        value, unit = self._split(answer)
        tree = _parse(value)
        exact = None if tree is None else rational(tree)
        return None if tree is None else (exact if exact is not None else tree, unit)

    def agree(self, answers: Sequence[str], problem: Problem) -> bool:
        """As `verify` would say of the first as ground truth, and all units are the same."""
        if len({self._split(answer)[1] for answer in answers} - {None}) > 1:
            return False
        first = Problem(id=problem.id, task=problem.task, question="", answer=answers[0])
        return all(verdict.accepted for verdict in self.verify_all([(answer, first) for answer in answers[1:]]))

    def verify(self, answer: str, problem: Problem) -> Verdict:
        return self.verify_all([(answer, problem)])[0]

    def verify_all(self, pairs: Sequence[tuple[str, Problem]]) -> list[Verdict]:
        keys = [(self.version, problem.answer, answer) for answer, problem in pairs]
        found: dict[tuple[str, str, str], Verdict] = {}
        asked: dict[str, dict[tuple[str, str, str], tuple[Any, Any]]] = {"equal": {}, "equal_latex": {}}
        for key in keys:
            if key in found:
                continue
            verdict = self.known.get(key) or self._certain(key[1], key[2])
            if isinstance(verdict, Verdict):
                found[key] = verdict
            else:
                call, *arguments = verdict
                asked[call][key] = tuple(arguments)
        for call, requests in asked.items():
            replies = self.pool.ask(call, list(requests.values())) if requests else []
            found |= {key: _verdict(key[2], reply) for key, reply in zip(requests, replies, strict=True)}
        self._remember(found)
        return [found[key] for key in keys]

    def _certain(self, gold: str, answer: str) -> Verdict | tuple[str, Any, Any]:
        """The verdict, or what to ask a worker."""
        if len(answer) > MAX_LENGTH:
            return Verdict("no_answer", answer[:MAX_LENGTH], "too long for a final answer")
        (wanted, its_unit), (given, unit) = self._split(gold), self._split(answer)
        left, right = _parse(wanted), _parse(given)
        if left is None and not _may_be_latex(wanted):
            return Verdict("error", answer, f"the ground truth {gold!r} cannot be read")
        if right is None and not _may_be_latex(given):
            return Verdict("no_answer", answer, "no mathematics that can be verified")
        if unit and its_unit and unit != its_unit:
            return Verdict("wrong", answer, "another unit")
        if left is None or right is None:
            return "equal_latex", tidy(wanted), tidy(given)
        values = rational(left), rational(right)
        if left == right or None not in values or left[0] == right[0] == "text":
            same = left == right if None in values else values[0] == values[1]
            return Verdict("correct" if same else "wrong", answer)
        return "equal", left, right

    def _split(self, text: str) -> tuple[str, str | None]:
        return self.units.split(unwrap(text[: MAX_LENGTH + 1]))

    def _ask(self, call: str, *arguments: str | Node) -> Any:
        return self.pool.ask(call, [arguments])[0].get("result")

    def _remember(self, found: dict[tuple[str, str, str], Verdict]) -> None:
        """Keep what would be the same another time: a timeout or an error might not be."""
        if len(self.known) > CACHED:
            self.known.clear()
        self.known |= {key: verdict for key, verdict in found.items() if verdict.status not in ("timeout", "error")}


def _may_be_latex(text: str) -> bool:
    """Whether math-verify may read it: LaTeX of commands that it knows, without words."""
    if "\\" not in text or ":" in tidy(text) or len(text) > MAX_LENGTH or _WORD.search(_NAMED.sub(" ", text)):
        return False
    return _READ_THERE.issuperset(_COMMAND.findall(text))


def _verdict(answer: str, reply: dict[str, Any]) -> Verdict:
    if reply.get("result", False) is None:
        return Verdict("no_answer", answer, "no mathematics that can be verified")
    return reply_verdict(answer, reply, right=True)
