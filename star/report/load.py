"""A run's files as a report reads them. None of them is needed but `recipe.yaml`: old runs have fewer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from star.files import Rows, read_json
from star.report.compare import Run, load_runs
from star.report.shapes import AuditFile, Facts, Specimen, read_as
from star.report.table import load_metrics
from star.store.manifest import MANIFEST, read_manifest

ADAPTER = "adapter/adapter_model.safetensors"


@dataclass(frozen=True)
class RunFiles(Run):
    """A run, and what its iterations left for people to look at.

    Attributes:
        place: its folder as commands name it: `runs/NAME`, wherever that is.
        audits, specimens, adapters: by iteration, where it has them; of an adapter its SHA-256.
        recipe: the text of `recipe.yaml`.
    """

    place: str
    audits: dict[int, AuditFile]
    specimens: dict[int, list[Specimen]]
    adapters: dict[int, str]
    facts: Facts
    recipe: str


def load_files(folders: Sequence[Path]) -> list[RunFiles]:
    """The runs in these folders; one alone may have no finished iteration yet.

    Raises:
        UserError: several, and one is no run, has no finished iteration, or is there twice; a file is damaged.
    """
    several = len(folders) > 1
    runs = load_runs(folders) if several else [Run(folders[0].resolve().name, load_metrics(folders[0]))]
    return [_load(run, folder) for run, folder in zip(runs, folders, strict=True)]


def _load(run: Run, folder: Path) -> RunFiles:
    place = folder.resolve()
    iterations = {row["iteration"]: folder / "iterations" / f"{row['iteration']:03d}" for row in run.rows}
    recipe, facts = folder / "recipe.yaml", folder / "run.json"
    return RunFiles(
        name=run.name,
        rows=run.rows,
        place=f"{place.parent.name}/{place.name}",
        audits={n: _audit(path) for n, one in iterations.items() if (path := one / "audit.json").exists()},
        specimens={n: _specimens(path) for n, one in iterations.items() if (path := one / "specimens.jsonl").exists()},
        adapters={n: sha for n, one in iterations.items() if (one / MANIFEST).exists() and (sha := _adapter(one))},
        facts=read_as(Facts, read_json(facts) if facts.exists() else {}, f"{facts}: damaged"),
        recipe=recipe.read_text(encoding="utf-8", errors="replace") if recipe.exists() else "",
    )


def _audit(path: Path) -> AuditFile:
    return read_as(AuditFile, read_json(path), f"{path}: damaged")


def _specimens(path: Path) -> list[Specimen]:
    return [read_as(Specimen, row, f"{path}:{number}: damaged line") for number, row in enumerate(Rows(path), 1)]


def _adapter(folder: Path) -> str | None:
    return read_manifest(folder)["files"].get(ADAPTER, {}).get("sha256")
