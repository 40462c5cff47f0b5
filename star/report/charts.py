"""What a chart shows, and how matplotlib draws it: the same for the page (`svg.py`) and for papers (`pictures.py`).

Drawn is what is inside the axes and the numbers beside them. Titles, legends and notes are text around a chart, set by
who shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

BLUE, VERMILION, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
ORANGE, SKY, YELLOW = "#e69f00", "#56b4e9", "#f0e442"
BROWN, LILAC, TEAL = "#8c510a", "#b2abd2", "#5ab4ac"
INK, DARK, GREY, LIGHT = "#000000", "#666666", "#999999", "#cccccc"
NAMES = {
    BLUE: "blue",
    VERMILION: "vermilion",
    GREEN: "green",
    PURPLE: "purple",
    ORANGE: "orange",
    SKY: "sky",
    YELLOW: "yellow",
    BROWN: "brown",
    LILAC: "lilac",
    TEAL: "teal",
    INK: "ink",
    DARK: "dark",
    GREY: "grey",
    LIGHT: "light",
}
"""Of colours, as `page.css` calls them: it has a shade for each theme."""
COLORS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, INK)
"""Of lines, in order (Okabe and Ito 2008, https://jfly.uni-koeln.de/color/: told apart by the colour-blind too)."""

MARKERS = {"o": "●", "s": "■", "^": "▲", "D": "◆", "v": "▼", "P": "✚", "X": "✖"}
"""Of lines, in order, and as legends write them: a second way to tell them apart."""

STYLE = {
    "font.size": 10.5,
    "axes.labelsize": 10.5,
    "xtick.labelsize": 10.5,
    "ytick.labelsize": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "grid.alpha": 0.2,
    "grid.color": INK,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "ytick.major.size": 0,
    "text.parse_math": False,  # `$` is a character of a name
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "star",  # the same ids for the same chart
}

Number = Callable[[float], str]
"""Writes a number as people read it."""


class Band(NamedTuple):
    """An interval around a value."""

    low: float
    high: float


@dataclass(frozen=True)
class Series:
    """One line, or one layer of stacked bars.

    Attributes:
        values: y by x.
        bands: intervals by x, where there are any.
        marker: one of `MARKERS`; nothing for bars.
    """

    name: str
    color: str
    values: Mapping[float, float]
    bands: Mapping[float, Band] = field(default_factory=dict)
    marker: str = ""
    dashed: bool = False

    @property
    def symbol(self) -> str:
        """What stands for it in a legend."""
        return MARKERS.get(self.marker, "■")


@dataclass(frozen=True)
class Chart:
    """A picture, and what is said of it.

    Attributes:
        key: its name in ids of the page.
        number, at: write a y and an x as text; `tick` writes a y beside the axis.
        limits: of y; from 0, or from the smallest value where that is `None`.
        last: the iteration that the axis goes to, if no value is beyond it.
        even: whether to draw the diagonal on which y is x.
        note, source: what it shows in a line, and where that comes from.
        level: how bad it looks (`star/audit/verdict.py`), if that was judged.
    """

    key: str
    title: str
    series: Sequence[Series]
    number: Number
    tick: Number
    at: Number
    kind: Literal["lines", "bars"] = "lines"
    size: Literal["large", "small"] = "large"
    limits: tuple[float | None, float | None] = (0.0, None)
    x_name: str = "iteration"
    last: float = 0
    even: bool = False
    note: str = ""
    source: str = ""
    level: str = ""

    @property
    def is_empty(self) -> bool:
        return not any(series.values for series in self.series)

    @property
    def latest(self) -> str:
        """The last value of the first series."""
        values = self.series[0].values
        return self.number(values[max(values)]) if values else ""

    def label(self, series: Series, x: float) -> str:
        """What one mark says when somebody points at it."""
        text = f"{series.name}, {self.at(x)}: {self.number(series.values[x])}"
        if band := series.bands.get(x):
            text += f" (95% interval {self.number(band.low)} to {self.number(band.high)})"
        return text


def iteration_name(number: float) -> str:
    return f"iteration {number:.0f}" if number else "base model"


def percent(share: float) -> str:
    return f"{share:.1%}"


def percent_tick(share: float) -> str:
    return f"{100 * share:.3g}%"


def amount(value: float) -> str:
    """A number of things, or of seconds, with thousands told apart."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.1f}"


def short(value: float) -> str:
    """A number in few characters: 12k for 12,000.

    >>> short(12_000), short(1_500_000), short(0.25)
    ('12k', '1.5M', '0.25')
    """
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def draw(axes: Any, chart: Chart) -> dict[str, list[str]]:
    """Draw a chart into matplotlib's axes.

    Returns:
        What the marks say, in order, by the id (`gid`) of what holds them.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    is_large = chart.size == "large"
    labels = (_bars if chart.kind == "bars" else _lines)(axes, chart)
    if chart.even:
        axes.plot((0, 1), (0, 1), color=GREY, linewidth=1, linestyle=":")
    axes.set_ylim(*_limits(chart))
    axes.yaxis.set_major_locator(MaxNLocator(5 if is_large else 3, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: chart.tick(y)))
    if chart.x_name == "iteration":
        last = max((chart.last, *(x for series in chart.series for x in series.values)))
        room = 0.6 if chart.kind == "bars" else 0.04 * max(last, 1)
        first = min((x for series in chart.series for x in series.values), default=0) if chart.kind == "bars" else 0
        axes.set_xlim(first - room, last + room)
        axes.xaxis.set_major_locator(MaxNLocator(10 if is_large else 5, steps=[1, 2, 5, 10], integer=True))
    else:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: chart.tick(x)))
    if is_large:
        axes.set_xlabel(chart.x_name)
    axes.grid(visible=False, axis="x")
    return labels


