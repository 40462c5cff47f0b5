"""Is a whole run still what was written? For `star verify-run`: reads everything, changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rich import box
from rich.table import Table

from star.console import console
from star.errors import UserError
from star.files import Rows
from star.recipe import recipe_hash
from star.store.changes import DECIDING
from star.store.checkpoints import Checkpoints
from star.store.iteration import TIMINGS, UNFINISHED, read_times
from star.store.journal import check_journal
from star.store.manifest import MANIFEST, problems, read_manifest
from star.store.owner import owner
from star.store.retention import RETIRED, retired
from star.store.run import METRICS, RUN, Store


@dataclass
class Part:
    """One part of a run: what it is, how much of it there is, and what is wrong with it."""

    name: str
    state: str
    files: int = 0
    bytes: int = 0
    problems: list[str] = field(default_factory=list)


def verify_run(folder: Path) -> list[Part]:
    """Check recipe, record, metrics and every iteration of a run.

    Raises:
        UserError: `folder` is no run directory.
    """
    store = Store.existing(folder)
    parts = [Part("run", "", problems=[*_found(lambda: _run_problems(store))])]
    finished = store.finished()
    for number, iteration in enumerate(finished):
        part = _finished(store, iteration)
        if int(iteration.name) != number:
            part.problems.append(f"{iteration}: iteration {number} is missing before it")
        parts.append(part)
    for iteration in sorted(store.iterations_folder.glob("*.partial")):
        parts.append(Part(iteration.name, "at work") if owner(folder) else _unfinished(iteration))
    for part in parts:
        part.state = f"{len(part.problems)} problems" if part.problems else part.state or "intact"
    return parts


def print_parts(parts: list[Part]) -> None:
    """The parts as a table, and what is wrong below it."""
    table = Table(box=box.SIMPLE)
    for name in ("part", "files", "MiB", "state"):
        table.add_column(name, justify="right" if name in ("files", "MiB") else "left")
    for part in parts:
        size = f"{part.bytes / 2**20:.1f}" if part.files else ""
        table.add_row(part.name, str(part.files or ""), size, part.state)
    console.print(table)
    for problem in (problem for part in parts for problem in part.problems):
        console.print(f"problem: {problem}", markup=False)


def _found(check: Callable[[], Iterator[str]]) -> Iterator[str]:
    """The problems of a check, what it cannot read among them."""
    try:
        yield from check()
    except UserError as error:
        yield str(error)


def _run_problems(store: Store) -> Iterator[str]:
    recipe, path = store.recipe, store.folder / RUN
    if not path.exists():
        yield f"{path}: missing"
        return
    if (found := store.read_run().get("recipe_sha256")) not in (expected := recipe_hash(recipe), None):
        yield f"{store.folder}: the hash of its recipe is {expected}, {RUN} says {found}"
    metrics = store.folder / METRICS
    known = {*store.finished(), *store.iterations_folder.glob("*.partial"), *store.iterations_folder.glob("*.tmp")}
    for strange in sorted({*store.iterations_folder.glob("*")} - known):
        yield f"{strange}: no part of a run"
    if store.finished() and (not metrics.exists() or list(Rows(metrics)) != store.metrics()):
        yield f"{metrics}: not the metrics of the finished iterations; the next `star run` writes it anew"


def _finished(store: Store, folder: Path) -> Part:
    part = Part(folder.name, "")
    part.problems += _found(lambda: _finished_problems(store, folder, part))
    return part


def _finished_problems(store: Store, folder: Path, part: Part) -> Iterator[str]:
    manifest, gone = store.manifest(folder), set(retired(folder))
    expected = {
        name: entry for name, entry in manifest["files"].items() if name not in gone or (folder / name).exists()
    }
    part.files, part.bytes = len(expected), sum(entry["bytes"] for entry in expected.values())
    part.state = "intact, adapter not kept" if gone else ""
    yield from problems(folder, expected)
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    for name in sorted(there - expected.keys() - {MANIFEST, RETIRED, f"{RETIRED}.tmp"}):  # the last: of a crash
        yield f"{folder / name}: not in the manifest"
    run = store.read_run()
    is_copy = int(folder.name) <= run.get("parent", {}).get("iteration", -1)
    for key in ("base_model_sha256",) if is_copy else DECIDING:
        if (found := manifest.get("run", {}).get(key)) != run.get(key):
            yield f"{folder / MANIFEST}: {key} is {found!r}, that of the run is {run.get(key)!r}"


def _unfinished(folder: Path) -> Part:
    part = Part(folder.name, "intact, unfinished")
    part.problems += _found(lambda: _unfinished_problems(folder, part))
    return part


def _unfinished_problems(folder: Path, part: Part) -> Iterator[str]:
    recorded = read_manifest(folder)["files"] if (folder / MANIFEST).exists() else {}
    there = {path.name for path in folder.iterdir() if path.suffix not in UNFINISHED} - {MANIFEST, TIMINGS}
    complete = {name: entry for name, entry in recorded.items() if name.partition("/")[0] in there}
    part.files, part.bytes = len(complete), sum(entry["bytes"] for entry in complete.values())
    yield from problems(folder, complete)
    for name in sorted(there - {name.partition("/")[0] for name in complete}):
        yield f"{folder / name}: not in the manifest"
    read_times(folder / TIMINGS)
    for journal in folder.glob("*.journal"):
        yield from _found(lambda journal=journal: check_journal(journal) and ())
    for checkpoints in folder.glob("*.checkpoints"):
        yield from _found(lambda checkpoints=checkpoints: Checkpoints(checkpoints).last() and ())
