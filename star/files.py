"""Files that are whole or not there, and rows that are read one at a time. Knows nothing of runs."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

from star.errors import UserError

BLOCK = 1 << 20
"""Bytes read at once of a file whose lines do not matter."""

Row = TypeVar("Row")

_parse = json.JSONDecoder().decode
_write = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode


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
                    row = _parse(line.decode())
                except (ValueError, RecursionError) as error:  # no JSON, or no UTF-8
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
    return _write(row) + "\n"


def read_json(path: Path) -> dict[str, Any]:
    """The object that a JSON file holds.

    Raises:
        UserError: it is damaged.
    """
    try:
        found = json.loads(path.read_bytes().decode())
        if not isinstance(found, dict):
            raise ValueError(f"expected a JSON object, found {type(found).__name__}")
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: damaged: {error}") from None
    return found


def to_json(value: Any) -> str:
    """The text of a JSON file, the same for the same value."""
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file whole or not at all."""
    write_text(path, to_json(value))


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all: beside its place, fsync, rename, fsync of the folder."""
    partial = path.with_name(f"{path.name}.tmp")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        sync(file)
    partial.rename(path)
    sync_folder(path.parent)


def make_folder(path: Path) -> None:
    """Make a folder that is not there, and those above it, such that they stay."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        sync_folder(path.parent)


def sync(file: Any) -> None:
    """Put what was written to an open file on disk."""
    file.flush()
    os.fsync(file.fileno())


def sync_files(folder: Path) -> None:
    """Put a folder on disk: all files below it, and their names."""
    for path in (*folder.rglob("*"), folder):
        if path.is_dir():
            sync_folder(path)
        else:
            with path.open("rb+") as file:
                sync(file)


def put_in_place(partial: Path, final: Path) -> None:
    """Give a folder that is whole its final name, for good: what has that name is on disk."""
    sync_files(partial)
    partial.rename(final)
    sync_folder(final.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
