"""How far something that takes long has come: numbered folders, each whole, of which the last is kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from star.errors import UserError
from star.files import make_folder, put_in_place, write_json
from star.store.manifest import MANIFEST, entries, read_manifest, require_intact


class Checkpoints:
    """Checkpoints in `folder`, each with a manifest of its own."""

    def __init__(self, folder: Path):
        self.folder = folder

    def save(self, number: int, fill: Callable[[Path], None]) -> None:
        """Keep what `fill` writes into a folder, on disk, instead of all before it."""
        make_folder(self.folder)
        before, final = list(self.folder.iterdir()), self.folder / f"{number:06d}"
        partial = final.with_suffix(".tmp")
        if partial.exists():
            shutil.rmtree(partial)
        partial.mkdir()
        fill(partial)
        write_json(partial / MANIFEST, {"files": entries(partial)})
        put_in_place(partial, final)
        for old in before:
            if old != partial:
                shutil.rmtree(old)

    def last(self) -> Path | None:
        """The last complete one.

        Raises:
            UserError: it is not what was saved.
        """
        complete = sorted(path for path in self.folder.glob("*") if path.suffix != ".tmp")
        if not complete:
            return None
        remedy = f"delete {complete[-1]} to do without it"
        try:
            files = read_manifest(complete[-1])["files"]
        except UserError as error:
            raise UserError(f"{error}; {remedy}") from None
        require_intact(complete[-1], files, remedy)
        return complete[-1]
