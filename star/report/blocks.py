"""What sections of the page are made of: charts with a few words, and the same numbers as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from star.report.charts import COLORS, MARKERS, Chart, Series


class Table(NamedTuple):
    """Text in lines and columns; the first cell of a line says what the line is about."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


class Block(NamedTuple):
    """A part of a section.

    Attributes:
        legend: of all charts; without it each chart with several series has its own.
        tables: shown when somebody asks for them.
    """

    title: str
    text: str
    charts: Sequence[Chart] = ()
    tables: Sequence[Table] = ()
    legend: Sequence[Series] = ()


def style(place: int) -> dict[str, str]:
    """Colour and marker of a line by its place among others."""
    return {"color": COLORS[place % len(COLORS)], "marker": list(MARKERS)[place % len(MARKERS)]}


def legend(names: Sequence[str]) -> list[Series]:
    """What stands for each run in all charts; nothing for one alone."""
    return [Series(name, values={}, **style(place)) for place, name in enumerate(names)] if len(names) > 1 else []


def numbers(caption: str, charts: Sequence[Chart]) -> Table:
    """All values of charts over the same x: a line for each x, a column for each series, with intervals in brackets."""
    columns = [(chart, series) for chart in charts for series in chart.series if series.values]
    alone = len(charts) == 1
    names = [
        series.name if alone else chart.title if len(chart.series) == 1 else f"{chart.title}: {series.name}"
        for chart, series in columns
    ]
    places = sorted({x for _, series in columns for x in series.values})
    rows = [[charts[0].at(x), *(_cell(chart, series, x) for chart, series in columns)] for x in places]
    return Table(caption, [charts[0].x_name if charts else "", *names], rows)


def _cell(chart: Chart, series: Series, x: float) -> str:
    if x not in series.values:
        return ""
    band = series.bands.get(x)
    interval = f" ({chart.number(band.low)} to {chart.number(band.high)})" if band else ""
    return f"{chart.number(series.values[x])}{interval}"
