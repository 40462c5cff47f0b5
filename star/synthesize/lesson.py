"""A lesson with an exercise, as a model writes it, and whether its numbers hold.

    Lesson: Ann buys 3 bags of 4 apples. Each bag adds 4 apples, so 3 * 4 = 12 apples.
    Exercise: Ben buys 5 bags of 6 apples. How many apples has he?
    Working: 5 * 6 = 30
    Answer: 30

Of a lesson, every equation that the step checker can read must be right, there must be one, and every number must be in
one of those (on either side), or in the prompt that asked for the lesson. So a lesson may bring numbers of its own, as
the 3 and the 4 above, if it does something with them that was checked.
"""

from __future__ import annotations

from typing import NamedTuple

from star.synthesize.labelled import parse_labelled
from star.synthesize.numbers import has_unread, numbers
from star.verify import check_steps, sound_steps

FORM = ("Lesson", "Exercise", "Working", "Answer")
"""The parts of a completion, in order; the working may be missing."""


class Lesson(NamedTuple):
    """The parts of a completion; `working` is that of the exercise, and may be empty."""

    text: str
    exercise: str
    working: str
    answer: str


def parse_lesson(text: str) -> Lesson | None:
    """The parts of a completion of a prompt that ends in `Lesson:`; `None` if it does not have each of them once and in
    order, or has anything behind them. Never raises on any text."""
    parts = parse_labelled(text, FORM, optional="Working")
    if parts is None:
        return None
    exercise, working = " ".join(parts["Exercise"].split()), parts["Working"]
    if not working:
        exercise, working = _apart(exercise)
    return Lesson(parts["Lesson"], exercise, working, parts["Answer"])


def _apart(exercise: str) -> tuple[str, str]:
    """An exercise without the working that follows its question without a label, as small models write it.

    >>> _apart("What is 3 + 4? 3 + 4 = 7."), _apart("How many? Count them.")
    (('What is 3 + 4?', '3 + 4 = 7.'), ('How many? Count them.', ''))
    """
    before, mark, after = exercise.rpartition("?")
    return (f"{before}{mark}", after.strip()) if mark and check_steps(after).checked else (exercise, "")


def lesson_fault(text: str, prompt: str) -> str:
    """What is wrong with a lesson: `wrong_step`, `no_step` or `loose_number`; empty if nothing is."""
    if check_steps(text).wrong:
        return "wrong_step"
    sound = sound_steps(text)
    if not sound:
        return "no_step"
    accounted = numbers(prompt).union(*map(numbers, sound))
    return "loose_number" if has_unread(text) or not numbers(text) <= accounted else ""
