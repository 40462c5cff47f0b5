"""The artefacts of one iteration, for whoever reads a run: finished, or still at work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from star.files import Row, Rows, read_json
from star.store.journal import check_journal
from star.store.manifest import MANIFEST, Entry, read_manifest, require_intact
from star.store.run import Store


class Artefacts:
    """What iteration `number` of a run has so far. Reads only, and nothing that is not what was written.

    Attributes:
        is_finished: whether it has its final name.
        files: size and SHA-256 of every file that is complete, of weights that were not kept too.
        facts: what the iteration stands on (see `Session`).

    Raises:
        UserError: its manifest is damaged; every method, if what it reads is.
    """

    def __init__(self, store: Store, number: int):
        self.store, self.number = store, number
        final = store.iterations_folder / f"{number:03d}"
        self.is_finished = final.is_dir()
        self.folder = final if self.is_finished else final.with_suffix(".partial")
        manifest: dict[str, Any] = {"files": {}}
        if self.is_finished:
            manifest = store.manifest(final)
        elif (self.folder / MANIFEST).exists():
            manifest = read_manifest(self.folder)
        self.files: dict[str, Entry] = manifest["files"]
        self.facts: dict[str, Any] = manifest.get("run") or store.read_run()

    @property
    def exists(self) -> bool:
        """Whether the iteration has begun."""
        return self.folder.is_dir()

    def has(self, name: str) -> bool:
        """Whether this file is complete."""
        return name in self.files and (self.is_finished or (self.folder / name).exists())

    def path(self, name: str) -> Path:
        """Where a complete file is, once it is found to be what was written."""
        if self.is_finished:
            self.store.require_intact(self.folder, name)
        else:
            require_intact(self.folder, {name: self.files[name]}, "the run at work in this folder will say what to do")
        return self.folder / name

    def json(self, name: str) -> dict[str, Any] | None:
        """The artefact `NAME.json`, if the iteration has it."""
        return read_json(self.path(f"{name}.json")) if self.has(f"{name}.json") else None

    def rows(self, name: str, kind: type[Row] = dict) -> Iterable[Row]:
        """The rows of `NAME.jsonl`, one at a time; of a stage at work, those of its waves that are on disk."""
        if self.has(f"{name}.jsonl"):
            return Rows(self.path(f"{name}.jsonl"), kind)
        journal = self.folder / f"{name}.jsonl.journal"
        return islice(Rows(journal, kind), check_journal(journal)[0].rows) if journal.exists() else ()


def iterations_of(store: Store) -> Iterator[Artefacts]:
    """All iterations of a run that have begun, in order."""
    names = {path.name.partition(".")[0] for path in store.iterations_folder.glob("*") if path.suffix != ".tmp"}
    for number in sorted(int(name) for name in names if name.isdecimal()):
        yield Artefacts(store, number)
