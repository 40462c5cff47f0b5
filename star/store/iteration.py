"""One iteration's directory, while it is being filled.

A stage writes one artefact. Rows go to `NAME.journal`, wave by wave, and become `NAME` when the last one is in; other
artefacts are written beside their place and renamed. Size and SHA-256 of an artefact are in the manifest before it has
its final name: what has its name is complete, and is read instead of made when a run resumes. At the end the directory
itself loses its `.partial`.
"""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from star.clock import clock, spent
from star.energy import meter
from star.errors import UserError
from star.files import Row, Rows, make_folder, read_json, sync_files, sync_folder, to_json, write_json, write_text
from star.store.checkpoints import Checkpoints
from star.store.journal import Journal, seals_of
from star.store.manifest import MANIFEST, Entry, entries, entry, entry_of, read_manifest, require_intact

TIMINGS = "timings.json"
UNFINISHED = (".tmp", ".journal", ".seals", ".checkpoints")
"""Ends of the names of what is no artefact yet."""


class Iteration:
    """Iteration `number` below `root`, begun or gone on with.

    Attributes:
        facts: what the run stands on, for the manifest.
        on_stage: called with number and name when a stage begins.
        seconds: that each stage took, interrupted tries included; those of a process that was killed outright are lost.
        spent: the same seconds and those between stages, by activity (`star/clock.py`).
        joules: that the machine took in that time, if it tells (`star/energy.py`).

    Raises:
        UserError: an artefact of an earlier process is not what it wrote.
    """

    def __init__(
        self,
        root: Path,
        number: int,
        facts: Mapping[str, Any] | None = None,
        on_stage: Callable[[int, str], None] = lambda number, name: None,
    ):
        self.root, self.number, self.facts, self.on_stage = root, number, facts or {}, on_stage
        self.final = root / f"{number:03d}"
        self.folder = root / f"{number:03d}.partial"
        make_folder(self.folder)
        _remove_leftovers(self.folder)
        self._files = self._recorded()
        self.seconds, self.spent, self.joules = read_times(self.folder / TIMINGS)

    def rows(self, name: str, produce: Callable[[Journal], None], kind: type[Row]) -> Rows[Row]:
        """The stage `NAME.jsonl`: `produce` appends to a journal, which may already hold rows from before a crash.

        Returns:
            The rows, of this `kind`, one at a time.
        """
        path = self.folder / f"{name}.jsonl"
        if not path.exists():
            journal = Journal(self.folder / f"{name}.jsonl.journal")
            with self._timed(name):
                produce(journal)
                self._record({path.name: entry(journal.path)})
            journal.path.rename(path)
            sync_folder(self.folder)
            seals_of(journal.path).unlink(missing_ok=True)
        return Rows(path, kind)

    def json(self, name: str, make: Callable[[], Any]) -> Any:
        """The stage `NAME.json`: what `make` returns."""
        return read_json(self.text(f"{name}.json", lambda: to_json(make())))

    def text(self, name: str, make: Callable[[], str]) -> Path:
        """The stage `NAME`, a text file: what `make` returns; where it is until this iteration ends."""
        path = self.folder / name
        if not path.exists():
            with self._timed(path.stem):
                text = make()
                self._record({path.name: entry_of(text)})
                write_text(path, text)
        return path

    def directory(self, name: str, fill: Callable[[Path], None]) -> Path:
        """The stage `NAME/`: `fill` writes files into a folder; returns where they will be once this iteration ends."""
        path = self.folder / name
        if not path.exists():
            partial = self.folder / f"{name}.tmp"
            partial.mkdir()
            with self._timed(name):
                fill(partial)
                with spent("writing"):
                    sync_files(partial)
                    self._record({f"{name}/{file}": found for file, found in entries(partial).items()})
            partial.rename(path)
            sync_folder(self.folder)
        return path

    def checkpoints(self, name: str) -> Checkpoints:
        """Where the stage `NAME/` may keep what it has done so far; gone once the stage is complete."""
        return Checkpoints(self.folder / f"{name}.checkpoints")

    @spent("writing")
    def finish(self) -> None:
        """Complete the manifest and give the directory its final name."""
        for unfinished in [path for path in self.folder.iterdir() if path.suffix in UNFINISHED]:
            _remove(unfinished)  # also of stages that a changed recipe has no more
        if not (self.folder / TIMINGS).exists():  # deleted, since it was damaged
            write_json(self.folder / TIMINGS, self.times())
        self._files[TIMINGS] = entry(self.folder / TIMINGS)
        write_json(self.folder / MANIFEST, {"iteration": self.number, "files": self._files, "run": dict(self.facts)})
        self.folder.rename(self.final)
        sync_folder(self.root)

    def _record(self, files: Mapping[str, Entry]) -> None:
        """Put files that are about to get their names into the manifest."""
        self._files |= files
        write_json(self.folder / MANIFEST, {"iteration": self.number, "files": self._files})

    def _recorded(self) -> dict[str, Entry]:
        """What the manifest has of complete artefacts, which must be there as they were written, and no others."""
        there = {path.name for path in self.folder.iterdir() if path.suffix not in UNFINISHED} - {TIMINGS, MANIFEST}
        remedy = "delete {}, and the same command makes it again"
        try:
            recorded = read_manifest(self.folder)["files"] if (self.folder / MANIFEST).exists() else {}
        except UserError as error:
            raise UserError(f"{error}; {remedy.format(self.folder)}") from None
        files: dict[str, Entry] = {}
        for artefact in sorted(there):
            found = {name: entry for name, entry in recorded.items() if name.partition("/")[0] == artefact}
            delete = remedy.format(self.folder / artefact)
            if not found:
                raise UserError(f"{self.folder / artefact}: not in {MANIFEST}, so it may be anything; {delete}")
            require_intact(self.folder, found, delete)
            files |= found
        return files

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        """Adds the seconds of a stage to `timings.json`, also when the stage is interrupted."""
        start = time.monotonic()
        self.on_stage(self.number, name)
        try:
            yield
        finally:
            self.seconds[name] += time.monotonic() - start
            write_json(self.folder / TIMINGS, self.times())

    def times(self) -> dict[str, Any]:
        """`seconds` and `spent` until now, to the millisecond; `joules` too if there are any."""
        self.spent += clock.take()
        if (joules := meter.take()) is not None:
            self.joules = (self.joules or 0.0) + joules
        kinds = {"seconds": self.seconds, "spent": self.spent}
        times = {kind: {name: round(s, 3) for name, s in sorted(times.items())} for kind, times in kinds.items()}
        return times if self.joules is None else {**times, "joules": round(self.joules, 3)}


def read_times(path: Path) -> tuple[Counter[str], Counter[str], float | None]:
    """`seconds`, `spent` and `joules` of earlier processes.

    Raises:
        UserError: the file is damaged.
    """
    try:
        found = json.loads(path.read_bytes()) if path.exists() else {}
        seconds, spent = ({name: float(s) for name, s in found.get(kind, {}).items()} for kind in ("seconds", "spent"))
        joules = None if found.get("joules") is None else float(found["joules"])
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: damaged: {error}; delete it, which loses only the seconds in it") from None
    return Counter(seconds), Counter(spent), joules


def _remove_leftovers(folder: Path) -> None:
    """Remove what a crash left half done, and what led to artefacts that are complete."""
    for leftover in folder.glob("*.tmp"):
        _remove(leftover)
    for seals in folder.glob("*.seals"):
        if (folder / seals.name.removesuffix(".journal.seals")).exists():
            _remove(seals)
    for checkpoints in folder.glob("*.checkpoints"):
        if (folder / checkpoints.stem).exists():
            _remove(checkpoints)


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()
