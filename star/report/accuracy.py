"""Is it getting better? Held-out accuracy over iterations: of all problems, by group, and of several samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from star.audit.verdict import held_out
from star.report.blocks import Block, legend, numbers, style
from star.report.charts import Band, Chart, Series, iteration_name, percent, percent_tick
from star.report.compare import Run
from star.report.table import group_names, main_mode

MOST_GROUPS = 12
"""Groups with a chart of their own; the others are in the table of every iteration."""


def accuracy_blocks(runs: Sequence[Run]) -> list[Block]:
    """Charts of the accuracy of these runs, a line each. The first chart is the main one."""
    charts = [_chart("accuracy", "all held-out problems", _overall(runs))]
    samples = _chart("samples", "several samples of each problem", _samples(runs))
    picked = _chart("best-of", "one of several samples, picked by the verifier", _picked(runs))
    rows = [row for run in runs for row in run.rows]
    groups = [name for name in group_names(rows) if name != "all"]
    by_group = [
        _chart(f"group{place}", name, [_series(run, place, name) for place, run in enumerate(runs)], "small")
        for place, name in enumerate(groups[:MOST_GROUPS])
    ]
    text = "Share of right answers to held-out problems, with 95% Wilson intervals. Iteration 0 is the base model."
    if not samples.is_empty:
        charts.append(samples)
        text += " pass@k: some of k samples is right; majority@k: the answer that most of k samples give is right."
    if not picked.is_empty:
        charts.append(picked)
        text += " best-of-k: the one of k samples that the learned verifier finds most likely is right."
    blocks = [Block("", text, charts, [numbers(chart.title, [chart]) for chart in charts])]
    if by_group:
        more = f" The first {MOST_GROUPS} of {len(groups)}." if len(groups) > MOST_GROUPS else ""
        names = legend([run.name for run in runs])
        tables = [numbers("accuracy by group", by_group)]
        blocks.append(Block("By group", f"The same for each group of problems.{more}", by_group, tables, names))
    return blocks


def headline(run: Run) -> str:
    """Where a run began and where it is, in a sentence."""
    base, last = held_out(run.rows[0]), held_out(run.rows[-1])
    best = max(run.rows, key=lambda row: held_out(row)["accuracy"])
    certainty = f"95% interval {percent(last['low'])} to {percent(last['high'])}; {last['total']:,} answers"
    says = f"Right answers to held-out problems: {percent(base['accuracy'])} by the base model"
    if len(run.rows) > 1 and run.rows[-1].get("train_steps") != 0:
        says += f", {percent(last['accuracy'])} after iteration {run.rows[-1]['iteration']}"
    if held_out(best)["accuracy"] == last["accuracy"]:
        return f"{says} ({certainty})."
    return (
        f"{says} ({certainty}). The best were {percent(held_out(best)['accuracy'])}, in iteration {best['iteration']}."
    )


def _chart(key: str, title: str, series: list[Series], size: str = "large") -> Chart:
    return Chart(key, title, series, percent, percent_tick, iteration_name, size=size, limits=(0.0, 1.02))


def _overall(runs: Sequence[Run]) -> list[Series]:
    """A line for each run; of one run alone, a line for each way it was evaluated."""
    if len(runs) > 1:
        return [_series(run, place, "all") for place, run in enumerate(runs)]
    [run] = runs
    modes = sorted({mode for row in run.rows for mode in row["accuracy"]})
    scores = [{r["iteration"]: r["accuracy"][mode]["all"] for r in run.rows if mode in r["accuracy"]} for mode in modes]
    return [_line(mode, place, found) for place, (mode, found) in enumerate(zip(modes, scores, strict=True))]


def _series(run: Run, place: int, group: str) -> Series:
    return _line(run.name, place, run.scores(group))


def _line(name: str, place: int, scores: dict[int, dict[str, float]]) -> Series:
    values = {number: score["accuracy"] for number, score in scores.items()}
    bands = {number: Band(score["low"], score["high"]) for number, score in scores.items()}
    return Series(name, values=values, bands=bands, **style(place))


def _samples(runs: Sequence[Run]) -> list[Series]:
    """pass@k, solid, and majority@k, dashed, for each k; of several runs for the largest one."""
    found = []
    for kind, title, dashed in (("pass_at", "pass", False), ("majority_at", "majority", True)):
        for place, run in enumerate(runs):
            by_k = _by_k(run.rows, kind)
            for line, k in enumerate(sorted(by_k, key=int) if len(runs) == 1 else sorted(by_k, key=int)[-1:]):
                name = f"{title}@{k}" if len(runs) == 1 else f"{run.name}, {title}@{k}"
                found.append(Series(name, values=by_k[k], dashed=dashed, **style(place + line)))
    return found


def _picked(runs: Sequence[Run]) -> list[Series]:
    """best-of-k for the largest k; of one run alone, beside what the same samples give by majority and by luck."""
    found = []
    for place, run in enumerate(runs):
        chosen = _by_k(run.rows, "best_of")
        if not chosen:
            continue
        k = max(chosen, key=int)
        if len(runs) > 1:
            found.append(Series(f"{run.name}, best-of-{k}", values=chosen[k], **style(place)))
            continue
        lines = [(f"best-of-{k}", "best_of", k), (f"majority@{k}", "majority_at", k)]
        lines += [(f"pass@{k}", "pass_at", k), ("pass@1", "pass_at", "1")]
        for line, (name, kind, which) in enumerate(lines):
            values = {number: share for number, share in _by_k(run.rows, kind)[which].items() if number in chosen[k]}
            found.append(Series(name, values=values, **style(line)))
    return found


def _by_k(rows: Sequence[dict[str, Any]], kind: str) -> dict[str, dict[float, float]]:
    """By number of samples and iteration."""
    found: dict[str, dict[float, float]] = {}
    for row in rows:
        for k, share in row["accuracy"][main_mode(row)].get(kind, {}).items():
            found.setdefault(k, {})[row["iteration"]] = share
    return found
