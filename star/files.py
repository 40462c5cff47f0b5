"""Files that are whole or not there, and rows that survive a crash. Knows nothing of runs."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

from star.errors import UserError

BLOCK = 1 << 20
"""Bytes read at once of a file whose lines do not matter."""

Row = TypeVar("Row")


class Journal:
    """JSON rows in a file that only grows; a last line torn by a crash is cut when it is opened."""

    def __init__(self, path: Path):
        self.path = path
        path.touch()
        self.keep_multiple_of(1)

    def rows(self) -> Rows[dict[str, Any]]:
        """All rows so far."""
        return Rows(self.path)

    def keep_multiple_of(self, size: int) -> int:
        """Drop the rows after the last whole multiple of `size`; returns how many are left."""
        kept = position = end = 0
        with self.path.open("rb+") as file:
            for count, line in enumerate(file, 1):
                position += len(line)
                if count % size == 0 and line.endswith(b"\n"):  # a torn line is none
                    kept, end = count, position
            file.truncate(end)
        return kept

    def replace(self, rows: Iterable[dict[str, Any]]) -> None:
        """Start anew with these rows."""
        os.truncate(self.path, 0)
        self.append(rows)

    def append(self, rows: Iterable[dict[str, Any]]) -> None:
        """Add rows, one at a time; all are on disk when this returns."""
        with self.path.open("ab") as file:
            file.writelines(to_line(row).encode() for row in rows)
            sync(file)


class Rows(Collection[Row], Generic[Row]):
    """The rows of a JSONL file, read and parsed anew each time they are gone through: one at a time is in memory.

    Args:
        make: what a row's JSON object becomes; itself by default.

    Raises:
        UserError: a line is damaged; the message names file and line.
    """

    def __init__(self, path: Path, make: Callable[[dict[str, Any]], Row] = lambda row: row):
        self.path, self.make = path, make

    def __iter__(self) -> Iterator[Row]:
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    row = json.loads(line.decode())
                except ValueError as error:  # no JSON, or no UTF-8
                    raise UserError(f"{self.path}:{number}: damaged line: {error}") from None
                yield self.make(row)

    def __len__(self) -> int:
        with self.path.open("rb") as file:
            return sum(1 for _ in file)

    def __contains__(self, row: object) -> bool:
        return any(row == one for one in self)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """All rows of a JSONL file that is known to be short.

    Raises:
        UserError: a line is damaged; the message names file and line.
    """
    return list(Rows(path))


def file_sha256(path: Path) -> str:
    """Hex SHA-256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def to_line(row: dict[str, Any]) -> str:
    """One JSONL line, the same bytes for the same row."""
    return json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file whole or not at all."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all: beside its place, fsync, rename, fsync of the folder."""
    partial = path.with_name(f"{path.name}.tmp")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        sync(file)
    partial.rename(path)
    sync_folder(path.parent)


def sync(file: Any) -> None:
    """Put what was written to an open file on disk."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
