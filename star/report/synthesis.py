"""What was trained on, of new problems: what became of what the model wrote, and how far answers that were voted on can
be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from star.report.blocks import Block, Table, numbers, style
from star.report.charts import (
    BLUE,
    BROWN,
    GREEN,
    GREY,
    LIGHT,
    LILAC,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    YELLOW,
    Chart,
    Series,
    amount,
    iteration_name,
    percent,
    percent_tick,
    short,
)
from star.report.load import RunFiles
from star.report.shapes import Synthesis

FATES = {
    "kept": ("kept", GREEN),
    "not_new": ("too much like another one", SKY),
    "protected": ("overlaps a protected text", PURPLE),
    "ill_formed": ("no question of the task", GREY),
    "not_in_document": ("not answered by its document", BLUE),
    "too_short": ("too short", LIGHT),
    "too_long": ("too long", LILAC),
    "cut_off": ("cut off", YELLOW),
    "no_agreement": ("the votes do not agree", ORANGE),
    "contradicted": ("the model gave another answer itself", VERMILION),
}
"""What can become of a question that the model wrote, as people read it, and its colour. In the order of the layers."""
ERRORS = {
    "estimated_error": "answers voted on that are wrong, by how many votes disagree",
    "true_error": "that are wrong, where the answer can be computed",
}
COLUMNS = ("written", "kept", "pool", "consensus", "again", "overturned", "retired", "reinstated")
"""Of the table, as in the metrics."""


def synthesis_blocks(runs: Sequence[RunFiles]) -> list[Block]:
    """For each run that writes new problems: what became of them, and of answers that were voted on."""
    blocks = []
    for place, run in enumerate(runs):
        found = {row["iteration"]: Synthesis(**row["synthesis"]) for row in run.rows if "synthesis" in row}
        if found:
            blocks.append(_block(found, run.rows, place, f"{run.name}: " if len(runs) > 1 else ""))
    return blocks


def _block(found: dict[int, Synthesis], rows: Sequence[dict[str, Any]], place: int, of: str) -> Block:
    charts = [_fates(found, f"run{place}written", f"{of}what became of the questions that the model wrote")]
    errors = _errors(found, f"run{place}consensus", f"{of}answers that were voted on")
    if not errors.is_empty:
        charts.append(errors)
    cells = [
        [str(number), *(f"{getattr(one, name):,}" for name in COLUMNS), *map(_share, (one.share, one.similarity))]
        for number, one in found.items()
    ]
    table = Table(f"{of}new problems", ["iteration", *COLUMNS, "yield", "ROUGE-L with the nearest"], cells)
    return Block(
        f"{of}New problems", _sentence(found, rows), charts, [*(numbers(one.title, [one]) for one in charts), table]
    )


def _fates(found: dict[int, Synthesis], key: str, title: str) -> Chart:
    counts = {number: {"kept": one.kept, **one.rejected} for number, one in found.items()}
    known = dict.fromkeys(FATES) | dict.fromkeys(name for one in counts.values() for name in one)
    series = [
        Series(text, color, values)
        for name in known
        for text, color in [FATES.get(name, (name, BROWN))]
        if any((values := {number: float(one.get(name, 0)) for number, one in counts.items()}).values())
    ]
    return Chart(key, title, series, amount, short, iteration_name, kind="bars")


def _errors(found: dict[int, Synthesis], key: str, title: str) -> Chart:
    series = [
        Series(text, values={n: v for n, one in found.items() if (v := getattr(one, name)) is not None}, **style(line))
        for line, (name, text) in enumerate(ERRORS.items())
    ]
    return Chart(key, title, series, percent, percent_tick, iteration_name, limits=(0.0, 1.02), last=max(found))


def _sentence(found: dict[int, Synthesis], rows: Sequence[dict[str, Any]]) -> str:
    """The last iteration in words."""
    number, one = list(found.items())[-1]
    says = f"Iteration {number}: {one.kept:,} of {one.written:,} questions were kept; {one.pool:,} are in use."
    if not one.consensus:
        return f"{says} Code computes their answers, or a document gives them.{_lessons(one)}"
    says += (
        f" Nobody knows the answers of {one.consensus:,} of them: most of several samples agree on them "
        f"({_share(one.agreement)} on average), which makes none of them true."
    )
    if one.again:
        changes = ", ".join(f"{getattr(one, name):,} {name}" for name in ("overturned", "retired", "reinstated"))
        says += f" {one.again:,} were voted on again: {changes}."
    tried = rows[-1].get("consensus", {})
    if tried.get("attempts"):
        says += f" {tried['agree']:,} of {tried['attempts']:,} attempts at them agree, which no other number counts."
    return f"{says}{_lessons(one)}"


def _lessons(one: Synthesis) -> str:
    """What became of the lessons, where there are any."""
    if one.lessons is None:
        return ""
    found = one.lessons.rejected.items()
    why = ", ".join(f"{count:,} {FATES.get(name, (name.replace('_', ' '), ''))[0]}" for name, count in found)
    return f" Of {one.lessons.written:,} lessons, {one.lessons.kept:,} were kept{f' ({why})' if why else ''}."


def _share(value: float | None) -> str:
    return "" if value is None else percent(value)
