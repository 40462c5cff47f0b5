"""Files that are whole or not there, and rows that are read one at a time. Knows nothing of runs."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from star.errors import UserError

BLOCK = 1 << 20
"""Bytes read at once of a file whose lines do not matter."""

Row = TypeVar("Row")

_decoder = cache(msgspec.json.Decoder)


class Rows(Collection[Row], Generic[Row]):
    """The rows of a JSONL file, read and parsed anew each time they are gone through: one at a time is in memory.

    Args:
        kind: what a row's JSON object becomes: a dataclass, as those of `records.py`, or itself by default.

    Raises:
        UserError: a line is damaged; the message names file and line.
    """

    def __init__(self, path: Path, kind: type[Row] = dict):
        self.path, self._parse = path, _decoder(kind).decode

    def __iter__(self) -> Iterator[Row]:
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    row = self._parse(line)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                    raise UserError(f"{self.path}:{number}: damaged line: {error}") from None
                yield row

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


def encode_line(row: Any) -> bytes:
    """One JSONL line of a dict or a dataclass, the same bytes for the same row.

    Raises:
        UnicodeEncodeError: a text in it has half of a surrogate pair.
    """
    return _encoder.encode(row) + b"\n"


def encode_lines(rows: Sequence[Any]) -> bytes:
    """The lines of several rows, as `encode_line` makes each."""
    return _encoder.encode_lines(rows)


def is_plain(row: Any) -> bool:
    """Whether a dataclass is read back from its line as it is: its fields are of their types, and fit for JSON."""
    try:
        return _decoder(type(row)).decode(_encoder.encode(row)) == row
    except (msgspec.MsgspecError, UnicodeEncodeError, TypeError):
        return False


def to_line(row: Any) -> str:
    """The same as text."""
    return encode_line(row).decode()


def _plain(value: Any) -> Any:
    """The text or number of a subclass, such as a `ChatText`."""
    for kind in (str, int, float):
        if isinstance(value, kind):
            return kind(value)
    raise TypeError(f"{type(value).__name__} is no JSON")


_encoder = msgspec.json.Encoder(order="sorted", enc_hook=_plain)


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
