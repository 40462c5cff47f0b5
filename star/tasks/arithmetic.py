"""Addition of two n-digit numbers, in three styles.

`columns` is short enough for a model of a million parameters: one line a column, from the right, each with the digits
and the incoming carry, the outgoing carry where there is one, and the sum so far.

    Q:457+386
    A:7+6+0=13,3
    5+8+1=14,43
    4+3+1=8,843
    #843

`paper` is the scratchpad of the STaR paper (figure 3; arithmetic/gen_sums.py in the official code), and `words` asks
"What is 457 + 386?" of a pretrained model, whose exemplars say how to work.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from star.errors import UserError
from star.recipe import ArithmeticTask
from star.records import Problem, derive_seed
from star.tasks.base import Task
from star.verify import ExactVerifier, Extractor, NumericVerifier

HELD_OUT_SHARE = 10
"""One pair of numbers in this many is held out, whatever the split sizes."""

STYLES = {
    "columns": ("Q:{question}\nA:", "Q:{question}({answer})\nA:", r"#([^\n]+)", ()),
    "paper": (
        "Input:\n{question}\nTarget:\n",
        "Input:\n{question}\nTarget: {answer}\n",
        r"</scratch>\n([^\n]+)",
        ("\n\n",),
    ),
    "words": ("Q: {question}\nA:", "Q: {question} ({answer})\nA:", r"####[ \t]*([^\n]+)", ("\n\n", "\nQ:")),
}
"""Plain template, hinted template, answer pattern and stop strings of each style."""


class Arithmetic(Task):
    """Sums, generated from the recipe alone."""

    name = "arithmetic"

    def __init__(self, settings: ArithmeticTask):
        self.settings = settings
        self.plain, self.hinted, pattern, self.stop = STYLES[settings.style]
        self.extractor = Extractor(pattern)
        self.verifier = ExactVerifier() if settings.style == "paper" else NumericVerifier()

    def problems(self, split: str) -> list[Problem]:
        counts = self.settings.train if split == "train" else self.settings.held_out
        return [problem for digits, count in sorted(counts.items()) for problem in self._draw(split, digits, count)]

    def _draw(self, split: str, digits: int, count: int) -> Iterator[Problem]:
        """The first `count` distinct problems of a stream that depends on the seed, the split and the digits alone."""
        if count > (possible := self._possible(split, digits)):
            raise UserError(
                f"task.{split}.{digits} = {count}: this split has {possible} such sums to offer; ask for fewer"
            )
        rng = random.Random(derive_seed(self.settings.seed, "problems", split, digits))
        seen: set[tuple[int, int]] = set()
        while len(seen) < count:
            pair = draw_pair(rng, digits)
            if pair not in seen and is_held_out(pair) == (split == "held_out"):
                yield self.problem(pair, digits, f"add-{digits}-{split}-{len(seen):06d}", split)
                seen.add(pair)

    def _possible(self, split: str, digits: int) -> int:
        """How many ordered pairs may be asked of a split: all there are up to two digits, rather fewer beyond."""
        numbers = range(*number_range(digits))
        if digits > 2:
            return len(numbers) ** 2 * (85 if split == "train" else 5) // 100
        held_out = sum(is_held_out((a, b)) for a in numbers for b in numbers)
        return held_out if split == "held_out" else len(numbers) ** 2 - held_out

    def problem(self, pair: tuple[int, int], digits: int, id: str, split: str = "") -> Problem:
        """The problem of one sum."""
        first, second, total = (str(number) for number in (*pair, sum(pair)))
        if self.settings.style == "paper":
            question, answer = f"{_spaced(first)} + {_spaced(second)}", _spaced(total)
        elif self.settings.style == "words":
            question, answer = f"What is {first} + {second}?", total
        else:
            question, answer = f"{first}+{second}", total
        return Problem(
            id=id,
            task=self.name,
            question=question,
            answer=answer,
            source=f"arithmetic:{split}:seed={self.settings.seed}",
            answer_source="computed",
            group=f"{digits} digit{'s' * (digits > 1)}",
        )

    def worked(self, pair: tuple[int, int]) -> str:
        """A worked solution in this style: what the starter model is pretrained on, and nothing else ever sees."""
        return _paper_scratchpad(pair) if self.settings.style == "paper" else _columns(pair)


def number_range(digits: int) -> tuple[int, int]:
    """Half-open range of the numbers with this many digits; one digit includes 0."""
    return (0 if digits == 1 else 10 ** (digits - 1), 10**digits)


def draw_pair(rng: random.Random, digits: int) -> tuple[int, int]:
    """Two numbers of the same length."""
    low, high = number_range(digits)
    return rng.randrange(low, high), rng.randrange(low, high)


def is_held_out(pair: tuple[int, int]) -> bool:
    """Whether a sum belongs to the held-out split: a fixed tenth of all pairs, the same for both orders.

    It depends on nothing else, so that a starter model and a run with another seed agree on it.
    """
    return derive_seed("held-out", min(pair), max(pair)) % HELD_OUT_SHARE == 0


def _spaced(number: str) -> str:
    return " ".join(number)


def _columns(pair: tuple[int, int]) -> str:
    first, second = str(pair[0]), str(pair[1])
    lines, carry, done = [], 0, ""
    for i in range(len(first) - 1, -1, -1):
        column = int(first[i]) + int(second[i]) + carry
        written = str(column) if i == 0 else str(column % 10)
        lines.append(f"{first[i]}+{second[i]}+{carry}={column},{written + done}")
        done, carry = written + done, column // 10
    return "\n".join([*lines, f"#{done}"])


def _paper_scratchpad(pair: tuple[int, int]) -> str:
    first, second = str(pair[0]), str(pair[1])
    lines, carry, done = [f"{_spaced(first)} + {_spaced(second)} , C: 0"], 0, ""
    for i in range(len(first) - 1, -1, -1):
        column = int(first[i]) + int(second[i]) + carry
        carry, done = column // 10, f"{column % 10} {done}"
        left = f"{first[i - 1]} + {second[i - 1]} , " if i else ", "
        lines.append(f"{left}{done}C: {carry}")
    lines.append(f"{carry} {done}".strip())
    return "\n".join(["<scratch>", *lines, "</scratch>", _spaced(str(sum(pair)))])
