"""Files that are whole or not there, and rows that survive a crash. Knows nothing of runs."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from star.errors import UserError


class Journal:
    """JSON rows in a file that only grows; a last line torn by a crash is cut when it is opened."""

    def __init__(self, path: Path):
        self.path = path
        path.touch()
        data = path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.truncate(path, whole)

    def rows(self) -> list[dict[str, Any]]:
        """All rows so far."""
        return read_rows(self.path)

    def keep_multiple_of(self, size: int) -> int:
        """Drop the rows after the last whole multiple of `size`; returns how many are left."""
        lines = self.path.read_bytes().splitlines(keepends=True)
        kept = len(lines) // size * size
        os.truncate(self.path, sum(map(len, lines[:kept])))
        return kept

    def replace(self, rows: Sequence[dict[str, Any]]) -> None:
        """Start anew with these rows."""
        os.truncate(self.path, 0)
        self.append(rows)

    def append(self, rows: Sequence[dict[str, Any]]) -> None:
        """Add rows; they are on disk when this returns."""
        with self.path.open("ab") as file:
            file.write("".join(to_line(row) for row in rows).encode())
            sync(file)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSONL file.

    Raises:
        UserError: a line is damaged; the message names file and line.
    """
    rows = []
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise UserError(f"{path}:{number}: damaged line: {error}") from None
    return rows


def file_sha256(path: Path) -> str:
    """Hex SHA-256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
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
