"""Addition, subtraction or multiplication of two n-digit numbers, in three styles.

`columns` is short enough for a model of a million parameters: one line a column, from the right, each with the digits,
the incoming carry or borrow, the result and the digits so far. A product has a line for each pair of digits.

    Q:457+386       Q:457-386       Q:47*36
    A:7+6+0=13,3    A:7-6-0=1,1     A:7*6+0=42,2
    5+8+1=14,43     15-8-0=7,71     4*6+4=28
    4+3+1=8,843     4-3-1=0,071     7*3+28=49,92
    #843            #71             4*3+4=16,1692
                                    #1692

`paper` is the scratchpad of the STaR paper (figure 3; arithmetic/gen_sums.py in the official code), of additions only,
and `words` asks "What is 457 + 386?" of a pretrained model, whose exemplars say how to work. The lines of a scratchpad
are in `star/verify/scratchpad.py`, with their check.
"""

from __future__ import annotations

import operator
import random
import re
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import NamedTuple

from star.errors import UserError
from star.recipe import ArithmeticTask
from star.records import Problem, derive_seed
from star.tasks.base import Task
from star.verify import ExactVerifier, Extractor, NumericVerifier, closed_equations, parse_number
from star.verify.scratchpad import check_columns, check_paper, columns, columns_end, paper, paper_end, spaced
from star.verify.steps import Steps, check_steps

MOST_DIGITS = 12
"""Of a number (`task.train`)."""
HELD_OUT_SHARE = 10
"""One pair of numbers in this many is held out, whatever the split sizes."""

MAX_DIGITS = 12
"""Of a number in a question that a model wrote, as of those that a recipe may ask for."""

OPERATIONS = {
    "addition": ("+", operator.add, "sums"),
    "subtraction": ("-", operator.sub, "differences"),
    "multiplication": ("*", operator.mul, "products"),
}
"""Sign, function and the name of the results of each operation."""
SIGNS = {"+": r"\+|plus", "-": "[-−–]|minus", "*": "[*×·x]|times"}
"""How texts write each sign."""


class Style(NamedTuple):
    """Templates, answer pattern and stop strings; see `Task`."""

    plain: str
    hinted: str
    direct: str
    pattern: str
    stop: tuple[str, ...]


STYLES = {
    "columns": Style("Q:{question}\nA:", "Q:{question}({answer})\nA:", "#{answer}", r"#([^\n]+)", ()),
    "paper": Style(
        "Input:\n{question}\nTarget:\n",
        "Input:\n{question}\nTarget: {answer}\n",
        "{answer}",
        r"(?:</scratch>\n|\A(?!\s*<scratch>)\s*)([^\n]+)",  # a text without a scratchpad is a bare answer
        ("\n\n",),
    ),
    "words": Style(
        "Q: {question}\nA:",
        "Q: {question} ({answer})\nA:",
        "#### {answer}",
        r"####[ \t]*([^\n]+)",
        ("\n\n", "\nQ:"),
    ),
}


