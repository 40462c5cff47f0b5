"""Rows that survive a crash: a file that only grows, wave by wave, and a seal for each wave that is on disk.

    attempts.jsonl.journal          the rows, one JSON object a line
    attempts.jsonl.journal.seals    one line a wave: rows and bytes up to its end, and the SHA-256 of its own bytes

A seal is written when its rows are on disk. So what has no seal was cut short, and is cut off; what has one must still
be what was written.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from star.errors import UserError
from star.files import BLOCK, Rows, encode_line, encode_lines, sync, sync_folder


class Seal(NamedTuple):
    """Where a wave ends, in rows and bytes from the start of the file, and the SHA-256 of the wave."""

    rows: int
    bytes: int
    sha256: str


AT_ONCE = 256
"""Rows that are written together."""
NOTHING = Seal(0, 0, "")
"""Before the first wave."""


class Journal:
    """The journal at `path`, made if it is not there; what a crash left of an unfinished wave is cut.

    Attributes:
        count: rows of the waves that are on disk.

    Raises:
        UserError: see `check_journal`.
    """

    def __init__(self, path: Path):
        self.path, self._seals = path, seals_of(path)
        if not path.exists():
            self._seals.touch()
            path.touch()
            sync_folder(path.parent)
        last, length = check_journal(path)
        self.count, self._end = last.rows, last.bytes
        os.truncate(path, self._end)
        self._seals.touch()  # a crash may have left an empty journal alone
        os.truncate(self._seals, length)

    def rows(self) -> Rows[dict[str, Any]]:
        """All rows so far."""
        return Rows(self.path)

    def append(self, rows: Iterable[Any]) -> None:
        """Add a wave of dicts or dataclasses, one by one; it is on disk when this returns, whole or not at all."""
        digest, count, size = hashlib.sha256(), 0, 0
        rows = iter(rows)
        with self.path.open("ab") as file:
            while some := list(islice(rows, AT_ONCE)):
                lines = encode_lines(some)
                file.write(lines)
                digest.update(lines)
                count, size = count + len(some), size + len(lines)
            sync(file)
        seal = Seal(self.count + count, self._end + size, digest.hexdigest())
        with self._seals.open("ab") as file:
            file.write(encode_line(seal._asdict()))
            sync(file)
        self.count, self._end = seal.rows, seal.bytes

    def clear(self) -> None:
        """Start anew."""
        with self._seals.open("wb") as file:
            sync(file)  # no seal may outlive its rows
        os.truncate(self.path, 0)
        self.count = self._end = 0


def seals_of(journal: Path) -> Path:
    """Where the seals of a journal are."""
    return journal.with_name(f"{journal.name}.seals")


def check_journal(path: Path) -> tuple[Seal, int]:
    """The last seal of a journal, and how many bytes of the file of seals are whole lines.

    Raises:
        UserError: what is sealed has changed or is missing; the message names file and lines, and both hashes.
    """
    seals, length = _read_seals(path)
    size, before = path.stat().st_size, NOTHING
    if size and not seals_of(path).exists():
        raise UserError(f"{seals_of(path)}: missing, so nothing in {path.name} can be trusted; {_remedy(path)}")
    with path.open("rb") as file:
        for seal in seals:
            lines = f"{before.rows + 1}-{seal.rows}"
            if size < seal.bytes:
                raise UserError(
                    f"{path}: truncated: lines {lines} were on disk and are not any more "
                    f"({size} bytes, not {seal.bytes}); {_remedy(path)}"
                )
            found, rows = _measure(file, seal.bytes - before.bytes)
            if found != seal.sha256:
                _name_damaged_line(path, before, seal)
                raise UserError(
                    f"{path}: damaged in lines {lines}: their SHA-256 is {found}, not {seal.sha256}; {_remedy(path)}"
                )
            if rows != seal.rows - before.rows:
                raise UserError(
                    f"{seals_of(path)}: damaged: it has {seal.rows - before.rows} rows where {path.name} has {rows}; "
                    f"{_remedy(path)}"
                )
            before = seal
    return before, length


def _read_seals(path: Path) -> tuple[list[Seal], int]:
    """The seals of a journal, and the bytes that hold them: a torn last line is none."""
    file, seals, end = seals_of(path), [], 0
    for number, line in enumerate(file.read_bytes().splitlines(keepends=True) if file.exists() else [], 1):
        if not line.endswith(b"\n"):
            break
        try:
            seal = Seal(**json.loads(line))
            before = seals[-1] if seals else NOTHING
            if not (seal.rows >= before.rows and seal.bytes >= before.bytes and isinstance(seal.sha256, str)):
                raise ValueError("it does not follow the one before")
        except (ValueError, TypeError) as error:
            raise UserError(f"{file}:{number}: damaged line: {error}; {_remedy(path)}") from None
        seals.append(seal)
        end += len(line)
    return seals, end


def _measure(file: BinaryIO, size: int) -> tuple[str, int]:
    """The SHA-256 of the next `size` bytes and the lines that end in them, read in blocks: a wave may be large."""
    digest, lines = hashlib.sha256(), 0
    while size and (block := file.read(min(size, BLOCK))):
        digest.update(block)
        lines, size = lines + block.count(b"\n"), size - len(block)
    return digest.hexdigest(), lines


def _name_damaged_line(path: Path, before: Seal, seal: Seal) -> None:
    """Raise an error for the first line between two seals that is no JSON, if there is one."""
    with path.open("rb") as file:
        file.seek(before.bytes)
        for number, line in enumerate(file, before.rows + 1):
            if file.tell() > seal.bytes:
                return
            try:
                json.loads(line.decode())
            except (ValueError, RecursionError) as error:
                raise UserError(f"{path}:{number}: damaged line: {error}; {_remedy(path)}") from None


def _remedy(path: Path) -> str:
    return f"to do this stage again, delete {path.name} and {seals_of(path).name}"
