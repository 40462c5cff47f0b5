"""Check the arithmetic of a rationale: every equation between closed numeric expressions, in exact fractions.

    Tom has 3 apples + 4 apples = 7 apples.        a step
    He pays 1/2 of 48 = $<<48/2=24>>24.            one step: a calculator annotation belongs to its equation
    2x + 3 = 11, so x = 4, at 5:30                 no step

A step is one equals sign. It is wrong only if it certainly is. What is not surely a closed equation is not checked
(unknowns, missing operands, times, lists), nor is a false one that a person may read as true (units that convert,
`5 more than 3 + 4 = 12`, `17 / 5 = 3 remainder 2`). A sentence that denies, supposes or asks (`2 + 2 = 5 is wrong`),
or that counts in another way (`5 + 4 = 2 (mod 7)`), has no steps. A result with decimals may be rounded or
truncated, and a run-on `3 * 4 = 12 + 5 = 17` means its two computations. Text is only tokenised and computed with, in
linear time.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, product
from typing import NamedTuple

from star.verify.compute import Item, NotClosed, Number
from star.verify.prose import TOKEN, Expression, Token, after_open, read, runs

_CHARACTERS = str.maketrans("−－–＋×·⋅∙＊÷＝≅≃[]（）", "---+*****/=≈≈()()")
_LATEX = re.compile(
    r"\\(?:d?frac\{(?P<top>[^{}]*)\}\{(?P<bottom>[^{}]*)\}|(?:text|mathrm|boxed)\{(?P<inner>[^{}]*)\}"
    r"|(?P<word>times|cdot|div|approx|left|right|[()\[\],;! ]))"
)
_LATEX_WORDS = {"times": "*", "cdot": "*", "div": "/", "approx": "≈", "left": "", "right": ""}
_ANNOTATION = re.compile(r"<<([^<>]*)>>")
_MEASURE = re.compile(
    r"sec|min|hour|hr|day|week|month|year|decade|centur|inch|f[oe]{2}t|yard|mile|met(?:er|re)|[ckm]?m$|gram|k?g$|ounce"
    r"|oz|pound|lb|ton|lit(?:er|re)|gallon|quart|pint|cup|spoon|penn|nickel|dime|cent|pair|dozen|hundred|thousand"
)
_CONVERSIONS = {Fraction(n) for n in (2, 3, 4, 7, 8, 10, 12, 14, 16, 24, 30, 36, 52, 60, 365, 1000, 3600, 10**6)}
"""Factors between measures: `2 x 30 minutes = 1 hour` is no error."""
_HEDGE = re.compile(
    r"round|approx|about|nearest|almost|\brem(?:ain|\b)|left|extra|spare|whole|full|complete|at (?:least|most)"
    r"|\b[rR][0-9]*\b|half|floor|ceil|and \(?\$?[0-9]",
    re.IGNORECASE,
)
"""Words near a result that may differ from the exact value by less than one."""
_COMPOUND = re.compile(
    r"(?:\sand|\s&|\s?([^\W\d_]{1,20})[.,]{0,2}(?:\sand|\s&)?)\s[0-9][0-9./]{0,9}\s?([^\W\d_]+)|\s?['’′][0-9]"
    r"|\s(?:sin|cos|tan|log|ln)\b"
)
"""What makes a result the first part of a measure: `1 hour 30 minutes`, `$3 and 50 cents`, `5'6`."""
_BIGGER = re.compile(r"[0-9]\s?([^\W\d_]+),?\s(?:and\s|&\s)?\Z")
"""What makes a left side begin inside a measure."""
_SENTENCE = re.compile(
    r"((?<=[.!?;])\s+(?!\s|[a-z(]|(?:(?:That|This|It)(?:['’]s| is) )?(?:[Nn]ot (?:true|right|correct)|[Ww]rong"
    r"|[Ff]alse|[Ii]ncorrect|No\b|Oops))|(?<![:\n])\n)"
)
"""Between sentences; what is in parentheses, or says what is thought of a sentence, belongs to it."""
_UNSURE = re.compile(
    r"\b(?:[pb]?mod[0-9]*|modul(?:o|us|ar)|binary|octal|hex\w*|radix|bases?|clock|xor|bitwise|concat\w*|0[xb][0-9a-f]+"
    r"|wrong\w*|(?:false|incorrect)(?:ly)?|untrue|not|never|cannot|mistak\w*|errors?|oops|suppose|assum\w*|imagine"
    r"|pretend|claim(?:s|ed)?|thinks?|thought|guess\w*|if(?=\s[$0-9.]+\s?[-+*/x]\s?[$0-9]))\b"
    r"|n['’]t\b|\?(?:[\"”)]*\Z|\sNo\b)",
    re.IGNORECASE,
)
"""What says that a sentence does not assert its equations, or not those of ordinary numbers."""


STEPS_VERSION = 1
"""Changes whenever the same text may have other wrong steps; recorded with a run."""


@dataclass(frozen=True)
class Steps:
    """How many steps were checked, and the text of each wrong one."""

    checked: int = 0
    wrong: tuple[str, ...] = ()


def check_steps(text: str) -> Steps:
    """Check every equation of `text`. Never raises on any text.

    >>> check_steps("48/2 = <<48/2=24>>24 clips, and 24 + 48 = 73 in all; 2x = 10")
    Steps(checked=2, wrong=('24 + 48 = 73',))
    """
    steps = list(_all_steps(text))
    return Steps(len(steps), tuple(step.text for step in steps if not step.sound))


def sound_steps(text: str) -> list[str]:
    """The text of every step that is right, as the checker reads it: `LEFT = RIGHT`. Never raises on any text.

    >>> sound_steps("48/2 = 24 clips, and 24 + 48 = 73 in all; 2x = 10")
    ['48/2 = 24 clips']
    """
    return [step.text for step in _all_steps(text) if step.sound]


class Equation(NamedTuple):
    """What is written on both sides of an equals sign, and what it comes to.

    `values` are those of both sides, in every reading, if both are closed expressions and one of them computes; `sound`
    is as in a step: `None` where nobody can be certain.
    """

    left: str
    right: str
    values: frozenset[Fraction]
    sound: bool | None


def equations(text: str) -> Iterator[Equation]:
    """Every equation of `text`, whether it can be checked or not, annotations first. Never raises on any text.

    >>> [(e.left, sorted(map(str, e.values)), e.sound) for e in equations("3 + 4 = 7, so 2x = 10")]
    [('3 + 4 ', ['7'], True), (' 7, so 2x ', [], None)]
    """
    text = _normalise(text)
    for line in [*_ANNOTATION.findall(text), *_ANNOTATION.sub("", text).splitlines()]:
        for sign, left, right, sides in _equals(line):
            values = frozenset(value for side in sides for value, _ in _readings(side))
            yield Equation(left, right, values, _agreement(sign, *sides, line) if sides else None)


def closed_equations(text: str) -> tuple[str, ...]:
    """The equations between closed expressions of `text`, right or wrong, in order: its calculator annotations, or else
    those of the text itself. Units and ways to write a number are left out. Never raises on any text.

    >>> closed_equations("He has $1,000 / 4 = <<1000/4=250>>250."), closed_equations("3 apples x 4 = 12.0")
    (('1000/4=250',), ('3*4=12',))
    """
    text = _normalise(text)
    lines = _ANNOTATION.findall(text) or text.splitlines()
    closed = (sides for line in lines for *_, sides in _equals(line) if sides)
    return tuple("=".join("".join(map(_plainly, side.items)) for side in sides) for sides in closed)


def _plainly(item: Item) -> str:
    if isinstance(item, Number):
        return f"{item.value}{'%' * item.percent}"
    return {"÷": "/", "~": "-"}.get(item, item)


class _Step(NamedTuple):
    text: str
    equals: int
    end: int
    sound: bool | None


def _all_steps(text: str) -> Iterator[_Step]:
    for line in _asserted(_normalise(text)).splitlines():
        yield from _annotated_steps(line)


def _normalise(text: str) -> str:
    text = text.translate(_CHARACTERS)
    return _LATEX.sub(_plain, text) if "\\" in text else text


def _asserted(text: str) -> str:
    """The text with a full stop for every sentence that does not assert its equations."""
    parts = _SENTENCE.split(text)
    parts[::2] = [" . " if _UNSURE.search(sentence) else sentence for sentence in parts[::2]]
    return "".join(parts)


def _plain(match: re.Match[str]) -> str:
    if match["word"]:
        return _LATEX_WORDS.get(match["word"], " " * (not match["word"].isalpha()))
    return f" {match['inner']} " if match["inner"] is not None else f"(({match['top']})/({match['bottom']}))"


def _annotated_steps(line: str) -> Iterator[_Step]:
    """The steps of a line; an equation and the annotations in its right side are one step."""
    annotations: deque[tuple[int, _Step]] = deque()
    pieces, kept, end = [], 0, 0
    for match in _ANNOTATION.finditer(line):
        pieces.append(line[end : match.start()])
        kept, end = kept + len(pieces[-1]), match.end()
        following = line[end : end + 60].lstrip("$0123456789.,")
        annotations += [(kept, step) for step in _steps(match[1], following) if step.sound is not None]
    for step in _steps("".join([*pieces, line[end:]])):
        while annotations and annotations[0][0] <= step.equals:
            yield annotations.popleft()[1]
        while annotations and annotations[0][0] <= step.end:
            _, noted = annotations.popleft()
            if (step.sound and not noted.sound) or (step.sound is None and noted.sound):
                step = step._replace(text=noted.text, sound=noted.sound)
        if step.sound is not None:
            yield step
    yield from (step for _, step in annotations)


def _steps(line: str, following: str = "") -> Iterator[_Step]:
    """Every equation of a line without annotations; its `sound` is `None` if it may be right in some reading."""
    for sign, _, _, sides in _equals(line):
        if sides:
            left, right = sides
            sound = _agreement(sign, left, right, line, following)
            yield _Step(line[left.start : right.end], sign.start, right.end, sound)


def _equals(line: str) -> Iterator[tuple[Token, str, str, tuple[Expression, ...]]]:
    """Every equals sign of a line with the texts on its sides, and both as expressions where they are closed and one
    of them computes."""
    if "=" not in line and "≈" not in line:
        return
    segments: list[list[Token]] = [[]]
    signs = []
    for match in TOKEN.finditer(line):
        token = Token(match.lastgroup or "", match[0], match.start(), match.end())
        if token.kind == "equals":
            signs.append(token)
            segments.append([])
        elif token.kind != "skip":
            segments[-1].append(token)
    found = [runs(segment, sign) for segment, sign in zip(segments, [None, *signs], strict=True)]
    texts = [line[i:j] for i, j in zip([0, *(s.end for s in signs)], [*(s.start for s in signs), None], strict=True)]
    for i, sign in enumerate(signs):
        left, right = read(after_open(found[i][-1])), read(found[i + 1][0])
        closed = left and right and (left.computed or right.computed)
        yield sign, texts[i], texts[i + 1], (left, right) if closed else ()


def _agreement(sign: Token, left: Expression, right: Expression, line: str, following: str = "") -> bool | None:
    near = (line[max(left.start - 40, 0) : left.start], line[right.end : right.end + 60] + following)
    return _judge(left, right, sign.text != "=", *near)


def _judge(left: Expression, right: Expression, approximate: bool, before: str, following: str) -> bool | None:
    """Whether both sides agree in some reading; `None` if they do not, but a person may read them so."""
    if left.value == right.value:
        return True
    pairs = list(product(_readings(left), _readings(right)))
    if any(_agree(*a, *b) for a, b in pairs) or (right.computed and any(a == right.leading for (a, _), _ in pairs)):
        return True
    if approximate:
        return True if any(abs(a - b) < 1 or abs(a - b) <= abs(a) / 20 for (a, _), (b, _) in pairs) else None
    certain = left.certain and right.certain and (left.computed or left.chained)
    close = abs(left.value - right.value) < 1 and (_HEDGE.search(before) or _HEDGE.search(following))
    parts = [part for part in (_BIGGER.search(before), _COMPOUND.match(following)) if part]
    compound = any(all(_MEASURE.match(word) for word in part.groups("cent") if word != "dollars") for part in parts)
    return None if not certain or close or compound or _may_convert(left, right) else False


def _readings(side: Expression) -> list[tuple[Fraction, Fraction]]:
    try:
        return list(dict.fromkeys(side.readings()))
    except NotClosed:  # a reading may divide by zero where the first does not
        return list(islice(side.readings(), 1))


def _agree(left: Fraction, left_place: Fraction, right: Fraction, right_place: Fraction) -> bool:
    return left == right or _is_rounded(left, right, right_place) or _is_rounded(right, left, left_place)


def _is_rounded(exact: Fraction, shown: Fraction, place: Fraction) -> bool:
    """Whether `shown`, whose last digit stands at `place`, is `exact` rounded or truncated there."""
    error = abs(exact - shown)
    return error * 2 <= place or (error < place and abs(shown) < abs(exact))


def _may_convert(left: Expression, right: Expression) -> bool:
    """Whether a unit may explain the difference: cents and dollars, minutes and hours, whole turns, the weeks 1-2."""
    a, b = left.value, right.value
    factor = max(a / b, b / a) if a and b else 0
    turns = (a - b) % 360 == 0 and any(unit.startswith("degree") for unit in left.units + right.units)
    measures = [{match[0][:3] for unit in side.units if (match := _MEASURE.match(unit))} for side in (left, right)]
    return (
        (factor in (100, 1000) and (bool(measures[0] | measures[1]) or left.money or right.money))
        or (factor in _CONVERSIONS and measures[0] != measures[1])
        or (len(measures[0]) > 1 and ("+" in left.items or "-" in left.items))
        or a < 0 < b
        or turns
    )