def _lines(axes: Any, chart: Chart) -> dict[str, list[str]]:
    labels = {}
    for place, series in enumerate(chart.series):
        x = sorted(series.values)
        if not x:
            continue
        if len(series.bands) > 1:
            low, high = zip(*(series.bands[one] for one in x), strict=True)
            axes.fill_between(x, low, high, color=series.color, alpha=0.15, linewidth=0)
        elif series.bands:
            [(low, high)] = series.bands.values()
            axes.vlines(x, low, high, color=series.color, alpha=0.3, linewidth=4)
        axes.plot(
            x,
            [series.values[one] for one in x],
            color=series.color,
            marker=series.marker,
            markersize=4.5 if chart.size == "large" else 3.5,
            markeredgewidth=0,
            linewidth=1.6,
            linestyle="--" if series.dashed else "-",
            clip_on=False,
            gid=f"line{place}",
        )
        labels[f"line{place}"] = [chart.label(series, one) for one in x]
    return labels


def _bars(axes: Any, chart: Chart) -> dict[str, list[str]]:
    """Layers on top of each other, in the order of the series."""
    labels: dict[str, list[str]] = {}
    bottom: dict[float, float] = {}
    for place, series in enumerate(chart.series):
        x = [one for one in sorted(series.values) if series.values[one]]
        heights, floors = [series.values[one] for one in x], [bottom.get(one, 0.0) for one in x]
        for one, bar in zip(x, axes.bar(x, heights, 0.84, floors, color=series.color, linewidth=0), strict=True):
            bar.set_gid(gid := f"bar{place}at{one:g}")
            labels[gid] = [chart.label(series, one)]
            bottom[one] = bottom.get(one, 0.0) + series.values[one]
    return labels


def _limits(chart: Chart) -> tuple[float, float]:
    """Of y: what the chart says, else what holds all values with a little room."""
    low, high = chart.limits
    ends = [end for series in chart.series for band in series.bands.values() for end in band]
    if chart.kind == "bars":
        stacks: dict[float, float] = {}
        for series in chart.series:
            for x, value in series.values.items():
                stacks[x] = stacks.get(x, 0.0) + value
        ends += stacks.values()
    else:
        ends += [value for series in chart.series for value in series.values.values()]
    least, most = min(ends, default=0.0), max(ends, default=0.0)
    if low is None:
        room = max(0.15 * (most - least), 0.1 * abs(most)) or 1.0  # what hardly moves looks like that
        return least - room, most + room if high is None else high
    return low, (1.06 * most or 1.0) if high is None else high
