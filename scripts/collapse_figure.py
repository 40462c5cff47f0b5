"""Which signals of the audit warn before held-out accuracy falls: two tables, and a picture of the arms side by side.

    python scripts/collapse_figure.py VERIFIED OTHER... --out FILE.png      # run directories

Everything is measured as the change since a run's first value, in the direction that is bad for a signal: in both, if
neither is. By the first rule a signal warns where it leaves the band of the first run, which is verified, by half of
the band's width: that takes a whole verified run to compare with. By the second it warns where it is a tenth worse than
its own first value, which anybody can tell; how often it does so in a run that does not collapse is how often it is
wrong. Accuracy has fallen where it is a tenth below that of the base model.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from rich import box  # noqa: E402
from rich.table import Table  # noqa: E402
from rich.text import Text  # noqa: E402

from scripts.panels import Panel, Values, accuracy, draw_panels, figure, watched  # noqa: E402
from star.audit.signals import BY_NAME, SIGNALS, Signal  # noqa: E402
from star.console import console  # noqa: E402
from star.report.compare import Run  # noqa: E402

FALL = 0.1
"""Share of the first value that is lost where accuracy has fallen, or a signal warns by the second rule."""
MARGIN = 0.5
"""How far outside of the band a signal warns, in widths of the band."""
DRAWN = (
    "distinct_2",
    "self_bleu",
    "word_entropy",
    "compression_ratio",
    "near_duplicates",
    "reference_perplexity",
    "base_kl",
    "plain_accuracy",
    "ever_solved",
    "vote_error",
)
"""Signals that have a panel, beside accuracy and training loss."""
NEEDS = {"diversity": "nothing", "drift": "real text", "coverage": "answers", "trust": "answers"}
"""What a signal of each part is computed from, beside the samples."""
Limits = tuple[float, float]
"""The lowest and the highest change that are not worth a warning."""


def loss(run: Run) -> Values:
    """Iteration -> loss of the last training step, nats a token."""
    return {row["iteration"]: row["train_loss_last"] for row in run.rows if "train_loss_last" in row}


def fell(run: Run) -> int | None:
    """The first iteration whose accuracy has fallen."""
    values = accuracy(run)
    return next((number for number, value in values.items() if value < (1 - FALL) * values[min(values)]), None)


def band(verified: Run, signal: Signal) -> Limits:
    """How far a signal may move by the first rule."""
    changes = _changes(watched(verified, signal)).values()
    low, high = min(changes), max(changes)
    return low - MARGIN * (high - low), high + MARGIN * (high - low)


def own(run: Run, signal: Signal) -> Limits | None:
    """How far a signal may move by the second rule; nobody can tell if it begins with 0."""
    values = watched(run, signal)
    room = FALL * abs(values[min(values)])
    return (-room, room) if room else None


def warned(run: Run, signal: Signal, limits: Limits) -> int | None:
    """The first iteration in which a signal has moved further than it may."""
    low, high = limits
    for number, change in _changes(watched(run, signal)).items():
        if (change < low and signal.better != "lower") or (change > high and signal.better != "higher"):
            return number
    return None


def signals(runs: Sequence[Run]) -> list[Signal]:
    """Those that have values in all runs."""
    return [signal for signal in SIGNALS if all(watched(run, signal) for run in runs)]


def print_findings(runs: Sequence[Run]) -> None:
    """Print for each run when accuracy fell, what training loss did, and when each signal warned by each rule."""
    table = Table(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    for title in ("", "needs", *(run.name for run in runs)):
        table.add_column(Text(title), no_wrap=True)
    table.add_row("accuracy: base, last", "answers", *(_ends(accuracy(run)) for run in runs))
    table.add_row("accuracy fell", "", *(_at(fell(run)) for run in runs))
    table.add_row("training loss: first, last", "nothing", *(_ends(loss(run)) for run in runs))
    for rule in ("warned by the band", "warned by its own first value"):
        table.add_section()
        table.add_row(Text(rule, style="bold"))
        for signal in signals(runs):
            limits = (band(runs[0], signal) if rule == "warned by the band" else own(run, signal) for run in runs)
            cells = (_warning(run, signal, limit) for run, limit in zip(runs, limits, strict=True))
            table.add_row(signal.title, NEEDS[signal.part], *cells)
    console.print(table)
    console.print("the first iteration in which it did, and how many before accuracy fell")


def draw(runs: Sequence[Run], path: Path) -> None:
    """Panels of accuracy, training loss and signals, a line for each run; a ring where a signal warned, or accuracy
    fell. As a PNG."""
    panels = [
        Panel("held-out accuracy", [accuracy(run) for run in runs], [fell(run) for run in runs]),
        Panel("training loss, last step", [loss(run) for run in runs]),
    ]
    for signal in (BY_NAME[name] for name in DRAWN if BY_NAME[name] in signals(runs)):
        limits = band(runs[0], signal)
        lines, rings = [watched(run, signal) for run in runs], [warned(run, signal, limits) for run in runs]
        panels.append(Panel(signal.title, lines, rings))
    note = f"iteration (0 is the base model); ring: accuracy fell, or a signal left the band of {runs[0].name}"
    draw_panels([run.name for run in runs], panels, 4, note, path)


def main() -> int:
    """Print the table and draw the picture; returns the exit code."""
    what = "Which signals warn before held-out accuracy falls."
    return figure(what, "run directories, the verified one first", "collapse-", print_findings, draw)


def _changes(values: Values) -> Values:
    """The change since the first value; of that one itself it is 0."""
    return {number: value - values[min(values)] for number, value in values.items()}


def _ends(values: Values) -> str:
    return f"{values[min(values)]:.3f}, {values[max(values)]:.3f}"


def _at(number: int | None) -> str:
    return "never" if number is None else str(number)


def _warning(run: Run, signal: Signal, limits: Limits | None) -> str:
    if limits is None:
        return ""
    at, fallen = warned(run, signal, limits), fell(run)
    return _at(at) if at is None or fallen is None else f"{at} ({fallen - at:+d})"


if __name__ == "__main__":
    sys.exit(main())
