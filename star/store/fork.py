"""A new run that begins where another one was: its first iterations are copies, and `run.json` says whose."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from star.errors import UserError
from star.files import file_sha256, make_folder, put_in_place, write_json
from star.recipe import Recipe, difference
from star.store.manifest import MANIFEST
from star.store.retention import retired
from star.store.run import RUN, Store

OF_ADAPTER = ("train.rank", "train.alpha", "train.dropout", "train.target_modules")
"""Keys that an adapter which is trained on has from where it began."""


def fork(parent: Store, number: int, recipe: Recipe, new: Path) -> Callable[[Store], None]:
    """What gives the run in the folder `new` iterations 0 to `number` of `parent`; interrupted, it goes on with that.

    Raises:
        UserError: the parent has no such iteration, or not all of it, or an adapter with other settings than `recipe`
            has. What is returned raises it when the folder holds another run.
    """
    finished = {int(folder.name): folder for folder in parent.finished()}
    if not 0 <= number < len(finished) or list(finished)[: number + 1] != list(range(number + 1)):
        have = ", ".join(map(str, finished)) or "none"
        raise UserError(
            f"--from-iteration {number}: not finished in {parent.folder}, with all before it (finished: {have})"
        )
    wanted = [finished[one] for one in range(number + 1)]
    missing = [folder for folder in wanted if not (Store(new).iterations_folder / folder.name).exists()]
    if finished[number] in missing and retired(finished[number]):
        raise UserError(f"--from-iteration {number}: {parent.folder} did not keep its adapter (recipe key `keep`)")
    for folder in missing:
        parent.require_intact(folder)
    changes = [
        {"key": key, "before": before, "after": after}
        for key, before, after in difference(parent.recipe, recipe)
        if key != "name"
    ]
    if number > 0 and not recipe.train.from_base:
        for change in changes:
            if change["key"] in OF_ADAPTER:
                raise UserError(
                    f"{change['key']}: {change['before']!r} -> {change['after']!r}: with train.from_base=false the "
                    f"adapter of iteration {number} is trained on, which has the old one; leave it, or fork from "
                    "iteration 0"
                )
    origin = {
        "run": str(parent.folder.resolve()),
        "iteration": number,
        "manifest_sha256": file_sha256(finished[number] / MANIFEST),
    }

    def begin(store: Store) -> None:
        path = store.folder / RUN
        if path.exists() or store.has_work():
            found = store.read_run().get("parent", {})
            if {key: found.get(key) for key in origin} != origin:
                raise UserError(
                    f"{store.folder}: there is a run already, and it is no fork of this one; use another name"
                )
        else:
            base = parent.read_run().get("base_model_sha256")  # what the copied adapters belong to
            write_json(path, {"parent": {**origin, "changes": changes}, "base_model_sha256": base})
        make_folder(store.iterations_folder)
        for folder in wanted:
            _copy(folder, store.iterations_folder)

    return begin


def _copy(folder: Path, into: Path) -> None:
    """Copy a finished iteration whole, or not at all."""
    if (into / folder.name).exists():
        return
    partial = into / f"{folder.name}.tmp"
    if partial.exists():
        shutil.rmtree(partial)
    partial.mkdir()
    for file in sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".tmp"):
        copy = partial / file.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)  # without permissions: an archived run may be read only
    put_in_place(partial, into / folder.name)
