"""Text that a model or somebody's data wrote, made fit to be looked at: nothing hidden, nothing endless."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

LIMIT = 2000
"""Characters of a text that are shown."""

HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""Characters that control a terminal, turn the direction of text around, break lines, or are half of one."""


def visible(value: object) -> object:
    """A string with its hidden characters by number; tabs and line ends stay. What is no string stays as it is, markup
    too.

    >>> visible("a\\x00b\\u202e")
    'a⟨U+0000⟩b⟨U+202E⟩'
    """
    return HIDDEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", value) if type(value) is str else value


class Cut(NamedTuple):
    """What is shown of a text, and how many characters are not."""

    text: str
    left_out: int


def cut_end(text: str, limit: int = LIMIT) -> Cut:
    """The beginning of a text."""
    return Cut(text[:limit], max(len(text) - limit, 0))


def cut_start(text: str, limit: int = LIMIT) -> Cut:
    """The end of a text."""
    return Cut(text[-limit:], max(len(text) - limit, 0))


def marked(text: str, parts: Sequence[str]) -> list[tuple[str, bool]]:
    """A text in pieces, in order, and of each whether it is one of `parts`, which are looked for in their order.

    >>> marked("1 + 1 = 3, so 3", ["1 + 1 = 3"])
    [('1 + 1 = 3', True), (', so 3', False)]
    """
    pieces, place = [], 0
    for part in parts:
        start = text.find(part, place) if part else -1
        if start < 0:
            continue
        pieces += [(text[place:start], False), (part, True)]
        place = start + len(part)
    return [piece for piece in (*pieces, (text[place:], False)) if piece[0]]


def common_start(texts: Sequence[str]) -> str:
    """What all texts begin with, up to the end of a line."""
    first, last = min(texts, default=""), max(texts, default="")
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[: first.rfind("\n", 0, same) + 1]
