"""Documents as passages of bounded length: text, Markdown, and JSONL with a text in each row.

A passage ends where the next sentence would make it too long, at a heading, and at an empty line once it is half full.
Headings of Markdown are titles, not text. Files are gone through a line at a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from star.errors import UserError, shown
from star.tasks.source import line_text, read_rows

KINDS = (".txt", ".md", ".jsonl")
LONGEST_LINE = 1 << 20
"""Bytes of a line of text; what has more is no text that people wrote."""
FEWEST = 10
"""Words of a passage that is worth a question; what is shorter is left out."""
LONGEST_WORD = 100
"""Characters of a word; what is longer (a blob, a line of a table) is left out."""
_HEADING = re.compile(r"(#{1,6})[ \t]+(.*?)[ \t#]*")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[.!?][\"”’)])\s+")


class Passage(NamedTuple):
    """A part of a document.

    Attributes:
        title: the headings above it, the outermost first, with ` > ` between them; of a JSONL row its `title`.
        file, first, last: where it stands, in lines counted from 1.
    """

    text: str
    title: str
    file: str
    first: int
    last: int

    @property
    def place(self) -> str:
        """`file:3-5`, or `file:3`."""
        return f"{self.file}:{self.first}" + (f"-{self.last}" if self.last > self.first else "")


def passages(path: Path, most_words: int, text_key: str) -> Iterator[Passage]:
    """The passages of a document, each of at most `most_words` words.

    Args:
        text_key: the field of a JSONL row that holds its text.

    Raises:
        UserError: the file is of another kind or not there, not UTF-8, no text, or has nothing long enough to ask of.
    """
    if path.suffix not in KINDS:
        raise UserError(f"synthesize.documents: {path}: a document is a file that ends in {', '.join(KINDS)}")
    if not path.is_file():
        what = "this is a folder; name the files in it" if path.is_dir() else "there is no such file"
        raise UserError(f"synthesize.documents: {path}: {what}")
    found = _of_rows(path, most_words, text_key) if path.suffix == ".jsonl" else _of_text(path, most_words)
    passage = None
    for passage in found:
        yield passage
    if passage is None:
        raise UserError(f"{path}: it has no passage of {FEWEST} words or more to ask about; give a longer document")


def _of_text(path: Path, most_words: int) -> Iterator[Passage]:
    cutter = _Cutter(str(path), most_words, is_markdown=path.suffix == ".md")
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE + 1), b""), 1):
            place = f"{path}:{number}"
            if len(line) > LONGEST_LINE:
                raise UserError(
                    f"{place}: the line is longer than {LONGEST_LINE >> 20} MiB and begins with {line[:40]!r}; "
                    "give text in lines"
                )
            text = line_text(line, place)
            if "\0" in text:
                raise UserError(f"{place}: it has a NUL character, so it is no text; found {shown(text, 60)}")
            yield from cutter.add(number, text)
    yield from cutter.end()


def _of_rows(path: Path, most_words: int, text_key: str) -> Iterator[Passage]:
    for place, row in read_rows(path):
        text, title = row.get(text_key), row.get("title", "")
        if not isinstance(text, str):
            fields = shown(list(row), 200)
            raise UserError(
                f"{place}: no text under {text_key!r}; its fields are {fields}; say with synthesize.text_key which "
                "of them it is"
            )
        cutter = _Cutter(str(path), most_words, title=title if isinstance(title, str) else "")
        number = int(place.rpartition(":")[2])
        for line in text.splitlines():
            yield from cutter.add(number, line)
        yield from cutter.end()


@dataclass
class _Cutter:
    """Puts lines together until they are a passage."""

    file: str
    most_words: int
    is_markdown: bool = False
    title: str = ""
    headings: dict[int, str] = field(default_factory=dict)
    is_code: bool = False
    parts: list[str] = field(default_factory=list)
    words: int = 0
    first: int = 0
    last: int = 0

    def add(self, number: int, line: str) -> Iterator[Passage]:
        """One more line; what it completes."""
        line = " ".join(word for word in _visible(line).split() if len(word) <= LONGEST_WORD)
        if self.is_markdown and line.startswith(("```", "~~~")):
            self.is_code = not self.is_code
        heading = _HEADING.fullmatch(line) if self.is_markdown and not self.is_code else None
        if heading or (not line and self.words >= self.most_words // 2):
            yield from self.end()
        if heading:
            level = len(heading[1])
            self.headings = {n: text for n, text in self.headings.items() if n < level} | {level: heading[2]}
            self.title = " > ".join(filter(None, self.headings.values()))
            return
        for sentence in _SENTENCE.split(line):
            yield from self._sentence(number, sentence.split())
        if self.parts and self.parts[-2:] != ["\n", "\n"]:
            self.parts.append("\n")

    def end(self) -> Iterator[Passage]:
        """What was put together so far, if it is long enough."""
        if self.words >= FEWEST:
            text = re.sub(r" ?\n ?", "\n", " ".join(self.parts)).strip()
            yield Passage(text, self.title, self.file, self.first, self.last)
        self.parts, self.words = [], 0

    def _sentence(self, number: int, words: list[str]) -> Iterator[Passage]:
        for start in range(0, len(words), self.most_words):
            part = words[start : start + self.most_words]
            if self.words + len(part) > self.most_words:
                yield from self.end()
            if not self.words:
                self.first = number
            self.parts.append(" ".join(part))
            self.words, self.last = self.words + len(part), number


def _visible(line: str) -> str:
    """A line without control characters."""
    return line if line.isprintable() else "".join(c if c.isprintable() else " " for c in line)
