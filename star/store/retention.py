"""Which adapters a run keeps. Everything else of an iteration, accepted rationales first of all, is never removed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from star.errors import UserError, shown
from star.files import read_json, write_json

WEIGHTS = "adapter/adapter_model.safetensors"
VERIFIER_WEIGHTS = "verifier/adapter_model.safetensors"
"""Of a verifier that learns (`star/ranker.py`), where an iteration trained one."""
RETIRED = "RETIRED.json"
"""In a finished iteration: which files of its manifest were removed on purpose. On disk before the first one goes."""


def best(metrics: Sequence[dict[str, Any]]) -> int | None:
    """The iteration with the highest held-out accuracy, the first of equals; of several evaluation modes, the first."""
    trained = [row for row in metrics if row["iteration"] > 0]
    if not trained:
        return None
    return max(trained, key=lambda row: next(iter(row["accuracy"].values()))["all"]["accuracy"])["iteration"]


def retire(finished: Sequence[Path], best: int | None, keep: str | int) -> None:
    """Remove the weights of iterations, in order of number, that `keep` (see `Recipe.keep`) has no use for.

    The last one, from which the run goes on, and the best are always kept, and so is one whose next is missing.
    """
    if keep == "all":
        return
    last = finished[-1:] if keep == "best" else finished[-keep:]
    numbers = {int(folder.name) for folder in finished}
    for folder in finished:
        number = int(folder.name)
        if folder in last or number == best or number + 1 not in numbers or not (folder / WEIGHTS).exists():
            continue
        if not (going := retired(folder)):
            going = [WEIGHTS, *([VERIFIER_WEIGHTS] if (folder / VERIFIER_WEIGHTS).exists() else [])]
            write_json(folder / RETIRED, {"files": going})
        for file in reversed(going):  # the adapter last: while it is there, this is not done
            (folder / file).unlink(missing_ok=True)


def retired(folder: Path) -> list[str]:
    """The files that a finished iteration no longer has.

    Raises:
        UserError: the file that says so is damaged.
    """
    path, expected = folder / RETIRED, ([WEIGHTS], [WEIGHTS, VERIFIER_WEIGHTS])
    if not path.exists():
        return []
    if (found := read_json(path)) not in [{"files": files} for files in expected]:
        raise UserError(f"{path}: damaged: it holds {shown(found)}, not {{'files': {expected[0]}}}")
    return found["files"]
