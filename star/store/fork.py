"""A new run that begins where another one was: its first iterations are copies, and `run.json` says whose."""

from __future__ import annotations

import shutil
from pathlib import Path

from star.errors import UserError
from star.files import file_sha256, sync_files, sync_folder, write_json
from star.recipe import Recipe, difference
from star.store.manifest import MANIFEST
from star.store.retention import retired
from star.store.run import RUN, Store


def fork(parent: Store, number: int, recipe: Recipe, store: Store) -> None:
    """Give the new run in `store` iterations 0 to `number` of `parent`; interrupted, it goes on with that.

    Raises:
        UserError: the parent has no such iteration, or not all of it, or the directory holds another run.
    """
    finished = {int(folder.name): folder for folder in parent.finished()}
    if number not in finished:
        have = ", ".join(map(str, finished)) or "none"
        raise UserError(f"--from-iteration {number}: not finished in {parent.folder} (finished: {have})")
    if retired(finished[number]):
        raise UserError(f"--from-iteration {number}: {parent.folder} did not keep its adapter (recipe key `keep`)")
    origin = {
        "run": str(parent.folder.resolve()),
        "iteration": number,
        "manifest_sha256": file_sha256(finished[number] / MANIFEST),
    }
    path = store.folder / RUN
    if path.exists() or store.has_work():
        found = store.read_run().get("parent", {})
        if {key: found.get(key) for key in origin} != origin:
            raise UserError(f"{store.folder}: there is a run already, and it is no fork of this one; use another name")
    else:
        changes = [
            {"key": key, "before": before, "after": after}
            for key, before, after in difference(parent.recipe, recipe)
            if key != "name"
        ]
        base = parent.read_run().get("base_model_sha256")  # what the copied adapters belong to
        write_json(path, {"parent": {**origin, "changes": changes}, "base_model_sha256": base})
    store.iterations_folder.mkdir(exist_ok=True)
    for one in range(number + 1):
        _copy(parent, finished[one], store.iterations_folder)


def _copy(parent: Store, folder: Path, into: Path) -> None:
    """Copy a finished iteration whole, or not at all."""
    if (into / folder.name).exists():
        return
    parent.require_intact(folder)
    partial = into / f"{folder.name}.tmp"
    if partial.exists():
        shutil.rmtree(partial)
    shutil.copytree(folder, partial)
    sync_files(partial)
    partial.rename(into / folder.name)
    sync_folder(into)
