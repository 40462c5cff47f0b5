"""What must not be trained on, and training problems without it: held-out problems, and the files of `audit.protect`.

Of problems that are generated, only whole questions are compared. Both splits are draws from one generator, and what
they share is its template: in 50 of 99 data sets of reasoning-gym, more than half of 300 training problems have 13
words in a row with one of 100 held-out problems, boilerplate aside. Where people wrote the problems, that is rare and
means something: 4 of 7,473 training problems of GSM8K, stories of the test split with other names and numbers, and none
of 9,741 of CommonsenseQA.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from star.errors import Complaints, UserError
from star.overlap import Protected, Text, running
from star.recipe import Audit
from star.records import Problem
from star.spool import Chosen
from star.tasks.dataset import one_line
from star.tasks.source import read_paragraphs, read_rows

AT_ONCE = 1000
"""Problems that are looked at together."""
FROM_TEMPLATES = "; for problems that are made from templates, audit.ngram=null compares only whole texts"
"""What helps where some words in a row mean nothing."""


def protect(held_out: Sequence[Problem], audit: Audit) -> Protected:
    """Held-out problems, and the texts of the files of `audit.protect`.

    Raises:
        UserError: a file cannot be read, or has no text.
    """
    texts = chain(map(_held_out, held_out), *(_texts(Path(name)) for name in audit.protect))
    return Protected(texts, audit.ngram)


def without_overlap(
    problems: Sequence[Problem], protected: Protected, audit: Audit
) -> tuple[Sequence[Problem], Complaints]:
    """The training problems that overlap nothing, and those that do.

    Raises:
        UserError: some do, and `audit.contamination` is `refuse`; or nothing is left.
    """
    kept, removed = array("Q"), Complaints()
    for start in range(0, len(problems), AT_ONCE):
        some = problems[start : start + AT_ONCE]
        for place, (problem, is_hit) in enumerate(zip(some, protected.hits_by(some), strict=True), start):
            if is_hit:
                removed.add(f"{place_of(problem)} {protected.hit_by(problem)}")
            else:
                kept.append(place)
    if removed.count and (audit.contamination == "refuse" or not kept):
        remedy = "leave them out with audit.contamination=remove" if kept else "give others"
        raise UserError(
            f"{removed.count} of {len(problems)} training problems overlap held-out or protected ones, so accuracy "
            f"would say too much:\n  {removed}\n"
            f"Remove them from one of the two, or {remedy}{FROM_TEMPLATES if audit.ngram else ''}"
        )
    return (Chosen(problems, kept) if removed.count else problems), removed


def place_of(problem: Problem) -> str:
    """Where a problem comes from, and its id."""
    return f"{problem.source} (id {one_line(problem.id)})"


def _held_out(problem: Problem) -> Text:
    """A held-out problem as what is protected; of a generated one, only the whole."""
    is_drawn = problem.answer_source == "computed"
    return Text(place_of(problem), problem.question, "" if is_drawn else running(problem))


def _texts(path: Path) -> Iterator[Text]:
    """All strings in the rows of a JSONL file, or the paragraphs of another one."""
    if not path.is_file():
        what = "this is a folder" if path.is_dir() else "there is no such file"
        raise UserError(
            f"audit.protect = {str(path)!r}: {what}; give JSONL files, or text files whose paragraphs are protected"
        )
    if path.suffix in (".jsonl", ".json"):
        found = ((place, text) for place, row in read_rows(path) for text in _strings(row))
    else:
        found = read_paragraphs(path)
    empty = True
    for place, text in found:
        empty = False
        yield Text(place, text, text)
    if empty:
        raise UserError(f"audit.protect = {str(path)!r}: the file has no text; take it out, or give one that has")


def _strings(row: dict[str, Any]) -> Iterator[str]:
    """The strings in a row, however deep: whatever a data set calls its question, its answer and its solution."""
    waiting: list[Any] = [row]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += reversed(value.values())
        elif isinstance(value, list):
            waiting += reversed(value)
        elif isinstance(value, str) and value.strip():
            yield value
