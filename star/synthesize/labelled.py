"""Texts in labelled parts, as prompts show them and models write them: `Question: ...`, and below it `Answer: ...`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache


def labelled(parts: Iterable[tuple[str, str]]) -> str:
    """Labels and texts, one below the other; those without a text are left out.

    >>> labelled([("Question", "How many?"), ("Working", ""), ("Answer", "4")])
    'Question: How many?\\nAnswer: 4'
    """
    return "\n".join(f"{label}: {text}" for label, text in parts if text)


def parse_labelled(text: str, form: Sequence[str], optional: str) -> dict[str, str] | None:
    """The parts of a completion of a prompt that ends in the first label of `form`, by label.

    Args:
        form: the labels, in order; each must be there once and have a text, and the last one's is a single line.
        optional: the label that may be missing; its text may be empty.

    Returns:
        All parts, the optional one empty if it is missing; `None` if the text has another form, or anything behind its
        last line. Never raises on any text.
    """
    before, *found = _pattern(tuple(form)).split(text)
    if found[::2] and found[0] != form[0]:
        found = [form[0], before, *found]  # the prompt had the first label
    elif before.strip():
        return None
    if found[::2] not in (list(form), [label for label in form if label != optional]):
        return None
    parts = {optional: ""} | dict(zip(found[::2], map(str.strip, found[1::2]), strict=True))
    if not all(part for label, part in parts.items() if label != optional) or "\n" in parts[form[-1]]:
        return None
    return parts


@lru_cache
def _pattern(labels: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"^[ \t]*({'|'.join(map(re.escape, labels))}):", re.MULTILINE)
