"""Charts as PNG files, for papers: several on one picture, with titles and legends."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from star.report.charts import STYLE, Chart, draw
from star.report.table import printable

PANEL = {"large": (4.4, 3.0), "small": (2.9, 1.9)}
"""Inches that a chart takes, what is around it included."""

COLUMNS = {"large": 3, "small": 5}
"""Charts in a line, by the size of the largest."""

AROUND = (0.62, 0.15, 0.5, 0.62)
"""Inches of that left, right, below and above the axes."""

LEGEND_LINE, DPI = 0.17, 150

LONGEST = 36
"""Characters of a name in a legend."""


def save_png(charts: Sequence[Chart], path: Path) -> None:
    """Write charts as one PNG; the same charts give the same bytes."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(COLUMNS[max(charts, key=lambda chart: PANEL[chart.size]).size], len(charts))
    panel_width = max(PANEL[chart.size][0] for chart in charts)
    legend = LEGEND_LINE * max(_legend_lines(chart) for chart in charts)
    panel_height = max(PANEL[chart.size][1] for chart in charts) + legend
    width, height = panel_width * columns, panel_height * math.ceil(len(charts) / columns)
    left, right, below, above = AROUND
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a character that the font lacks is drawn as a box
        figure = Figure(figsize=(width, height), dpi=DPI)
        for place, chart in enumerate(charts):
            row, column = divmod(place, columns)
            size = (panel_width - left - right, panel_height - below - above - legend)
            corner = (column * panel_width + left, height - (row + 1) * panel_height + below)
            axes = figure.add_axes((corner[0] / width, corner[1] / height, size[0] / width, size[1] / height))
            draw(axes, chart)
            _caption(axes, chart, panel_width - left - right)
        partial = path.with_suffix(".tmp.png")
        FigureCanvasAgg(figure).print_figure(partial, dpi=DPI, metadata={"Software": None})
    partial.rename(path)


def _caption(axes: Any, chart: Chart, width: float) -> None:
    """Title and legend above the axes."""
    height = axes.get_position().height * axes.figure.get_figheight()
    above = (LEGEND_LINE * _legend_lines(chart) + 0.12) / height
    axes.text(0, 1 + above, _cut(printable(chart.title), int(width * 13)), transform=axes.transAxes)
    if len(chart.series) > 1:
        axes.legend(
            *_handles(axes, chart),
            loc="lower left",
            bbox_to_anchor=(-0.02, 1.0),
            ncols=_legend_columns(chart),
            frameon=False,
            borderpad=0.1,
            labelspacing=0.15,
            handlelength=1.2,
            columnspacing=1.0,
            fontsize=8,
        )


def _handles(axes: Any, chart: Chart) -> tuple[list[Any], list[str]]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    shown = [series for series in chart.series if series.values]
    if chart.kind == "bars":
        return [Patch(color=series.color) for series in shown], [
            _cut(printable(series.name), LONGEST) for series in shown
        ]
    lines = [
        Line2D([], [], color=one.color, marker=one.marker, markersize=4, linestyle="--" if one.dashed else "-")
        for one in shown
    ]
    return lines, [_cut(printable(series.name), LONGEST) for series in shown]


def _legend_columns(chart: Chart) -> int:
    longest = max(len(series.name) for series in chart.series)
    return max(1, min(4, int(PANEL[chart.size][0] * 11 / (min(longest, LONGEST) + 6))))


def _legend_lines(chart: Chart) -> int:
    shown = sum(bool(series.values) for series in chart.series)
    return math.ceil(shown / _legend_columns(chart)) if len(chart.series) > 1 else 0


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
