"""The run directory: who owns it, what it stands on, and which iterations are finished in it.

    runs/NAME/
      recipe.yaml  run.json  metrics.jsonl  report/
      iterations/000/ 001/ 002.partial/      a finished iteration has no `.partial` and a whole MANIFEST.json
      .lock  progress.json                   who is at work and how far; no part of the results

`iteration.py` says how an iteration gets there. Nothing of a finished one is used before it is found to be what
its manifest says.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from star.clock import clock
from star.console import Units, listeners
from star.energy import meter
from star.errors import UserError
from star.files import Row, Rows, make_folder, read_json, to_line, write_json, write_text
from star.recipe import Recipe, canonical, load_recipe, recipe_hash
from star.store.changes import Change, changed_facts, changed_keys
from star.store.iteration import Iteration
from star.store.manifest import MANIFEST, read_manifest, require_intact
from star.store.owner import own
from star.store.progress import Recorder
from star.store.retention import RETIRED, best, retire, retired

RECIPE, RUN, METRICS = "recipe.yaml", "run.json", "metrics.jsonl"


class Store:
    """One run's directory, owned by one process."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.iterations_folder = folder / "iterations"
        self.facts: dict[str, Any] = {}
        self._intact: set[Path] = set()
        self._recipe: Recipe | None = None
        self._changes: list[Change] = []
        self._recorder = Recorder(folder)

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
        make_folder(folder)
        store._lock = own(folder)
        if begin is not None:
            begin(store)
        path = folder / RECIPE
        store._require_copies()
        if store.has_work():
            store._changes = store._changed_keys(recipe)
        if finished := store.finished():  # what the run goes on from, before anything is written
            store.metrics()
            store.require_intact(finished[-1])
        if not store._changes:  # others are written when all is found to be well (`record`)
            write_text(path, canonical(recipe))
        store._recipe = recipe
        return store

    def __enter__(self) -> Store:
        listeners.append(self._advance)
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        listeners.remove(self._advance)
        self._recorder.end(error)
        self._lock.close()

    @classmethod
    def existing(cls, folder: Path) -> Store:
        """A run that is there already, for reading.

        Raises:
            UserError: it is no run directory.
        """
        if not any((folder / name).is_file() for name in (RECIPE, RUN)):  # of a damaged run, one may be missing
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
        recipe = self._recipe or self.recipe
        self.facts = facts = {"recipe_sha256": recipe_hash(recipe), **facts}
        before = self.read_run()
        if not self.has_work():
            write_json(self.folder / RUN, {**facts, **{key: before[key] for key in ("parent",) if key in before}})
            return []
        changes = changed_facts(before, facts, self.folder)
        number, kept = len(self.finished()), before.get("changes", [])
        added = [{"iteration": number, **change} for change in (*self._changes, *changes)]
        if added and kept[-len(added) :] != added:  # as they are if a kill came before the recipe was written
            kept = [*kept, *added]
        write_json(self.folder / RUN, before | facts | ({"changes": kept} if kept else {}))
        write_text(self.folder / RECIPE, canonical(recipe))
        return [f"{change['key']}: {change['before']!r} -> {change['after']!r}" for change in changes]

    def read_run(self) -> dict[str, Any]:
        """What `run.json` says; nothing before there is any.

        Raises:
            UserError: it is damaged, or missing.
        """
        path = self.folder / RUN
        if not path.exists():
            if self.has_work():
                raise UserError(f"{path}: missing, so nobody knows what this run stands on; bring it back")
            return {}
        run = read_json(path)
        parent, changes = run.get("parent", {"iteration": 0}), run.get("changes", [])
        if not (isinstance(parent, dict) and isinstance(parent.get("iteration"), int) and isinstance(changes, list)):
            raise UserError(f"{path}: damaged: `parent` or `changes` is not what a run writes there")
        return run

    def recorded(self, fact: str) -> Any:
        """A fact of `run.json` that a run which goes on must keep; `None` before there is any work."""
        return self.read_run().get(fact) if self.has_work() else None

    def has_work(self) -> bool:
        """Whether anything was sampled or trained that recipe, data and base model decided."""
        return any(self.iterations_folder.glob("*/*"))

    def iterations(
        self, count: int, goes_on: Callable[[list[dict[str, Any]]], bool] = lambda metrics: True
    ) -> Iterator[Iteration]:
        """Iterations 0 (the base model, only scored) to `count` that are not finished, in order, as long as `goes_on`
        says so about the metrics of those that are.

        What comes after the metrics of one, its manifest and the report, is on the clock of the next.
        """
        make_folder(self.iterations_folder)
        clock.take()  # what came before is no part of an iteration
        meter.begin(self.facts.get("device", ""))
        for number in range(count + 1):
            if not self._finished(number).exists():
                if not goes_on(self.metrics()):
                    return
                yield Iteration(self.iterations_folder, number, self.facts, self._recorder.stage)

    def finished(self) -> list[Path]:
        """Directories of the finished iterations, in order."""
        folders = (path for path in self.iterations_folder.glob("*") if path.is_dir() and path.name.isdecimal())
        return sorted(folders, key=lambda path: int(path.name))

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

    def rows(self, number: int, name: str, kind: type[Row]) -> Collection[Row]:
        """The stage `NAME.jsonl` of a finished iteration; nothing where it has none."""
        path = self._finished(number) / f"{name}.jsonl"
        if not path.exists():
            return ()
        self.require_intact(path.parent)
        return Rows(path, kind)

    def metrics(self) -> list[dict[str, Any]]:
        """Of the finished iterations, in order."""
        rows = []
        for folder in self.finished():
            name, files = "metrics.json", self.manifest(folder)["files"]
            require_intact(folder, {name: files[name]} if name in files else {}, self._remedy(folder))
            rows.append(read_json(folder / name))
        return rows

    def update(self, keep: str | int) -> None:
        """After an iteration: write `metrics.jsonl` anew, one line each, and remove the weights not to be kept."""
        rows = self.metrics()
        write_text(self.folder / METRICS, "".join(to_line(row) for row in rows))
        retire(self.finished(), best(rows), keep)

    def require_intact(self, folder: Path, name: str | None = None) -> None:
        """Check all files of a finished iteration, once a process; or only the one called `name`.

        Raises:
            UserError: they are not what the manifest says, or belong to another base model.
        """
        if folder in self._intact:
            return
        manifest, key = self.manifest(folder), "base_model_sha256"
        kept = {file: entry for file, entry in manifest["files"].items() if file not in retired(folder)}
        require_intact(folder, kept if name is None else {name: kept[name]}, self._remedy(folder))
        if (found := manifest.get("run", {}).get(key)) != (ours := self.read_run().get(key)):
            raise UserError(
                f"{folder}: its adapter belongs to a base model with hash {found}, that of the run has {ours}; "
                f"{self._remedy(folder)}"
            )
        if name is None:
            self._intact.add(folder)

    def _advance(self, units: Units) -> None:
        """A bar moved."""
        self._recorder.advance(units)
        meter.look()

    def _changed_keys(self, recipe: Recipe) -> list[Change]:
        """What `recipe` changes of the one that the run was started with.

        Raises:
            UserError: it decides results, or the run's own recipe is missing or damaged.
        """
        path, recorded = self.folder / RECIPE, self.read_run().get("recipe_sha256")
        if not path.exists():
            if recorded is None:  # a fork that has got no further than its copies
                return []
            raise UserError(f"{path}: missing, so nobody knows what this run was started with; bring it back")
        begun = {int(one.stem) for one in self.iterations_folder.glob("*") if one.stem.isdecimal()}
        changes = changed_keys(old := load_recipe(path), recipe, self.folder, begun)
        if recorded not in (None, found := recipe_hash(old)):
            raise UserError(
                f"{path}: damaged: the hash of this recipe is {found}, {RUN} says {recorded}; bring it back"
            )
        return changes

    def _require_copies(self) -> None:
        """A fork has all that it begins with: other recipes would make other iterations.

        Raises:
            UserError: it has not.
        """
        if parent := self.read_run().get("parent"):
            for number in range(parent["iteration"] + 1):
                if not self._finished(number).exists():
                    raise UserError(
                        f"{self._finished(number)}: missing, and this run is a fork that begins with a copy of it; "
                        f"give --fork {self.folder.name} --from-iteration {parent['iteration']} once more"
                    )

    def manifest(self, folder: Path) -> dict[str, Any]:
        """The manifest of a finished iteration.

        Raises:
            UserError: it is damaged, or that of another iteration.
        """
        manifest = read_manifest(folder)
        if (found := manifest.get("iteration")) != int(folder.name):
            raise UserError(f"{folder / MANIFEST}: that of iteration {found}; {self._remedy(folder)}")
        return manifest

    def _remedy(self, folder: Path) -> str:
        before = [int(one.name) for one in self.finished() if not (one / RETIRED).exists()]
        before = [number for number in before if number < int(folder.name)]
        fork = f", or start from an iteration before it: --fork NEW --from-iteration {before[-1]}" if before else ""
        return f"bring back what was there{fork}"

    def _finished(self, number: int) -> Path:
        return self.iterations_folder / f"{number:03d}"
