"""Take a trained iteration away as a plain model."""

from __future__ import annotations

import shutil
from pathlib import Path

from star.errors import UserError
from star.files import make_folder, put_in_place
from star.models import choose_device, choose_dtype, load_tokenizer, merge_adapter, resolve_checkpoint
from star.store import Store
from star.tasks import build_task


def export_merged(run: Path, folder: Path, number: int | None = None) -> int:
    """Merge the adapter of iteration `number` (the last finished one when `None`) into the base model and save it.

    Returns:
        The iteration that was exported.

    Raises:
        UserError: no run, no such iteration, another base model, or `folder` is not empty.
    """
    store = Store.existing(run)
    finished = [int(path.name) for path in store.finished() if (path / "adapter").is_dir()]
    if not finished:
        raise UserError(f"{run}: no iteration with an adapter is finished, so there is nothing to export")
    number = finished[-1] if number is None else number
    if number not in finished:
        raise UserError(f"--iteration {number}: {run} has iterations {', '.join(map(str, finished))}")
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"--merge {folder}: the folder is not empty; give another one")
    if folder.is_mount():
        raise UserError(f"--merge {folder}: a file system is mounted there; give a folder in it")
    recipe = store.recipe
    checkpoint = resolve_checkpoint(recipe, build_task(recipe))
    recorded = store.read_run().get("base_model_sha256")
    if (found := checkpoint.fingerprint()) != recorded:
        raise UserError(
            f"{run}: its adapters belong to a base model with hash {recorded}, but {checkpoint.name} now has {found}; "
            "put the old one back"
        )
    device = choose_device(recipe.model)
    model = merge_adapter(checkpoint, store.adapter(number), choose_dtype(recipe.model, device), device)
    folder = folder.resolve()
    partial = folder.with_name(f".{folder.name}.star-export")
    shutil.rmtree(partial, ignore_errors=True)  # of an export that was interrupted
    make_folder(partial)
    model.save_pretrained(partial)
    load_tokenizer(checkpoint).save_pretrained(partial)
    put_in_place(partial, folder)
    return number
