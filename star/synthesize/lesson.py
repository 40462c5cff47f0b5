"""A lesson with an exercise, as a model writes it, and whether its numbers hold.

    Lesson: Ann buys 3 bags of 4 apples. Each bag adds 4 apples, so 3 * 4 = 12 apples.
    Exercise: Ben buys 5 bags of 6 apples. How many apples has he?
    Answer: 30

Of a lesson, every equation that the step checker can read must be right, there must be one, and every number must be in
one of those (on either side), or in the prompt that asked for the lesson. So a lesson may bring numbers of its own, as
the 3 and the 4 above, if it does something with them that was checked.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from star.synthesize.numbers import has_unread, numbers
from star.verify import check_steps, sound_steps

_LABEL = re.compile(r"^[ \t]*(Lesson|Exercise|Answer):", re.MULTILINE)
LABELS = ["Lesson", "Exercise", "Answer"]


class Lesson(NamedTuple):
    """The parts of a completion."""

    text: str
    exercise: str
    answer: str


def parse_lesson(text: str) -> Lesson | None:
    """The parts of a completion of a prompt that ends in `Lesson:`; `None` if it does not have each of them once and in
    order, or has anything behind them. Never raises on any text."""
    before, *parts = _LABEL.split(text)
    if parts[::2] == LABELS[1:]:
        parts = [LABELS[0], before, *parts]  # the prompt had the first label
    elif before.strip():
        return None
    lesson, exercise, answer = (part.strip() for part in parts[1::2]) if parts[::2] == LABELS else ("", "", "")
    if not (lesson and exercise and answer) or "\n" in answer:
        return None
    return Lesson(lesson, " ".join(exercise.split()), answer)


def lesson_fault(text: str, prompt: str) -> str:
    """What is wrong with a lesson: `wrong_step`, `no_step` or `loose_number`; empty if nothing is."""
    if check_steps(text).wrong:
        return "wrong_step"
    sound = sound_steps(text)
    if not sound:
        return "no_step"
    accounted = numbers(prompt).union(*map(numbers, sound))
    return "loose_number" if has_unread(text) or not numbers(text) <= accounted else ""
