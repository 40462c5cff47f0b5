"""Digit-wise scratchpads of arithmetic: their lines, and a check of what a model wrote against them, line by line.

Columns go from the right, one line each, `calculation,digits so far`; the incoming carry or borrow is the last number
of the calculation, and the outgoing one shows in it: the tens of a column's result, the 1 of `15-8-0`.

    457+386         457-386         47*36
    7+6+0=13,3      7-6-0=1,1       7*6+0=42,2
    5+8+1=14,43     15-8-0=7,71     4*6+4=28
    4+3+1=8,843     4-3-1=0,071     7*3+28=49,92
    #843            #71             4*3+4=16,1692
                                    #1692

A product has one line for each pair of digits, added up within its column; digits so far stand where a column ends. So
every line is one true equation with numbers of at most two or three digits. `paper` is figure 3 of the STaR paper.
"""

from __future__ import annotations

import re
from itertools import zip_longest

from star.verify.steps import Steps

_COLUMN = re.compile(r"([0-9]{1,3})([-+*])([0-9])([-+])([0-9]{1,3})=([0-9]{1,4})(?:,([0-9]{1,99}))?")
_PAPER_FIRST = re.compile(r"((?:[1-9] (?:[0-9] ){0,99}|0 ))\+ ((?:[1-9](?: [0-9]){0,99}|0)) , C: 0")


def check_columns(text: str, a: int, b: int, operation: str) -> Steps:
    """Check the columns of `a` and `b`, whose `operation` is addition, subtraction (`a >= b`) or multiplication.

    Every line is a step; a missing or additional line is a wrong one.

    >>> check_columns("7+6+0=13,3\\n5+8+1=14,43\\n4+3+0=7,743\\n#743", 457, 386, "addition")
    Steps(checked=4, wrong=('4+3+0=7,743', '#743'))
    """
    return _compare(text, columns(a, b, operation))


def check_paper(text: str, a: int, b: int) -> Steps:
    """The same for the scratchpad of the STaR paper."""
    return _compare(text, paper(a, b))


def _compare(text: str, expected: list[str]) -> Steps:
    written = [line.strip() for line in text.strip().split("\n")] if text.strip() else []
    pairs = list(zip_longest(written, (line.strip() for line in expected)))
    wrong = (f"missing: {should}" if line is None else line for line, should in pairs if line != should)
    return Steps(len(pairs), tuple(wrong))


def columns_end(text: str) -> int | None:
    """The number that the columns of a text come to: every line is a true equation, and its digits are those of the
    line before with its result in front. `None` if some line is not.

    >>> columns_end("7+6+0=13,3\\n5+8+1=14,43\\n4+3+1=8,843"), columns_end("7+6+0=13,3\\n4+3+1=8,843")
    (843, None)
    """
    done, end = "", None
    for column in filter(None, (_COLUMN.fullmatch(line.strip()) for line in text.split("\n"))):
        x, sign, y, sign_of_carry, carry, result, digits = column.groups()
        value = {"+": int(x) + int(y), "-": int(x) - int(y), "*": int(x) * int(y)}[sign]
        if value + int(sign_of_carry + carry) != int(result):
            return None
        if digits:
            if digits not in (result + done, result[-1] + done):
                return None
            done, end = digits, int(digits) if digits == result + done else None
    return end


def paper_end(text: str) -> int | None:
    """The same for the scratchpad of the STaR paper: the sum of its first line, if every column follows."""
    lines = [" ".join(line.split()) for line in text.split("\n")]
    for i, first in enumerate(lines):
        if numbers := _PAPER_FIRST.fullmatch(first):
            a, b = (number.replace(" ", "") for number in numbers.groups())
            columns = paper(int(a), int(b))[1:-3] if len(a) == len(b) else [first, ""]
            return int(a) + int(b) if lines[i : i + len(columns)] == [line.strip() for line in columns] else None
    return None


def columns(a: int, b: int, operation: str) -> list[str]:
    """The lines of style `columns`, from the first column to the final answer."""
    lines = {"addition": _addition, "subtraction": _subtraction, "multiplication": _multiplication}[operation]
    width = max(len(str(a)), len(str(b)))
    return lines(str(a).zfill(width)[::-1], str(b).zfill(width)[::-1])


def _addition(first: str, second: str) -> list[str]:
    lines, carry, done = [], 0, ""
    for i, (x, y) in enumerate(zip(first, second, strict=True), 1):
        column = int(x) + int(y) + carry
        done = (str(column) if i == len(first) else str(column % 10)) + done
        lines.append(f"{x}+{y}+{carry}={column},{done}")
        carry = column // 10
    return [*lines, f"#{done}"]


def _subtraction(first: str, second: str) -> list[str]:
    lines, borrow, done = [], 0, ""
    for x, y in zip(first, second, strict=True):
        short = int(x) < int(y) + borrow
        top = int(x) + 10 * short
        digit = top - int(y) - borrow
        done = f"{digit}{done}"
        lines.append(f"{top}-{y}-{borrow}={digit},{done}")
        borrow = int(short)
    return [*lines, f"#{int(done)}"]


def _multiplication(first: str, second: str) -> list[str]:
    lines, total, done, width = [], 0, "", len(first)
    for column in range(2 * width - 1):
        for j in range(max(0, column - width + 1), min(column, width - 1) + 1):
            x, y, before = first[column - j], second[j], total
            total += int(x) * int(y)
            lines.append(f"{x}*{y}+{before}={total}")
        done = (str(total) if column == 2 * width - 2 else str(total % 10)) + done
        lines[-1] += f",{done}"
        total //= 10
    return [*lines, f"#{done}"]


def paper(a: int, b: int) -> list[str]:
    """The lines of the paper's addition, `<scratch>` and the final answer included; `a` and `b` have one length."""
    first, second = str(a), str(b)
    lines, carry, done = [f"{spaced(a)} + {spaced(b)} , C: 0"], 0, ""
    for i in range(len(first) - 1, -1, -1):
        column = int(first[i]) + int(second[i]) + carry
        carry, done = column // 10, f"{column % 10} {done}"
        left = f"{first[i - 1]} + {second[i - 1]} , " if i else ", "
        lines.append(f"{left}{done}C: {carry}")
    return ["<scratch>", *lines, f"{carry} {done}".strip(), "</scratch>", spaced(a + b)]


def spaced(number: int) -> str:
    """A number as the paper writes it, `4 5 7`."""
    return " ".join(str(number))
