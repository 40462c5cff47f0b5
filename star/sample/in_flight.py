"""The completions of a wave that is not in the journal yet, saved as they come: nothing is asked for twice.

A line holds a completion under a key that says all that decides it, and its own SHA-256. A line that is torn or damaged
is not there: its completion is asked for again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from star.files import sync, to_line, write_text
from star.records import Completion


class InFlight:
    """Completions by key, in the file at `path`; `None` keeps none."""

    def __init__(self, path: Path | None):
        self.path = path

    def keep(self, keys: Collection[str]) -> dict[str, Completion]:
        """What is saved under these keys. All else is dropped: it belongs to waves that are in the journal by now."""
        if self.path is None:
            return {}
        saved = {key: completion for key, completion in self._read().items() if key in keys}
        if self.path.exists() or saved:
            write_text(self.path, "".join(_line(key, completion) for key, completion in saved.items()))
        return saved

    def add(self, completions: Mapping[str, Completion]) -> None:
        """Save some more; they are on disk when this returns."""
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.writelines(_line(key, completion) for key, completion in completions.items())
                sync(file)

    def clear(self) -> None:
        """Drop all."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def _read(self) -> dict[str, Completion]:
        found = {}
        for line in self.path.read_bytes().splitlines() if self.path.exists() else []:
            try:
                row = json.loads(line)
                if row["sha256"] == _sha256(row["completion"]):
                    found[row["key"]] = Completion(**row["completion"])
            except (ValueError, TypeError, KeyError, RecursionError):
                continue
        return found


def key_of(*parts: Any) -> str:
    """A key from all that decides a completion."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _line(key: str, completion: Completion) -> str:
    fields = {name: getattr(completion, name) for name in Completion.__slots__}
    return to_line({"key": key, "completion": fields, "sha256": _sha256(fields)})


def _sha256(fields: dict[str, Any]) -> str:
    return hashlib.sha256(to_line(fields).encode()).hexdigest()
