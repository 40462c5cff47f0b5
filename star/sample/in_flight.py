"""The completions of waves that are not in the journal yet, saved as they come: nothing is asked for twice.

A line holds a completion under a key that says all that decides it, and its own SHA-256. A line that is torn or damaged
is not there: its completion is asked for again.

Each process of a run writes a file of its own, and reads those of all: a wave that one of them had begun may go to
another one when the run goes on. A finished wave may wait for earlier ones before it gets into the journal
(`star/processes/feed.py`), so nothing is dropped before all waves are there.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any

from star.files import sync, to_line
from star.records import Completion

NAME = "in-flight"


class InFlight:
    """Completions by key, in the run directory `folder`; `None` keeps none.

    Args:
        rank: of this process.
    """

    def __init__(self, folder: Path | None, rank: int = 0):
        self.folder, self.rank = folder, rank
        self._places: dict[str, tuple[Path, int]] = {}  # file and byte where a line begins; the lines may be many
        if folder is not None:
            self.path = folder / (f"{NAME}-{rank}.jsonl" if rank else f"{NAME}.jsonl")
            for path in sorted(folder.glob(f"{NAME}*.jsonl")):
                self._note(path)
            self._end_torn_line()

    def find(self, keys: Iterable[str]) -> dict[str, Completion]:
        """What was saved under these keys, by any process, when this one began."""
        places = sorted((self._places[key], key) for key in set(keys) & self._places.keys())
        found = {}
        for path, group in groupby(places, key=lambda one: one[0][0]):
            with suppress(FileNotFoundError), path.open("rb") as file:
                for (_, start), key in group:
                    file.seek(start)
                    name, completion = _parse(file.readline())
                    if name == key:
                        found[key] = completion
        return found

    def add(self, completions: Mapping[str, Completion]) -> None:
        """Save some more; they are on disk when this returns."""
        if self.folder is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.writelines(_line(key, completion) for key, completion in completions.items())
                sync(file)

    def clear(self) -> None:
        """All waves are in the journal: drop what this process has saved, and the first process what any has."""
        self._places.clear()
        if self.folder is not None:
            for path in [self.path] if self.rank else self.folder.glob(f"{NAME}*.jsonl"):
                path.unlink(missing_ok=True)

    def _note(self, path: Path) -> None:
        """Where each completion of a file is."""
        start = 0
        with path.open("rb") as file:
            for line in file:
                if (key := _parse(line)[0]) is not None:
                    self._places[key] = path, start
                start += len(line)

    def _end_torn_line(self) -> None:
        """A kill may have cut the last line; what is written from now on must not be joined to it."""
        if self.path.exists() and self.path.stat().st_size:
            with self.path.open("rb+") as file:
                file.seek(-1, os.SEEK_END)
                if file.read() != b"\n":
                    file.write(b"\n")


def key_of(*parts: Any) -> str:
    """A key from all that decides a completion."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _line(key: str, completion: Completion) -> str:
    fields = {name: getattr(completion, name) for name in Completion.__slots__}
    return to_line({"key": key, "completion": fields, "sha256": _sha256(fields)})


def _parse(line: bytes) -> tuple[str | None, Completion | None]:
    """Key and completion of a line; `None` twice if it is damaged."""
    try:
        row = json.loads(line)
        if row["sha256"] == _sha256(row["completion"]):
            return str(row["key"]), Completion(**row["completion"])
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    return None, None


def _sha256(fields: dict[str, Any]) -> str:
    return hashlib.sha256(to_line(fields).encode()).hexdigest()
