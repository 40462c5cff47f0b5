"""Can I trust it? The signals of the audit over iterations, coverage of the problems, calibration of the vote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from star.audit.signals import SIGNALS, Signal
from star.audit.verdict import LEVELS, Finding, Level, findings, history, summary, value_text
from star.report.blocks import Block, Table, legend, numbers, style
from star.report.charts import Chart, Series, iteration_name, percent, percent_tick, short
from star.report.load import RunFiles
from star.report.shapes import Counts
from star.report.table import in_order

PARTS = {
    "diversity": ("Is it repeating itself?", "Of the rationales that an iteration accepted."),
    "coverage": ("Does it reach all problems?", "Of the training problems, tried without help."),
    "drift": ("Does it stay a language model?", "On the reference texts, the same in every iteration."),
    "trust": ("Are the rationales sound?", "Of attempts, and of what was learned from them."),
}
"""Title and a line for each part of the signals."""

BETTER = {"higher": "more is better", "lower": "less is better", "neither": "neither more nor less is better"}

CLASSES = ("never", "rarely", "sometimes", "mostly", "always", "new")
"""Of difficulty, by success before an iteration."""

COUNTS = ("tried", "solved", "ever", "new", "forgotten")
"""Of problems, as columns."""

MOST_LINES = 7
"""Groups with a line of their own; the table has them all."""


class Verdict(NamedTuple):
    """Of one run."""

    run: str
    level: Level
    says: str
    findings: list[Finding]
    missing: list[tuple[Signal, str]]


def verdict(run: RunFiles) -> Verdict:
    """What the signals amount to, and which of them were not measured and why."""
    found = findings(run.rows)
    level, says = summary(found)
    return Verdict(run.name, level, says, found, _missing(run))


def trust_blocks(runs: Sequence[RunFiles], verdicts: Sequence[Verdict]) -> list[Block]:
    """A small chart for each signal with a line for each run; then coverage and calibration."""
    names = legend([run.name for run in runs])
    blocks = []
    for part, (title, text) in PARTS.items():
        charts = [_signal_chart(signal, runs, verdicts) for signal in SIGNALS if signal.part == part]
        if charts := [chart for chart in charts if not chart.is_empty]:
            blocks.append(Block(title, text, charts, [numbers(title, charts)], names))
    for place, run in enumerate(runs):
        blocks += _coverage(run, place, f"{run.name}: " if len(runs) > 1 else "")
    return blocks + _calibration(runs, names)


def _missing(run: RunFiles) -> list[tuple[Signal, str]]:
    """Signals without a value in the last iteration, with the reason."""
    last = run.rows[-1]
    if not run.audits:
        return [(signal, "this run was made without an audit") for signal in SIGNALS]
    audit, values = run.audits.get(last["iteration"]), last.get("audit", {})
    reasons = audit.missing if audit else {}
    return [(s, reasons.get(s.name, "no value")) for s in SIGNALS if values.get(s.name) is None]


def _signal_chart(signal: Signal, runs: Sequence[RunFiles], verdicts: Sequence[Verdict]) -> Chart:
    series = [
        Series(run.name, values=dict(history(run.rows, signal.name)), **style(place)) for place, run in enumerate(runs)
    ]
    levels = [one.level for verdict in verdicts for one in verdict.findings if one.signal == signal.name]
    tick = percent_tick if signal.unit == "share" else short
    most = max((value for one in series for value in one.values.values()), default=0.0)
    return Chart(
        key=signal.name,
        title=signal.title,
        series=series,
        number=partial(value_text, signal),
        tick=tick,
        at=iteration_name,
        size="small",
        limits=(
            0.0 if signal.unit in ("share", "count") else None,
            1.02 if signal.unit == "share" and most > 0.6 else None,
        ),
        last=max(run.rows[-1]["iteration"] for run in runs),
        note=f"{signal.meaning}; {BETTER[signal.better]}",
        source=signal.source,
        level=min(levels, key=LEVELS.index, default=""),
    )


def _coverage(run: RunFiles, place: int, of: str) -> list[Block]:
    """Of groups and of classes of difficulty, the share that is solved over iterations, and the last counts."""
    charts, tables = [], []
    for kind, title, order in (("by_group", "group", ()), ("by_difficulty", "difficulty before", CLASSES)):
        found = {number: audit.coverage.get(kind, {}) for number, audit in run.audits.items()}
        names = {name for counts in found.values() for name in counts}
        if not names:
            continue
        shown = [*(name for name in order if name in names), *sorted(names.difference(order), key=in_order)]
        lines = [
            Series(name, values=_solved(found, name), **style(line)) for line, name in enumerate(shown[:MOST_LINES])
        ]
        chart = replace(
            _share_chart(f"run{place}{kind}", f"{of}solved, by {title}", lines), last=run.rows[-1]["iteration"]
        )
        last = max(found)
        cells = [[name, *(f"{found[last].get(name, {}).get(count, 0):,}" for count in COUNTS)] for name in shown]
        charts.append(chart)
        tables += [
            numbers(chart.title, [chart]),
            Table(f"{of}problems by {title}, iteration {last}", [title, *COUNTS], cells),
        ]
    text = "Of the training problems that an iteration tried without help, the share that it solved."
    return [Block(f"{of}Coverage", text, charts, tables)] if charts else []


def _share_chart(key: str, title: str, series: Sequence[Series]) -> Chart:
    return Chart(key, title, series, percent, percent_tick, iteration_name, limits=(0.0, 1.02))


def _solved(coverage: dict[int, dict[str, Counts]], name: str) -> dict[float, float]:
    counts = {number: groups[name] for number, groups in coverage.items() if name in groups}
    return {number: one.get("solved", 0) / one["tried"] for number, one in counts.items() if one.get("tried")}


def _calibration(runs: Sequence[RunFiles], names: Sequence[Series]) -> list[Block]:
    """How often the answer that most samples give is right, by how many agree, in each run's last iteration."""
    series = []
    for place, run in enumerate(runs):
        audits = [audit for _, audit in sorted(run.audits.items()) if audit.calibration]
        bins = [one for one in audits[-1].calibration if one.votes] if audits else []
        values = {one.confidence: one.right / one.votes for one in bins}
        series.append(Series(run.name, values=values, **style(place)))
    chart = replace(
        _share_chart("calibration", "being right, by how many agree", series),
        at=_agreement,
        x_name="samples that agree",
        even=True,
    )
    if chart.is_empty:
        return []
    text = (
        "Of the problems where so many samples agree on an answer, the share where it is right; on the dotted line, "
        "agreement says how likely that is."
    )
    return [Block("Calibration of the vote", text, [chart], [numbers(chart.title, [chart])], names)]


def _agreement(share: float) -> str:
    return f"{share:.0%} agree"
