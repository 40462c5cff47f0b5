"""What the pictures of experiments share: values of runs, and panels with a line for each run."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from star.audit.signals import Signal
from star.console import console, errors
from star.errors import UserError
from star.report.charts import short
from star.report.compare import COLORS, Run, load_runs

Values = dict[int, float]
"""By iteration, or by what else is on the axis."""


@dataclass(frozen=True)
class Panel:
    """One measure of all runs: for each of them a line and, at most, a ring around one of its values and the intervals
    of them all."""

    title: str
    lines: Sequence[Values]
    rings: Sequence[int | None] = ()
    bands: Sequence[dict[int, tuple[float, float]]] = ()


def accuracy(run: Run) -> Values:
    """Iteration -> held-out accuracy, a share."""
    return {number: score["accuracy"] for number, score in run.scores("all").items()}


def watched(run: Run, signal: Signal) -> Values:
    """Iteration -> value of a signal, where it has one."""
    found = {row["iteration"]: row["audit"].get(signal.name) for row in run.rows}
    return {number: value for number, value in found.items() if value is not None}


def draw_panels(names: Sequence[str], panels: Sequence[Panel], columns: int, note: str, path: Path) -> None:
    """Draw the panels as a PNG, `columns` in a row.

    Args:
        names: of the runs, for the legend.
        note: what is on the axis.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    lines = -(-len(panels) // columns)
    size = (3 * columns, 2.3 * lines + 0.5)
    figure, grid = pyplot.subplots(lines, columns, figsize=size, dpi=130, squeeze=False, layout="constrained")
    for axes, panel in zip(grid.flat, panels, strict=False):
        for place, (name, values) in enumerate(zip(names, panel.lines, strict=True)):
            color = COLORS[place % len(COLORS)]
            axes.plot(list(values), list(values.values()), color=color, marker="o", markersize=3, label=name)
            if panel.bands:
                low, high = zip(*panel.bands[place].values(), strict=True)
                axes.fill_between(list(panel.bands[place]), low, high, color=color, alpha=0.1, linewidth=0)
            if panel.rings and (ring := panel.rings[place]) is not None:
                axes.plot(ring, values[ring], "o", color=color, markersize=10, fillstyle="none", markeredgewidth=1.6)
        axes.set_title(panel.title, fontsize="medium", loc="left")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: short(x)))
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in grid.flat[len(panels) :]:
        axes.remove()
    figure.supxlabel(note, fontsize="medium")
    figure.legend(*grid.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False)
    partial = path.with_suffix(".tmp.png")
    figure.savefig(partial, metadata={"Software": None})
    pyplot.close(figure)
    partial.rename(path)


def figure(
    description: str,
    runs_help: str,
    prefix: str,
    show: Callable[[Sequence[Run]], None],
    draw: Callable[[Sequence[Run], Path], None],
) -> int:
    """What such a script does: read the runs, `show` a table, `draw` the picture; returns the exit code.

    Args:
        prefix: what the names of runs begin with, which is left out.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help=runs_help)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.png", help="draw into this file")
    arguments = parser.parse_args()
    try:
        runs = [replace(run, name=run.name.removeprefix(prefix)) for run in load_runs(arguments.runs)]
        show(runs)
        draw(runs, arguments.out)
    except (UserError, OSError) as error:
        errors.print(f"error: {error}", markup=False)
        return 2
    console.print(f"picture: {arguments.out}", markup=False)
    return 0
