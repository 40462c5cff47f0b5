"""The page: one HTML file that needs nothing else, from the files of a run or of several, and PNGs beside it.

It answers, in this order: is it getting better, what was it trained on, can I trust it, what does it look like, what
did it cost, how was it made. Everything on it is text and SVG; its one script and one style are named by hash in its
Content-Security-Policy, which forbids all else, the network first of all.

Charts are matplotlib's, in SVG: it is needed for papers anyway, and a page of twenty iterations stays small. Libraries
that draw in the browser bring a script of 0.8 to 4 MB with them, and canvas that no screen reader reads.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from star.errors import UserError
from star.files import write_text
from star.report.accuracy import accuracy_blocks, headline
from star.report.blocks import Table
from star.report.charts import NAMES, Chart
from star.report.cost import cost_blocks
from star.report.load import RunFiles, load_files
from star.report.origin import origin
from star.report.pictures import save_png
from star.report.specimens import specimens
from star.report.svg import inline_svg
from star.report.synthesis import synthesis_blocks
from star.report.table import table_rows
from star.report.text import visible
from star.report.training import training_blocks
from star.report.trust import trust_blocks, verdict

CHARTED = ("accuracy", "training", "trust", "cost")
"""Sections with charts."""

PAGE = "report/index.html"
"""Of one run, in its directory."""


def write_report(*folders: Path, out: Path | None = None, pictures: bool = True) -> Path:
    """Write the page of the runs in `folders`, and its main charts as PNGs beside it; returns where the page is.

    Args:
        pictures: whether to write the PNGs, which take as long again.
        out: the page's path; `report/index.html` of the run by default, or `star-report/index.html` here if there are
            several.

    Raises:
        UserError: a file is damaged, or of several runs one has nothing to show; `out` is no name for a page, or its
            folder does not exist.
    """
    if out is None:
        out = folders[0] / PAGE if len(folders) == 1 else Path("star-report") / "index.html"
    elif out.suffix != ".html" or not out.absolute().parent.is_dir():
        raise UserError(f"--out {out}: give a file that ends in .html, in a folder that exists")
    runs = load_files(folders)
    out.parent.mkdir(exist_ok=True)
    parts = _parts(runs) if runs[0].rows else {}
    for name, charts in _pictures(parts if pictures else {}).items():
        save_png(charts, out.with_name(f"{name}.png" if out.stem == "index" else f"{out.stem}-{name}.png"))
    write_text(out, _render(runs, parts))
    return out


def _parts(runs: Sequence[RunFiles]) -> dict[str, Any]:
    """What the sections show, of runs with finished iterations."""
    verdicts = [verdict(run) for run in runs]
    return {
        "headlines": [(run.name, headline(run)) for run in runs],
        "accuracy": accuracy_blocks(runs),
        "iterations": [_iterations(run, len(runs) > 1) for run in runs],
        "training": training_blocks(runs) + synthesis_blocks(runs),
        "verdicts": verdicts,
        "trust": trust_blocks(runs, verdicts),
        "specimens": specimens(runs),
        "cost": cost_blocks(runs),
    }


def _iterations(run: RunFiles, is_named: bool) -> Table:
    return Table(f"every iteration{f' of {run.name}' if is_named else ''}; accuracy in %", *table_rows(run.rows))


def _pictures(parts: dict[str, Any]) -> dict[str, list[Chart]]:
    """The charts of each PNG, by its name."""
    charts = {section: [c for block in parts[section] for c in block.charts] for section in CHARTED if parts}
    found = {
        "accuracy": charts.get("accuracy", []),
        "training-data": charts.get("training", []),
        "signals": [chart for chart in charts.get("trust", []) if chart.size == "small"],
        "coverage": [chart for chart in charts.get("trust", []) if chart.size == "large"],
        "cost": charts.get("cost", []),
    }
    return {name: shown for name, shown in found.items() if shown}


def _render(runs: Sequence[RunFiles], parts: dict[str, Any]) -> str:
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("star", "report"), autoescape=True, finalize=visible, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"svg": inline_svg, "css": NAMES.__getitem__, "sources": _sources}
    return environment.get_template("page.html.j2").render(
        parts,
        title=", ".join(run.name for run in runs),
        runs=runs,
        is_begun=bool(parts),
        origins=[origin(run) for run in runs],
        style_hash=_hash(environment.get_template("page.css").render()),
        script_hash=_hash(environment.get_template("page.js").render()),
    )


def _hash(text: str) -> str:
    """SHA-256 as a Content-Security-Policy names it."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _sources(text: str) -> list[tuple[str, str]]:
    """Names and addresses in `A 2020, https://a; B 2021, https://b`."""
    parts = (part.rpartition(", ") for part in text.split("; "))
    return [(name, url) for name, _, url in parts if url.startswith("https://")]
