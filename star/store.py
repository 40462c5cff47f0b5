"""The run directory: who owns it, what is finished in it, and how each thing gets there whole or not at all.

    runs/NAME/
      recipe.yaml  run.json  metrics.jsonl  report/
      iterations/000/ 001/ 002.partial/      a finished iteration has no `.partial` and ends with its MANIFEST.json

A stage writes one artefact. Rows go to `NAME.journal`, wave by wave, each wave fsynced, and become `NAME` when the last
one is in; other artefacts are written beside their place and renamed. What has its final name is complete: that is
the whole of resume. Iterations are renamed only after the manifest (size and SHA-256 of every file) is on disk.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from star.clock import clock, spent
from star.errors import UserError
from star.files import Journal, Row, Rows, file_sha256, sync, sync_folder, to_line, write_json, write_text
from star.recipe import NOT_DECIDING, Recipe, canonical, difference, load_recipe, recipe_hash
from star.records import Example

MANIFEST, TIMINGS = "MANIFEST.json", "timings.json"

DECIDING = ("problems_sha256", "exemplars_sha256", "base_model_sha256", "verifier", "dtype", "world_size")
"""Facts in `run.json` that decide results: a run is not continued with others."""


class Iteration:
    """One iteration's directory, while it is being filled. Stages that are complete are read instead of run.

    Attributes:
        seconds: that each stage took, interrupted tries included; those of a process that was killed outright are lost.
        spent: the same seconds and those between stages, by activity (`star/clock.py`).
    """

    def __init__(self, root: Path, number: int):
        self.root, self.number = root, number
        self.final = root / f"{number:03d}"
        self.folder = root / f"{number:03d}.partial"
        self.folder.mkdir(parents=True, exist_ok=True)
        for leftover in self.folder.glob("*.tmp"):
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        timings = self.folder / TIMINGS
        found = json.loads(timings.read_text(encoding="utf-8")) if timings.exists() else {}
        self.seconds, self.spent = Counter(found.get("seconds")), Counter(found.get("spent"))

    def rows(self, name: str, produce: Callable[[Journal], None], make: Callable[[dict[str, Any]], Row]) -> Rows[Row]:
        """The stage `NAME.jsonl`: `produce` appends to a journal, which may already hold rows from before a crash.

        Returns:
            What `make` turns the rows into, one at a time.
        """
        path = self.folder / f"{name}.jsonl"
        if not path.exists():
            journal = Journal(self.folder / f"{name}.jsonl.journal")
            with self._timed(name):
                produce(journal)
            journal.path.rename(path)
            sync_folder(self.folder)
        return Rows(path, make)

    def json(self, name: str, make: Callable[[], Any]) -> Any:
        """The stage `NAME.json`: what `make` returns."""
        path = self.folder / f"{name}.json"
        if not path.exists():
            with self._timed(name):
                write_json(path, make())
        return json.loads(path.read_text(encoding="utf-8"))

    def directory(self, name: str, fill: Callable[[Path], None]) -> Path:
        """The stage `NAME/`: `fill` writes files into a folder; returns where they will be once this iteration ends."""
        path = self.folder / name
        if not path.exists():
            partial = self.folder / f"{name}.tmp"
            partial.mkdir()
            with self._timed(name):
                fill(partial)
                _sync_files(partial)
            partial.rename(path)
            sync_folder(self.folder)
        return path

    @spent("writing")
    def finish(self) -> None:
        """Write the manifest and give the directory its final name."""
        files = sorted(p for p in self.folder.rglob("*") if p.is_file() and p.name != MANIFEST)
        entries = {
            p.relative_to(self.folder).as_posix(): {"bytes": p.stat().st_size, "sha256": file_sha256(p)} for p in files
        }
        write_json(self.folder / MANIFEST, {"iteration": self.number, "files": entries})
        self.folder.rename(self.final)
        sync_folder(self.root)

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        """Adds the seconds of a stage to `timings.json`, also when the stage is interrupted."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] += time.monotonic() - start
            write_json(self.folder / TIMINGS, self.times())

    def times(self) -> dict[str, dict[str, float]]:
        """`seconds` and `spent` until now, to the millisecond."""
        self.spent += clock.take()
        kinds = {"seconds": self.seconds, "spent": self.spent}
        return {kind: {name: round(s, 3) for name, s in sorted(times.items())} for kind, times in kinds.items()}


@spent("writing")
def _sync_files(folder: Path) -> None:
    """Put all files of a folder on disk."""
    for file in folder.rglob("*"):
        if file.is_file():
            with file.open("rb+") as handle:
                sync(handle)


