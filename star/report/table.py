"""Accuracy per iteration and group, as rows; printed on the console and shown on the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from star.audit.verdict import findings, summary
from star.console import console
from star.files import read_rows
from star.report.shapes import MetricsRow, read_as

WORK = ("solved", "rationalized", "false positives", "examples", "minutes")
"""Columns about the work of an iteration; see `star/metrics.py`."""


def load_metrics(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's `metrics.jsonl`; none if no iteration is finished.

    Raises:
        UserError: it is damaged.
    """
    path = folder / "metrics.jsonl"
    rows = read_rows(path) if path.exists() else []
    for number, row in enumerate(rows, 1):
        read_as(MetricsRow, row, f"{path}:{number}: damaged line", "; the next `star run` writes it anew")
    return rows


def main_mode(row: dict[str, Any]) -> str:
    """The evaluation mode that tables and curves show: few-shot where both were run."""
    return min(row["accuracy"])


def group_names(rows: list[dict[str, Any]]) -> list[str]:
    """All groups, those with numbers in numeric order."""
    names = {name for row in rows for name in row["accuracy"][main_mode(row)]["groups"]}
    return sorted(names, key=in_order)


def in_order(name: str) -> tuple[int, str]:
    """Sorts groups: those with numbers in numeric order, after the others."""
    return (int(number) if (number := name.split(" ")[0]).isdecimal() else -1, name)


def printable(name: str) -> str:
    """A group's name from somebody's data, on one line and without what a terminal would obey."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in name)


def table_rows(
    rows: list[dict[str, Any]], by_group: bool = True, work: bool = True
) -> tuple[list[str], list[list[str]]]:
    """Header and cells: a line for each iteration and evaluation mode. The mode is named where there are several.

    Args:
        by_group: whether to show the accuracy of each problem group.
        work: whether to show `WORK`.
    """
    groups = group_names(rows)
    shown_groups = groups if by_group and groups != ["all"] else []
    several = len({mode for row in rows for mode in row["accuracy"]}) > 1
    header = [
        "iteration",
        *(["evaluated"] if several else []),
        "all",
        *map(printable, shown_groups),
        *(WORK if work else []),
    ]
    cells = []
    for row in rows:
        for mode, scores in sorted(row["accuracy"].items()):
            label = str(row["iteration"]) if row["iteration"] else "base"
            shown = [scores["all"], *(scores["groups"].get(name) for name in shown_groups)]
            cells.append([label, *([mode] if several else []), *map(_percent, shown), *(_work(row) if work else [])])
    return header, cells


def print_table(folder: Path) -> None:
    """Print the accuracy of every finished iteration: as much of the table as the console is wide."""
    rows = load_metrics(folder)
    if not rows:
        console.print("no iteration is finished yet")
        return
    for by_group, work in ((True, True), (True, False), (False, True)):
        header, cells = table_rows(rows, by_group, work)
        if sum(max(map(len, column)) + 2 for column in zip(header, *cells, strict=True)) <= console.width:
            break
    caption = None if by_group and work else "more columns are in the report"
    table = Table(
        title="held-out accuracy, %", caption=caption, box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False
    )
    for name in header:
        table.add_column(Text(name), justify="left" if name in ("iteration", "evaluated") else "right", no_wrap=True)
    for line in cells:
        table.add_row(*line)
    console.print(table, soft_wrap=False)


def print_verdict(folder: Path) -> None:
    """Print what the signals of the audit amount to, and what to do about those that are not fine."""
    found = findings(load_metrics(folder))
    if found:
        console.print(f"can it be trusted? {summary(found)[1]}", markup=False)
    for finding in found:
        if finding.level != "fine":
            console.print(f"  {finding.level}: {finding.says} {finding.do}", markup=False)


def _work(row: dict[str, Any]) -> list[str]:
    minutes = f"{sum(row['seconds'].values()) / 60:.1f}"
    if row["iteration"] == 0:
        return ["", "", "", "", minutes]
    if "solved" not in row:  # `method: direct` samples nothing
        return ["", "", "", str(row["examples"]), minutes]
    solved, rationalized = f"{row['solved']}/{row['problems']}", f"{row['rationalized']}/{row['hinted']}"
    wrong, checkable = (sum(row.get(key, {}).values()) for key in ("false_positives", "checkable"))
    return [solved, rationalized, f"{wrong}/{checkable}", str(row["examples"]), minutes]


def _percent(score: dict[str, Any] | None) -> str:
    return "" if score is None else f"{100 * score['accuracy']:.1f}"
