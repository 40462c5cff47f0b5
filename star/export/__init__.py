"""Take away what a run made: its training data, its adapter, or a plain model, or a task for
lm-evaluation-harness; each into a folder of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from star.errors import UserError
from star.files import make_folder, put_in_place
from star.store import Store


def export(
    run: Path,
    number: int | None = None,
    *,
    dataset: Path | None = None,
    adapter: Path | None = None,
    merge: Path | None = None,
    format: str | None = None,
    lm_eval: Path | None = None,
) -> Iterator[str]:
    """Write each of those that are asked for; says so in a line when it is there.

    Args:
        number: which iteration; the last finished one when `None`.
        format: of the data set, one of `formats.FORMATS`; ours, with all columns, when `None`.

    Raises:
        UserError: no run, no such iteration, nothing asked for, a format of no data set, or a folder that is not
            empty.
    """
    store = Store.existing(run)
    asked = {"--dataset": dataset, "--adapter": adapter, "--merge": merge, "--lm-eval": lm_eval}
    folders = {option: folder for option, folder in asked.items() if folder is not None}
    if not folders:
        raise UserError(f"say what to export, and where to: {', '.join(f'{option} DIR' for option in asked)}")
    if format is not None and dataset is None:
        raise UserError(f"--format {format} is that of a data set: give --dataset DIR too")
    number = chosen(store, number, "train.jsonl" if set(folders) == {"--dataset"} else "adapter")
    for option, folder in folders.items():
        require_free(option, folder)
    if dataset:
        from star.export.dataset import write_dataset

        rows = write_folder(dataset, lambda folder: write_dataset(store, number, folder, format))
        yield f"the training data of iteration {number} of {run}, {rows} examples, are a data set in {dataset}"
    if adapter or merge:
        from star.export.model import write_adapter, write_merged

    if adapter:
        write_folder(adapter, lambda folder: write_adapter(store, number, folder))
        yield f"the adapter of iteration {number} of {run} is in {adapter}"
    if merge:
        write_folder(merge, lambda folder: write_merged(store, number, folder))
        yield f"iteration {number} of {run} is now a plain model in {merge}"
    if lm_eval:
        from star.export.harness import write_harness_task

        command = write_folder(lm_eval, lambda folder: write_harness_task(store, number, folder, lm_eval))
        yield f"a task for lm-evaluation-harness is in {lm_eval} (pip install 'star-trainer[lm-eval]'); score with:"
        yield command


def chosen(store: Store, number: int | None, has: str = "adapter") -> int:
    """The iteration to export, one that is finished and has an adapter, or what else it must have."""
    finished = [int(path.name) for path in store.finished() if (path / has).exists()]
    if not finished:
        what = "with an adapter" if has == "adapter" else "with training data"
        raise UserError(f"{store.folder}: no iteration {what} is finished, so there is nothing to export")
    if number is not None and number not in finished:
        raise UserError(f"--iteration {number}: {store.folder} has iterations {', '.join(map(str, finished))}")
    return finished[-1] if number is None else number


def require_free(option: str, folder: Path) -> None:
    """Raises UserError if there is something in the folder, or it cannot be written."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{option} {folder}: this is a file; give another one")
    if folder.exists() and any(folder.iterdir()):
        raise UserError(
            f"{option} {folder}: the folder is not empty; if an earlier try of this command got there, it is whole "
            "and nothing is left to do; otherwise give another one"
        )
    if folder.is_mount():
        raise UserError(f"{option} {folder}: a file system is mounted there; give a folder in it")


def write_folder(folder: Path, fill: Callable[[Path], Any]) -> Any:
    """Have `fill` write a folder, which is whole or not there; returns what `fill` returns."""
    folder = folder.resolve()
    partial = folder.with_name(f".{folder.name}.star-export")
    shutil.rmtree(partial, ignore_errors=True)  # of an export that was interrupted
    make_folder(partial)
    result = fill(partial)
    put_in_place(partial, folder)
    return result
