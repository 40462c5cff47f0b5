"""A user's own problems: one JSON object a line; everything else is in the recipe."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from star.errors import UserError
from star.recipe import JsonlFields, JsonlTask
from star.records import Problem, derive_seed
from star.tasks.base import Task
from star.verify import VERIFIERS, Extractor, Verifier
from star.verify.exact import normalise


class Jsonl(Task):
    """Problems from JSONL files."""

    name = "jsonl"

    def __init__(self, settings: JsonlTask):
        self.settings = settings
        self.plain, self.hinted, self.stop = settings.prompt, settings.hint, tuple(settings.stop)
        self.extractor = Extractor(settings.answer_pattern)
        self.verifier = VERIFIERS[settings.verifier]()
        self.gold = Extractor(settings.gold_pattern) if settings.gold_pattern else None

    def problems(self, split: str) -> list[Problem]:
        if self.settings.held_out is not None:
            return self._read(self.settings.train if split == "train" else self.settings.held_out, split)
        wanted = split == "held_out"
        return [p for p in self._read(self.settings.train, "row") if self._is_held_out(p) == wanted]

    def source_files(self) -> list[Path]:
        return [Path(path) for path in (self.settings.train, self.settings.held_out) if path]

    def _is_held_out(self, problem: Problem) -> bool:
        return derive_seed("held-out", normalise(problem.question)) / 2**63 < self.settings.held_out_share

    def _read(self, path: str, prefix: str) -> list[Problem]:
        return [
            to_problem(row, place, prefix, self.name, self.settings.fields, self.gold, self.verifier)
            for place, row in read_rows(Path(path))
        ]


def read_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield `file:line` and object of each non-blank line.

    Raises:
        UserError: the file is missing, empty or not UTF-8, or a line is not a JSON object.
    """
    if not path.is_file():
        raise UserError(
            f"{path}: {'this is a folder, not a JSONL file' if path.is_dir() else 'there is no such data file'}"
        )
    empty = True
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            empty = False
            try:
                row = json.loads(line.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_no_number)
            except UnicodeDecodeError as error:
                raise UserError(f"{path}:{number}: not UTF-8 text: {error.reason} at byte {error.start}") from None
            except (ValueError, RecursionError) as error:
                raise UserError(f"{path}:{number}: not valid JSON: {error}; found {line[:60]!r}") from None
            if not isinstance(row, dict):
                raise UserError(f"{path}:{number}: expected a JSON object, found {type(row).__name__}")
            yield f"{path}:{number}", row
    if empty:
        raise UserError(f"{path}: the file has no problems")


def to_problem(
    row: dict[str, Any],
    place: str,
    prefix: str,
    task: str,
    fields: JsonlFields,
    gold: Extractor | None,
    verifier: Verifier,
    group: str = "all",
) -> Problem:
    """Turn one row, found at `place` (`file:line`), into a problem with a checked ground truth.

    Without an id field, its id is `prefix` and the line number.

    Raises:
        UserError: a field is missing or of the wrong type, or the ground truth cannot be parsed.
    """
    question, answer = (_text(row, key, place) for key in (fields.question, fields.answer))
    id = _text(row, fields.id, place) if fields.id else f"{prefix}-{place.rpartition(':')[2]}"
    if gold is not None:
        try:
            found = gold(answer)
        except TimeoutError:
            raise UserError(f"{place} (id {id}): the gold pattern took too long on {answer[-60:]!r}") from None
        if found is None:
            raise UserError(f"{place} (id {id}): no final answer in the ground truth {answer[-60:]!r}")
        answer = found
    problem = Problem(
        id=id,
        task=task,
        question=question.strip(),
        answer=answer.strip(),
        choices=_choices(row, place),
        source=place,
        group=_text(row, fields.group, place) if fields.group else group,
    )
    if complaint := verifier.check_gold(problem):
        raise UserError(f"{place} (id {id}): {complaint}")
    return problem


def _text(row: dict[str, Any], key: str, place: str) -> str:
    if key not in row:
        raise UserError(f"{place}: no field {key!r}; its fields are {', '.join(map(repr, row)) or 'none'}")
    value = row[key]
    if isinstance(value, bool) or not isinstance(value, (str, int, float)) or not str(value).strip():
        raise UserError(f"{place}: field {key!r} should be text or a number, and is {value!r}")
    return str(value)


def _choices(row: dict[str, Any], place: str) -> tuple[str, ...]:
    choices = row.get("choices") or []
    if not isinstance(choices, list) or not all(isinstance(choice, str) and choice.strip() for choice in choices):
        raise UserError(f"{place}: field 'choices' should be a list of texts, and is {choices!r}")
    return tuple(choices)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        raise ValueError("a key stands in it twice")
    return row


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not a number that JSON has")
