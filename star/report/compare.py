"""Runs side by side: a table on the console and a picture, from the run directories' `metrics.jsonl` only.

Three measures, in percent, iteration by iteration: held-out accuracy (of all problems and of each group), the share of
the training problems with an accepted rationale, and the share of those that needed the hint. Where a verifier picks
one of several samples, also how often that one, the majority, or any of them is right; on demand, the signals of the
audit (`star/audit/signals.py`), in their own units. A run without sampling iterations (few-shot only, or bare
answers) is a baseline: it has no shares, and the picture shows its last accuracy as a level. Settings are in
`differences.py`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from star.audit.signals import SIGNALS, Signal
from star.console import console
from star.errors import UserError
from star.report.charts import COLORS
from star.report.table import group_names, load_metrics, main_mode, printable

CELL = 7
"""Columns of the console that a number takes."""
ACCEPTED, RATIONALIZED = "accepted, % of training problems", "rationalized, % of accepted"
SAMPLES = {
    "best_of": "best of {} by the verifier, %",
    "majority_at": "majority of {}, %",
    "pass_at": "some of {} right, %",
}
"""What several samples of each held-out problem give, where a verifier picks one of them."""


@dataclass(frozen=True)
class Several:
    """What so many samples of each held-out problem give; `kind` is a key of `SAMPLES`."""

    kind: str
    samples: str

    @property
    def title(self) -> str:
        return SAMPLES[self.kind].format(self.samples)


Measure = str | Signal | Several
"""A problem group or `all`, whose accuracy is meant; `ACCEPTED` or `RATIONALIZED`; a signal of the audit; or what
several samples give."""


@dataclass(frozen=True)
class Run:
    """What is compared of one run.

    Attributes:
        name: what tables and legends call it.
        rows: the lines of `metrics.jsonl`.
    """

    name: str
    rows: list[dict[str, Any]]

    @property
    def is_baseline(self) -> bool:
        """Whether no iteration sampled rationales."""
        return not any(row.get("problems") for row in self.rows)

    @property
    def modes(self) -> str:
        """How it was evaluated, in order: "few-shot, then zero-shot"."""
        return ", then ".join(mode for mode, _ in groupby(map(main_mode, self.rows)))

    def scores(self, group: str) -> dict[int, dict[str, float]]:
        """Iteration -> accuracy with its interval, on the problems of a group; `all` is all of them."""
        found = {}
        for row in self.rows:
            scores = row["accuracy"][main_mode(row)]
            if score := scores["all"] if group == "all" else scores["groups"].get(group):
                found[row["iteration"]] = score
        return found

    def values(self, measure: Measure) -> dict[int, float]:
        """Iteration -> value, where it has one: percent, but for signals that are no shares."""
        if isinstance(measure, Signal):
            watched = {row["iteration"]: row.get("audit", {}).get(measure.name) for row in self.rows}
            unit = 100 if measure.unit == "share" else 1
            return {number: unit * value for number, value in watched.items() if value is not None}
        if isinstance(measure, Several):
            given = {row["iteration"]: row["accuracy"][main_mode(row)].get(measure.kind, {}) for row in self.rows}
            return {number: 100 * by_k[measure.samples] for number, by_k in given.items() if measure.samples in by_k}
        if measure not in (ACCEPTED, RATIONALIZED):
            return {number: 100 * score["accuracy"] for number, score in self.scores(measure).items()}
        found = {}
        for row in self.rows:
            rationalized, problems = row.get("rationalized", 0), row.get("problems", 0)
            accepted = row.get("solved", 0) + rationalized
            part, whole = (accepted, problems) if measure == ACCEPTED else (rationalized, accepted)
            if whole:
                found[row["iteration"]] = 100 * part / whole
        return found


def load_runs(folders: Sequence[Path]) -> list[Run]:
    """The runs in these folders, under the shortest names that tell them apart.

    Raises:
        UserError: no such folder, no run in it, no finished iteration, or the same run twice.
    """
    places = [folder.resolve() for folder in folders]
    for number, (folder, place) in enumerate(zip(folders, places, strict=True)):
        if place in places[:number]:
            raise UserError(f"{folder}: this run was given twice; name each run once")
        if not place.is_dir():
            raise UserError(f"{folder}: there is no such folder; give run directories, such as runs/arithmetic")
        if not (place / "recipe.yaml").exists():
            raise UserError(f"{folder}: this is no run directory, it has no recipe.yaml; give one such as runs/NAME")
    rows = [load_metrics(place) for place in places]
    for folder, lines in zip(folders, rows, strict=True):
        if not lines:
            raise UserError(f"{folder}: no iteration of this run is finished yet; compare it when one is")
    return [Run(name, lines) for name, lines in zip(_names(places), rows, strict=True)]


def measures(runs: Sequence[Run], signals: bool = False) -> list[Measure]:
    """What there is to compare of any run: `all`, problem groups, shares, several samples where a verifier picks one,
    and, if they are asked for, signals."""
    groups = [name for name in group_names([row for run in runs for row in run.rows]) if name != "all"]
    shares = [share for share in (ACCEPTED, RATIONALIZED) if any(run.values(share) for run in runs)]
    watched = [signal for signal in SIGNALS if signals and any(run.values(signal) for run in runs)]
    scores = [row["accuracy"][main_mode(row)] for run in runs for row in run.rows]
    most = max((k for found in scores for k in found.get("best_of", {})), key=int, default=None)
    several = [Several(kind, most) for kind in SAMPLES] if most else []
    return ["all", *groups, *shares, *several, *watched]


def print_comparison(runs: Sequence[Run], signals: bool = False, to: Console = console) -> None:
    """Print a block of lines for each measure, a line for each run and a column for each iteration.

    Where the console is too narrow for all iterations, some are left out, evenly, and a note says so.
    """
    shown_measures = measures(runs, signals)
    label = max(len(ACCEPTED), *(len(run.name) + 2 for run in runs))
    numbers, shown = _iterations(runs, (to.width - label) // CELL)
    table = Table(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    table.add_column("held-out accuracy, %", no_wrap=True, min_width=label)
    for number in shown:
        table.add_column(str(number or "base"), justify="right", no_wrap=True, min_width=CELL - 2)
    for measure in shown_measures:
        table.add_row(Text(_title(measure), style="bold"))
        for run in runs:
            values = run.values(measure)
            cells = (_cell(measure, values[number]) if number in values else "" for number in shown)
            table.add_row(Text(f"  {run.name}"), *cells)
        table.add_section()
    to.print(table, soft_wrap=False)
    for note in _notes(runs, numbers, shown):
        to.print(note, markup=False)
    if not signals and len(measures(runs, signals=True)) > len(shown_measures):
        to.print("the signals of the audit are shown with --signals", markup=False)


def draw_comparison(runs: Sequence[Run], path: Path, signals: bool = False) -> None:
    """A panel for each measure and a line for each run, with 95% intervals of accuracy, as a PNG.

    Raises:
        UserError: `path` is no name for a PNG, or its folder does not exist.
    """
    if path.suffix != ".png" or not path.absolute().parent.is_dir():
        raise UserError(f"--out {path}: give a file that ends in .png, in a folder that exists")
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import MaxNLocator

    shown = measures(runs, signals)
    columns = 2 if len(shown) == 4 else min(3, len(shown))
    lines = math.ceil(len(shown) / columns)
    size = (3.3 * columns + 0.4, 2.5 * lines + 0.6)
    figure, grid = pyplot.subplots(
        lines, columns, figsize=size, dpi=150, sharey=not signals, squeeze=False, layout="constrained"
    )
    last = max(row["iteration"] for run in runs for row in run.rows)
    for axes, measure in zip(grid.flat, shown, strict=False):
        _panel(axes, runs, measure)
        axes.set(xlim=(-0.03 * max(last, 1), 1.03 * max(last, 1)))
        if not isinstance(measure, Signal):
            axes.set(ylim=(-2, 102))
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    for axes in grid.flat[len(shown) :]:
        axes.remove()
    for axes, measure in zip(grid[:, 0], shown[::columns], strict=True):
        axes.set_ylabel("" if isinstance(measure, Signal) else "%")
    baselines = "; dashed: last accuracy of a run without rationales" if any(run.is_baseline for run in runs) else ""
    figure.supxlabel(f"iteration (0 is the base model{baselines})", fontsize="medium")
    handles, labels = grid.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2 if len(runs) in (2, 4) else 3, frameon=False)
    partial = path.with_suffix(".tmp.png")
    figure.savefig(partial, metadata={"Software": None})
    pyplot.close(figure)
    partial.rename(path)


def _panel(axes: Any, runs: Sequence[Run], measure: Measure) -> None:
    """One measure of all runs."""
    is_accuracy = isinstance(measure, str) and measure not in (ACCEPTED, RATIONALIZED)
    for number, run in enumerate(runs):
        color, values = COLORS[number % len(COLORS)], run.values(measure)
        if run.is_baseline:
            if values:
                axes.axhline(list(values.values())[-1], color=color, linestyle="--", linewidth=1.3, label=run.name)
            continue
        axes.plot(list(values), list(values.values()), color=color, marker="o", markersize=3, label=run.name)
        if is_accuracy:
            low, high = ([100 * score[end] for score in run.scores(measure).values()] for end in ("low", "high"))
            axes.fill_between(list(values), low, high, color=color, alpha=0.12, linewidth=0)
    title = f"accuracy: {_title(measure)}" if is_accuracy else _title(measure)
    axes.set_title(title, fontsize="medium", loc="left", parse_math=False)  # `$` is a character of a name
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _title(measure: Measure) -> str:
    if isinstance(measure, Signal):
        return f"{measure.title}, %" if measure.unit == "share" else measure.title
    if isinstance(measure, Several):
        return measure.title
    return printable(measure)


def _cell(measure: Measure, value: float) -> str:
    """A value in no more columns than `CELL` leaves."""
    if not isinstance(measure, Signal) or measure.unit == "share":
        return f"{value:.1f}"
    if measure.unit == "count" or abs(value) >= 1000:
        return f"{value:.0f}" if abs(value) < 1e5 else f"{value:.0e}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def _names(places: Sequence[Path]) -> list[str]:
    """The last part of each path; of those that share it, as many parts more as tell them apart."""
    names = [place.name for place in places]
    for i, place in enumerate(places):
        depth = 1
        while sum(other.parts[-depth:] == place.parts[-depth:] for other in places) > 1:
            depth += 1
        names[i] = os.path.join(*place.parts[-depth:])
    return names


def _iterations(runs: Sequence[Run], room: int) -> tuple[list[int], list[int]]:
    """All iterations, and those that fit: the first, the last of each run, and others evenly spread."""
    numbers = sorted({row["iteration"] for run in runs for row in run.rows})
    last = {run.rows[-1]["iteration"] for run in runs}
    count = max(room - len(last), 2)
    if len(numbers) <= room:
        return numbers, numbers
    spread = {numbers[round(i * (len(numbers) - 1) / (count - 1))] for i in range(count)}
    return numbers, sorted(spread | last)


def _notes(runs: Sequence[Run], numbers: list[int], shown: list[int]) -> list[str]:
    """What a reader must know to compare: different ways of evaluation, iterations left out."""
    notes = []
    ways = sorted({run.modes for run in runs})
    if len(ways) > 1:
        notes += [f"evaluated {way}: {', '.join(run.name for run in runs if run.modes == way)}" for way in ways]
    if len(shown) < len(numbers):
        notes.append(f"{len(shown)} of {len(numbers)} iterations are shown")
    return notes
