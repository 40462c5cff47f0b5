"""Methods on an equal budget of samples: a table, and a picture of what they learn from how many samples.

    python scripts/family_figure.py RUN... --out FILE.png      # run directories

Samples are all that were drawn to train on: attempts, rationalizations, sweeps; those of evaluation are none of them.
Budgets are equal where the largest is no more than 5% larger than the smallest, and what is printed says whether.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from rich import box  # noqa: E402
from rich.table import Table  # noqa: E402
from rich.text import Text  # noqa: E402

from scripts.panels import Panel, draw_panels, figure, watched  # noqa: E402
from star.audit.signals import BY_NAME  # noqa: E402
from star.console import console  # noqa: E402
from star.report.compare import Run  # noqa: E402
from star.report.table import group_names  # noqa: E402

EQUAL = 0.05
"""By what share the largest budget may exceed the smallest."""
DRAWN = ("distinct_2", "false_positives")
"""Signals of the audit that have a panel."""
FEW = 50
"""Held-out problems; a group of fewer has no panel."""
Found = TypeVar("Found")


def samples(run: Run) -> dict[int, int]:
    """Iteration -> samples drawn until its end."""
    drawn = accumulate(row.get("samples", 0) for row in run.rows)
    return {row["iteration"]: total for row, total in zip(run.rows, drawn, strict=True)}


def budget(run: Run) -> int:
    """Samples drawn in all."""
    return max(samples(run).values())


def on_budget(runs: Sequence[Run]) -> str:
    """Whether the budgets are equal, in words."""
    least, most = min(map(budget, runs)), max(map(budget, runs))
    is_equal = most <= (1 + EQUAL) * least
    verdict = f"equal within {EQUAL:.0%}" if is_equal else "NOT equal: this compares budgets as well as methods"
    return f"budgets: {least:,} to {most:,} samples; {verdict}"


def by_accuracy(runs: Sequence[Run]) -> list[Run]:
    """The best first, by held-out accuracy after the last iteration."""
    return sorted(runs, key=lambda run: -_last_score(run)["accuracy"])


def print_table(runs: Sequence[Run]) -> None:
    """Print a line for each run, the best first, and whether their budgets are equal."""
    table = Table(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    titles = ("accuracy, %", "95% interval", "samples", "examples", "distinct pairs", "false positives, %", "minutes")
    for title in ("", *titles):
        table.add_column(Text(title), justify="right" if title else "left", no_wrap=True)
    base = runs[0].scores("all")[0]
    table.add_row("base", f"{100 * base['accuracy']:.1f}", _interval(base))
    for run in by_accuracy(runs):
        score, last = _last_score(run), run.rows[-1]
        table.add_row(
            run.name,
            f"{100 * score['accuracy']:.1f}",
            _interval(score),
            f"{budget(run):,}",
            f"{sum(row.get('examples', 0) for row in run.rows):,}",
            _number(last["audit"].get("distinct_2"), 1),
            _number(last["audit"].get("false_positives"), 100),
            f"{sum(sum(row['seconds'].values()) for row in run.rows) / 60:.1f}",
        )
    console.print(table)
    console.print(on_budget(runs), markup=False)


def draw(runs: Sequence[Run], path: Path) -> None:
    """Panels of accuracy, on all problems and each larger group, and of signals, over the samples drawn. As a PNG."""
    groups = [name for name in group_names(runs[0].rows) if name != "all"]
    shown = ["all", *(name for name in groups if runs[0].scores(name)[0]["total"] >= FEW)]
    panels = [_accuracy(runs, group) for group in shown]
    for signal in (BY_NAME[name] for name in DRAWN):
        panels.append(Panel(signal.title, [over_samples(run, watched(run, signal)) for run in runs]))
    draw_panels([run.name for run in runs], panels, 3, "samples drawn to train on (0 is the base model)", path)


def over_samples(run: Run, found: Mapping[int, Found]) -> dict[int, Found]:
    """What is known by iteration, by the samples drawn until its end."""
    drawn = samples(run)
    return {drawn[number]: value for number, value in found.items()}


def main() -> int:
    """Print the table and draw the picture; returns the exit code."""
    what = "Methods on an equal budget of samples."
    return figure(what, "run directories", "family-", print_table, draw)


def _accuracy(runs: Sequence[Run], group: str) -> Panel:
    scores = [over_samples(run, run.scores(group)) for run in runs]
    return Panel(
        f"held-out accuracy, {group}",
        [{place: score["accuracy"] for place, score in one.items()} for one in scores],
        bands=[{place: (score["low"], score["high"]) for place, score in one.items()} for one in scores],
    )


def _last_score(run: Run) -> dict[str, float]:
    scores = run.scores("all")
    return scores[max(scores)]


def _interval(score: dict[str, float]) -> str:
    return f"{100 * score['low']:.1f} to {100 * score['high']:.1f}"


def _number(value: float | None, unit: int) -> str:
    return "" if value is None else f"{unit * value:.{3 if unit == 1 else 1}f}"


if __name__ == "__main__":
    sys.exit(main())
