"""What did it cost? Time by activity and by stage, tokens, and energy where it could be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from star.clock import ACTIVITIES
from star.report.blocks import Block, Table, legend, numbers, style
from star.report.charts import (
    BLUE,
    DARK,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    YELLOW,
    Chart,
    Series,
    amount,
    iteration_name,
    short,
)
from star.report.compare import Run
from star.report.times import activity_table, stage_names, stage_table
from star.sweep import SWEEP

LAYERS = (BLUE, GREEN, ORANGE, SKY, PURPLE, GREY, VERMILION, YELLOW, DARK)
SAMPLING = ("attempts", "rationalizations", SWEEP)
"""How the stages begin whose tokens `sampled_tokens` counts."""


def cost_blocks(runs: Sequence[Run]) -> list[Block]:
    """For each run, seconds by activity and by stage; for all of them tokens and energy, a line each."""
    blocks = []
    for place, run in enumerate(runs):
        title = run.name if len(runs) > 1 else ""
        of = f"{title}: " if title else ""
        spent = _layers(f"run{place}spent", f"{of}seconds by activity", run, "spent", ACTIVITIES)
        stages = _layers(f"run{place}stages", f"{of}seconds by stage", run, "seconds", stage_names(run.rows))
        charts = [chart for chart in (spent, stages) if not chart.is_empty]
        tables = [
            Table("seconds by activity", *activity_table(run.rows)),
            Table("seconds by stage", *stage_table(run.rows)),
        ]
        blocks.append(Block(title, total(run), charts, [table for table in tables if table.rows]))
    lines = [
        _line("tokens", "tokens sampled", runs, lambda row: row.get("sampled_tokens")),
        _line("speed", "tokens a second", runs, tokens_a_second),
        _line("energy", "energy, kJ", runs, lambda row: row["joules"] / 1000 if row.get("joules") else None),
    ]
    if lines := [chart for chart in lines if not chart.is_empty]:
        text = "Of the attempts at training problems; their seconds hold loading and verifying."
        blocks.append(
            Block("Tokens", text, lines, [numbers("tokens and energy", lines)], legend([run.name for run in runs]))
        )
    return blocks


def total(run: Run) -> str:
    """The whole run in a sentence."""
    seconds = sum(sum(row["seconds"].values()) for row in run.rows)
    tokens, joules = (sum(row.get(key) or 0 for row in run.rows) for key in ("sampled_tokens", "joules"))
    sampling = sum(_sampling_seconds(row) for row in run.rows if row.get("sampled_tokens"))
    parts = [f"{_duration(seconds)} in all"]
    if tokens:
        parts.append(f"{tokens:,} tokens sampled")
    if tokens and sampling:
        parts.append(f"{tokens / sampling:,.0f} a second")
    parts.append(f"{joules / 1000:,.1f} kJ" if joules else "energy could not be read")
    return f"{', '.join(parts)}."


def tokens_a_second(row: dict[str, Any]) -> float | None:
    """`sampled_tokens` by the seconds of the stages that sampled them."""
    seconds = _sampling_seconds(row)
    return row["sampled_tokens"] / seconds if seconds and row.get("sampled_tokens") else None


def _sampling_seconds(row: dict[str, Any]) -> float:
    return sum(seconds for stage, seconds in row["seconds"].items() if stage.startswith(SAMPLING))


def _layers(key: str, title: str, run: Run, kind: str, names: Sequence[str]) -> Chart:
    series = [
        Series(name, LAYERS[place % len(LAYERS)], values)
        for place, name in enumerate(names)
        if any((values := {row["iteration"]: row.get(kind, {}).get(name, 0.0) for row in run.rows}).values())
    ]
    return Chart(key, title, series, amount, short, iteration_name, kind="bars")


def _line(key: str, title: str, runs: Sequence[Run], value: Any) -> Chart:
    series = [
        Series(run.name, values={r["iteration"]: v for r in run.rows if (v := value(r)) is not None}, **style(place))
        for place, run in enumerate(runs)
    ]
    return Chart(key, title, series, amount, short, iteration_name, size="small")


def _duration(seconds: float) -> str:
    """
    >>> _duration(75), _duration(7500)
    ('1 min 15 s', '2 h 5 min')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
