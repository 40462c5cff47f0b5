"""The run directory: who owns it, what it stands on, and which iterations are finished in it.

    runs/NAME/
      recipe.yaml  run.json  metrics.jsonl  report/
      iterations/000/ 001/ 002.partial/      a finished iteration has no `.partial` and a whole MANIFEST.json

`iteration.py` says how an iteration gets there. Nothing of a finished one is used before it is found to be what
its manifest says.
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from star.clock import clock
from star.errors import UserError
from star.files import Rows, read_json, to_line, write_json, write_text
from star.recipe import Recipe, canonical, load_recipe, recipe_hash
from star.records import Example
from star.store.changes import changed_facts, changed_keys
from star.store.iteration import Iteration
from star.store.manifest import read_manifest, require_intact
from star.store.retention import best, retire, retired

RECIPE, RUN, METRICS = "recipe.yaml", "run.json", "metrics.jsonl"


class Store:
    """One run's directory, owned by one process."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.iterations_folder = folder / "iterations"
        self.facts: dict[str, Any] = {}
        self._intact: set[Path] = set()

    @classmethod
    def open(cls, folder: Path, recipe: Recipe, begin: Callable[[Store], None] | None = None) -> Store:
        """Create the directory, or continue in it.

        A run that has not begun to work may change anything; later, only what decides no result (`changes.py`).

        Args:
            begin: puts into the directory what the run begins with, if it is not there yet.

        Raises:
            UserError: another process works in it, it was started with another recipe, or it is damaged.
        """
        store = cls(folder)
        folder.mkdir(parents=True, exist_ok=True)
        store._lock()
        if begin is not None:
            begin(store)
        path, changes = folder / RECIPE, []
        if path.exists() and store.has_work():
            changes = changed_keys(load_recipe(path), recipe, folder)
        if finished := store.finished():  # what the run goes on from, before anything is written
            store.metrics()
            store.require_intact(finished[-1])
        store._add_changes(changes)
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
        if not (folder / RECIPE).is_file():
            raise UserError(f"{folder}: not a run directory (it has no {RECIPE}); give one such as runs/NAME")
        return cls(folder)

    @property
    def recipe(self) -> Recipe:
        return load_recipe(self.folder / RECIPE)

    def record(self, facts: dict[str, Any]) -> list[str]:
        """Write `run.json`, which says what the run stands on: hashes of recipe, data and base model, versions, device.

        What has changed since the run began, and does not forbid to go on, is kept there under `changes`.

        Returns:
            These changes, for a warning.

        Raises:
            UserError: something changed that does forbid it.
        """
        self.facts = facts = {"recipe_sha256": recipe_hash(self.recipe), **facts}
        before = self._read_run()
        if not before or not self.has_work():
            write_json(self.folder / RUN, {**facts, **{key: before[key] for key in ("parent",) if key in before}})
            return []
        changes = changed_facts(before, facts, self.folder)
        write_json(self.folder / RUN, before | facts)
        self._add_changes(changes)
        return [f"{change['key']}: {change['before']!r} -> {change['after']!r}" for change in changes]

    def recorded(self, fact: str) -> Any:
        """A fact of `run.json` that a run which goes on must keep; `None` before there is any work."""
        return self._read_run().get(fact) if self.has_work() else None

    def has_work(self) -> bool:
        """Whether anything was sampled or trained that recipe, data and base model decided."""
        return any(self.iterations_folder.glob("*/*"))

    def iterations(self, count: int) -> Iterator[Iteration]:
        """Iterations 0 (the base model, only scored) to `count` that are not finished, in order.

        What comes after the metrics of one, its manifest and the report, is on the clock of the next.
        """
        self.iterations_folder.mkdir(exist_ok=True)
        clock.take()  # what came before is no part of an iteration
        for number in range(count + 1):
            if not self._finished(number).exists():
                yield Iteration(self.iterations_folder, number, self.facts)

    def finished(self) -> list[Path]:
        """Directories of the finished iterations, in order."""
        return sorted(path for path in self.iterations_folder.glob("[0-9]*") if path.is_dir() and not path.suffix)

    def adapter(self, number: int) -> Path | None:
        """The adapter of an iteration, finished or in progress; `None`, the base model, for iteration 0.

        Raises:
            UserError: it is damaged, or was not kept.
        """
        if number == 0:
            return None
        folder = self._finished(number)
        if not folder.exists():
            return folder.with_suffix(".partial") / "adapter"
        if retired(folder):
            raise UserError(f"{folder}: its adapter was not kept (recipe key `keep`)")
        self.require_intact(folder)
        return folder / "adapter"

    def examples(self, number: int) -> Collection[Example]:
        """What a finished iteration was trained on; nothing for iteration 0."""
        if number == 0:
            return ()
        self.require_intact(self._finished(number))
        return Rows(self._finished(number) / "train.jsonl", Example.from_dict)

    def metrics(self) -> list[dict[str, Any]]:
        """Of the finished iterations, in order."""
        rows = []
        for folder in self.finished():
            name = "metrics.json"
            files = read_manifest(folder)["files"]
            require_intact(folder, {name: files[name]} if name in files else {}, self._remedy(folder))
            rows.append(read_json(folder / name))
        return rows

    def update(self, keep: str | int) -> None:
        """After an iteration: write `metrics.jsonl` anew, one line each, and remove the weights not to be kept."""
        rows = self.metrics()
        write_text(self.folder / METRICS, "".join(to_line(row) for row in rows))
        retire(self.finished(), best(rows), keep)

    def require_intact(self, folder: Path) -> None:
        """Check all files of a finished iteration, once a process.

        Raises:
            UserError: they are not what the manifest says, or belong to another base model.
        """
        if folder in self._intact:
            return
        manifest, key = read_manifest(folder), "base_model_sha256"
        kept = {name: entry for name, entry in manifest["files"].items() if name not in retired(folder)}
        require_intact(folder, kept, self._remedy(folder))
        if (found := manifest.get("run", {}).get(key)) != (ours := self._read_run().get(key)):
            raise UserError(
                f"{folder}: its adapter belongs to a base model with hash {found}, that of the run has {ours}; "
                f"{self._remedy(folder)}"
            )
        self._intact.add(folder)

    def _remedy(self, folder: Path) -> str:
        before = f", or start from the iteration before it: --fork NEW --from-iteration {int(folder.name) - 1}"
        return "bring back what was there" + (before if int(folder.name) > 0 else "")

    def _finished(self, number: int) -> Path:
        return self.iterations_folder / f"{number:03d}"

    def _read_run(self) -> dict[str, Any]:
        path = self.folder / RUN
        return read_json(path) if path.exists() else {}

    def _add_changes(self, changes: list[dict[str, Any]]) -> None:
        """Keep in `run.json` what changed, and before which iteration."""
        if changes and (run := self._read_run()):
            number = len(self.finished())
            run["changes"] = [*run.get("changes", []), *({"iteration": number, **change} for change in changes)]
            write_json(self.folder / RUN, run)

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