class Arithmetic(Task):
    """Sums, differences or products, generated from the recipe alone."""

    name = "arithmetic"
    computed = True
    fewest_words = 1

    def __init__(self, settings: ArithmeticTask):
        self.settings = settings
        self.sign, self.operate, self.results = OPERATIONS[settings.operation]
        self.plain, self.hinted, self.direct, pattern, self.stop = STYLES[settings.style]
        self.extractor = Extractor(pattern)
        self.verifier = ExactVerifier() if settings.style == "paper" else NumericVerifier()
        number = rf"[0-9]{{1,{MAX_DIGITS}}}"
        self._calculation = re.compile(
            rf"(?<![0-9.,])({number})\s*(?:{SIGNS[self.sign]})\s*[$€£]?(?=({number})(?![0-9]|[.,][0-9]))", re.IGNORECASE
        )

    def problems(self, split: str) -> list[Problem]:
        counts = self.settings.train if split == "train" else self.settings.held_out
        return [problem for digits, count in sorted(counts.items()) for problem in self._draw(split, digits, count)]

    def levels(self) -> int:
        """A level is a number of digits."""
        return MOST_DIGITS

    def practice(self, level: int, seed: int) -> Iterator[Problem]:
        """See `Task.practice`."""
        source, meta = f"arithmetic:practice:level={level}:seed={seed}", {"level": level}
        for _, pair in zip(range(self._possible("train", level)), self._pairs("train", level, seed), strict=False):
            yield replace(self.problem(pair, level, id=""), source=source, meta=meta)

    def _draw(self, split: str, digits: int, count: int) -> Iterator[Problem]:
        """The first `count` distinct problems of a stream that depends on the seed, the split and the digits alone."""
        if count > (possible := self._possible(split, digits)):
            raise UserError(
                f"task.{split}.{digits} = {count}: this split has {possible} such {self.results} to offer; "
                "ask for fewer"
            )
        seed = derive_seed(self.settings.seed, "problems", split, digits)
        for place, pair in enumerate(islice(self._pairs(split, digits, seed), count)):
            yield self.problem(pair, digits, f"{self.settings.operation[:3]}-{digits}-{split}-{place:06d}", split)

    def _pairs(self, split: str, digits: int, seed: int) -> Iterator[tuple[int, int]]:
        """Distinct pairs of a split; no end is found when there are no more."""
        rng = random.Random(seed)
        seen: set[tuple[int, int]] = set()
        while True:
            pair = self._ordered(draw_pair(rng, digits))
            if pair not in seen and is_held_out(pair) == (split == "held_out"):
                seen.add(pair)
                yield pair

    def _possible(self, split: str, digits: int) -> int:
        """How many pairs may be asked of a split: all there are up to two digits, rather fewer beyond."""
        numbers = range(*number_range(digits))
        if digits > 2:
            ordered = len(numbers) ** 2 // (2 if self.settings.operation == "subtraction" else 1)
            return ordered * (85 if split == "train" else 5) // 100
        pairs = {self._ordered((a, b)) for a in numbers for b in numbers}
        return sum(is_held_out(pair) == (split == "held_out") for pair in pairs)

    def _ordered(self, pair: tuple[int, int]) -> tuple[int, int]:
        return (max(pair), min(pair)) if self.settings.operation == "subtraction" else pair

    def problem(self, pair: tuple[int, int], digits: int, id: str, split: str = "") -> Problem:
        """The problem of one pair; of a difference, the larger number is the first."""
        first, second = self._ordered(pair)
        result = self.operate(first, second)
        if self.settings.style == "paper":
            question, answer = f"{spaced(first)} + {spaced(second)}", spaced(result)
        elif self.settings.style == "words":
            question, answer = f"What is {first} {self.sign} {second}?", str(result)
        else:
            question, answer = f"{first}{self.sign}{second}", str(result)
        return Problem(
            id=id,
            task=self.name,
            question=question,
            answer=answer,
            source=sys.intern(f"arithmetic:{split}:seed={self.settings.seed}"),  # one string for 100,000 problems
            answer_source="computed",
            group=sys.intern(f"{digits} digit{'s' * (digits > 1)}"),
        )

    def why_not(self, question: str) -> str:
        """See `Task.why_not`: exactly what `problem` asks, and nothing of the held-out tenth, drawn or not."""
        pair = self._asked(question)
        return "ill_formed" if pair is None else "protected" if is_held_out(pair) else ""

    def works_held_out(self, text: str) -> bool:
        """See `Task.works_held_out`: any two numbers of the held-out tenth with the sign between them."""
        text = unicodedata.normalize("NFKC", text)
        plain = re.sub(r"(?<=[0-9]) (?=[0-9])" if self.settings.style == "paper" else ",(?=[0-9]{3})", "", text)
        found = chain.from_iterable(map(self._calculation.findall, (plain, *closed_equations(text))))
        return any(is_held_out((int(first), int(second))) for first, second in found)

    def compute(self, question: str) -> str | None:
        """See `Task.compute`."""
        pair = self._asked(question)
        return None if pair is None else self.problem(pair, 0, id="").answer

    def _asked(self, question: str) -> tuple[int, int] | None:
        """The two numbers of a question that reads exactly as this style asks it, of up to `MAX_DIGITS` digits."""
        numbers = re.findall(r"[0-9]+", question.replace(" ", "") if self.settings.style == "paper" else question)
        if len(numbers) != 2 or max(map(len, numbers)) > MAX_DIGITS:
            return None
        pair = int(numbers[0]), int(numbers[1])
        return pair if self.problem(pair, 0, id="").question == question else None

    def worked(self, pair: tuple[int, int]) -> str:
        """A worked solution in this style: what the starter model is pretrained on, and no other ever is."""
        first, second = self._ordered(pair)
        lines = (
            paper(first, second) if self.settings.style == "paper" else columns(first, second, self.settings.operation)
        )
        return "\n".join(lines)

    def solutions(self, held_out: Sequence[Problem]) -> list[str | None]:
        """See `Task.solutions`. There is no one way to work in words."""
        return [self.worked(pair) if (pair := self._pair(problem)) else None for problem in held_out]

    def steps(self, problem: Problem, text: str) -> Steps:
        """Check the lines of a scratchpad against the numbers of the question, and the equations of words.

        A bare answer, as `method: direct` gives, has no working to check.
        """
        if not (pair := self._pair(problem)):
            return check_steps(text)
        if "\n" not in text.strip():
            return Steps()
        if self.settings.style == "paper":
            return check_paper(text, *pair)
        return check_columns(text, *pair, self.settings.operation)

    def equations(self, problem: Problem, text: str) -> tuple[str, ...]:
        """Of a scratchpad, its lines."""
        if not self._pair(problem):
            return super().equations(problem, text)
        return tuple("".join(line.split()) for line in text.strip().split("\n"))

    def _pair(self, problem: Problem) -> tuple[int, int] | None:
        """The two numbers of a question that is worked on a scratchpad."""
        numbers = re.fullmatch(r"([0-9]+)[-+*]([0-9]+)", problem.question.replace(" ", ""))
        return (int(numbers[1]), int(numbers[2])) if numbers and self.settings.style != "words" else None

    def yields(self, problem: Problem, text: str, answer: str) -> bool:
        """Whether the lines of a scratchpad come to the answer, or an equation of words does."""
        if self.settings.style == "words":
            return super().yields(problem, text, answer)
        end = paper_end(text) if self.settings.style == "paper" else columns_end(text)
        return end is not None and end == parse_number(answer.replace(" ", ""))


def number_range(digits: int) -> tuple[int, int]:
    """Half-open range of the numbers with this many digits; one digit includes 0."""
    return (0 if digits == 1 else 10 ** (digits - 1), 10**digits)


def draw_pair(rng: random.Random, digits: int) -> tuple[int, int]:
    """Two numbers of the same length."""
    low, high = number_range(digits)
    return rng.randrange(low, high), rng.randrange(low, high)


def is_held_out(pair: tuple[int, int]) -> bool:
    """Whether a pair belongs to the held-out split: a fixed tenth of all pairs, the same for both orders.

    It depends on nothing else, so that a starter model and a run with another seed agree on it.
    """
    return derive_seed("held-out", min(pair), max(pair)) % HELD_OUT_SHARE == 0
