"""Where did the attempts go? With a curriculum, shares of them by group and by expected success, and the level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from star.curriculum import CLASSES
from star.report.blocks import Block, numbers, style
from star.report.charts import (
    BLUE,
    BROWN,
    COLORS,
    GREEN,
    GREY,
    LILAC,
    ORANGE,
    VERMILION,
    YELLOW,
    Chart,
    Series,
    iteration_name,
    percent,
    percent_tick,
    short,
)
from star.report.load import RunFiles
from star.report.table import in_order

EXPECTED = dict(zip(CLASSES, (VERMILION, ORANGE, YELLOW, BLUE, GREEN), strict=True))
"""Classes of expected success, and their colours."""
GROUPS = (*COLORS, BROWN, LILAC)
"""Colours of groups; beyond as many, groups are others."""
OTHERS = "others"


def effort_blocks(runs: Sequence[RunFiles]) -> list[Block]:
    """For each run that chose its problems, what it chose."""
    blocks = (_block(run, place, f"{run.name}: " if len(runs) > 1 else "") for place, run in enumerate(runs))
    return [block for block in blocks if block]


def _block(run: RunFiles, place: int, of: str) -> Block | None:
    found = {row["iteration"]: row["curriculum"] for row in run.rows if row.get("curriculum")}
    if not found:
        return None
    groups = _with_others({number: one["by_group"] for number, one in found.items()})
    charts = [
        _shares(f"run{place}effort", f"{of}attempts by group", groups),
        _shares(
            f"run{place}expected",
            f"{of}attempts by expected success",
            {name: (color, _of(found, "by_expected", name)) for name, color in EXPECTED.items()},
        ),
    ]
    if levels := {number: float(one["level"]) for number, one in found.items() if one.get("level") is not None}:
        line = Series("level", values=levels, **style(0))
        charts.append(Chart(f"run{place}level", f"{of}level of practice", [line], short, short, iteration_name))
    return Block(f"{of}Where the attempts went", _sentence(found), charts, [numbers(c.title, [c]) for c in charts])


def _shares(key: str, title: str, layers: Mapping[str, tuple[str, dict[float, float]]]) -> Chart:
    series = [Series(name, color, values) for name, (color, values) in layers.items() if any(values.values())]
    return Chart(key, title, series, percent, percent_tick, iteration_name, kind="bars", limits=(0.0, 1.02))


def _with_others(shares: dict[int, dict[str, float]]) -> dict[str, tuple[str, dict[float, float]]]:
    """Colour and shares of each group, in order; of the smaller ones together, if there are many."""
    total = {name: sum(one.get(name, 0.0) for one in shares.values()) for one in shares.values() for name in one}
    shown = sorted(sorted(total, key=total.__getitem__, reverse=True)[: len(GROUPS)], key=in_order)
    layers = {
        name: (color, {number: one.get(name, 0.0) for number, one in shares.items()})
        for name, color in zip(shown, GROUPS, strict=False)
    }
    if len(total) > len(shown):
        layers[OTHERS] = (
            GREY,
            {number: 1 - sum(one.get(name, 0.0) for name in shown) for number, one in shares.items()},
        )
    return layers


def _of(found: dict[int, Any], kind: str, name: str) -> dict[float, float]:
    return {number: one[kind].get(name, 0.0) for number, one in found.items()}


def _sentence(found: dict[int, Any]) -> str:
    number, last = list(found.items())[-1]
    level = f" around level {last['level']}" if last.get("level") is not None else ""
    expected = percent(last["expected"])
    return f"The problems{level} that iteration {number} tried were expected to be solved {expected} of the time."