class Store:
    """One run's directory, owned by one process."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.iterations_folder = folder / "iterations"

    @classmethod
    def open(cls, folder: Path, recipe: Recipe) -> Store:
        """Create the directory, or continue in it.

        A run may ask for more iterations, and one that has not begun to work may change anything.

        Raises:
            UserError: another process works in it, or it was started with another recipe.
        """
        store = cls(folder)
        folder.mkdir(parents=True, exist_ok=True)
        store._lock()
        path = folder / "recipe.yaml"
        if path.exists() and store._has_work():
            _require_same(load_recipe(path), recipe, folder)
        write_text(path, canonical(recipe))
        return store

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self._lock_file.close()

    @classmethod
    def existing(cls, folder: Path) -> Store:
        """A run that is there already, for reading.

        Raises:
            UserError: it is no run directory.
        """
        if not (folder / "recipe.yaml").is_file():
            raise UserError(f"{folder}: not a run directory (it has no recipe.yaml)")
        return cls(folder)

    @property
    def recipe(self) -> Recipe:
        return load_recipe(self.folder / "recipe.yaml")

    def record(self, facts: dict[str, Any]) -> list[str]:
        """Write `run.json`, which says what the run stands on: hashes of recipe, data and base model, versions, device.

        Returns:
            What else changed since the run began (versions, threads), for a warning.

        Raises:
            UserError: one of `DECIDING` changed.
        """
        path = self.folder / "run.json"
        facts = {"recipe_sha256": recipe_hash(self.recipe), **facts}
        if not path.exists() or not self._has_work():
            write_json(path, facts)
            return []
        before = json.loads(path.read_text(encoding="utf-8"))
        changed = [key for key in facts if key in before and before[key] != facts[key]]
        lines = {key: f"{key}: {before[key]!r} -> {facts[key]!r}" for key in changed}
        if deciding := [lines[key] for key in changed if key in DECIDING]:
            raise UserError(
                f"{self.folder}: what this run stands on has changed since it began:\n  "
                + "\n  ".join(deciding)
                + "\nput it back to continue, or use --name NEW to start another run"
            )
        return list(lines.values())

    def recorded(self, fact: str) -> Any:
        """A fact of `run.json` that a run which goes on must keep; `None` before there is any work."""
        path = self.folder / "run.json"
        return json.loads(path.read_text(encoding="utf-8")).get(fact) if path.exists() and self._has_work() else None

    def _has_work(self) -> bool:
        """Whether anything was sampled or trained that recipe, data and base model decided."""
        return any(self.iterations_folder.glob("*/*"))

    def iterations(self, count: int) -> Iterator[Iteration]:
        """Iterations 0 (the base model, only scored) to `count` that are not finished, in order.

        What comes after the metrics of one, its manifest and the report, is on the clock of the next.
        """
        self.iterations_folder.mkdir(exist_ok=True)
        clock.take()  # what came before is no part of an iteration
        for number in range(count + 1):
            if not (self.iterations_folder / f"{number:03d}").exists():
                yield Iteration(self.iterations_folder, number)

    def finished(self) -> list[Path]:
        """Directories of the finished iterations, in order."""
        return sorted(p for p in self.iterations_folder.glob("[0-9]*") if p.is_dir() and p.suffix != ".partial")

    def adapter(self, number: int) -> Path | None:
        """The adapter of an iteration, finished or in progress; `None`, the base model, for iteration 0."""
        if number == 0:
            return None
        finished = self.iterations_folder / f"{number:03d}"
        return (finished if finished.exists() else finished.with_suffix(".partial")) / "adapter"

    def examples(self, number: int) -> Collection[Example]:
        """What a finished iteration was trained on; nothing for iteration 0."""
        path = self.iterations_folder / f"{number:03d}" / "train.jsonl"
        return Rows(path, Example.from_dict) if number > 0 else ()

    def update_metrics(self) -> None:
        """Write `metrics.jsonl` anew from the finished iterations: one line each."""
        rows = [json.loads((folder / "metrics.json").read_text(encoding="utf-8")) for folder in self.finished()]
        write_text(self.folder / "metrics.jsonl", "".join(to_line(row) for row in rows))

    def _lock(self) -> None:
        """Own the directory until this process ends, however it ends: the kernel drops the lock of a dead owner."""
        self._lock_file = (self.folder / ".lock").open("a+")
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock_file.seek(0)
            owner = self._lock_file.read().strip() or "unknown"
            raise UserError(f"{self.folder}: a run is at work here ({owner}); wait for it or stop it") from None
        self._lock_file.truncate(0)
        self._lock_file.write(f"host {socket.gethostname()}, pid {os.getpid()}\n")
        self._lock_file.flush()


def _require_same(old: Recipe, new: Recipe, folder: Path) -> None:
    changes = [change for change in difference(old, new) if change[0] not in NOT_DECIDING]
    if changes:
        lines = "\n".join(f"  {key}: {before!r} -> {after!r}" for key, before, after in changes)
        raise UserError(
            f"{folder}: this run was started with another recipe:\n{lines}\n"
            "use the old values to continue it, or --name NEW to start another run"
        )
