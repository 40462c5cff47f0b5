"""What was it trained on? What became of each attempt, and where the training examples come from."""

from __future__ import annotations

from collections.abc import Sequence

from star.report.blocks import Block, Table, numbers
from star.report.charts import (
    BLUE,
    BROWN,
    DARK,
    GREEN,
    GREY,
    INK,
    LIGHT,
    LILAC,
    ORANGE,
    PURPLE,
    SKY,
    TEAL,
    VERMILION,
    YELLOW,
    Chart,
    Series,
    amount,
    iteration_name,
    short,
)
from star.report.load import RunFiles

OUTCOMES = {
    "trained": ("trained on", GREEN),
    "duplicate": ("right, but a duplicate", SKY),
    "near_duplicate": ("right, but nearly a duplicate", BLUE),
    "same_equations": ("right, but with the equations of another", SKY),
    "unsound": ("right, but a step is wrong", VERMILION),
    "under_threshold": ("right, but too many steps are wrong", VERMILION),
    "cut_off": ("right, but cut off", YELLOW),
    "quality": ("right, but ranked low", TEAL),
    "per_problem": ("right, but one of many of its problem", ORANGE),
    "balance": ("right, but drawn out for balance", BROWN),
    "rationalized_share": ("right, but too many are rationalized", LILAC),
    "consensus_share": ("right, but too many answers were voted on", INK),
    "contaminated": ("right, but overlaps a protected text", PURPLE),
    "outvoted": ("outvoted", LIGHT),
    "wrong": ("wrong", LIGHT),
    "no_answer": ("no answer", GREY),
    "timeout": ("not verified in time", DARK),
    "error": ("not verified: error", INK),
}
"""What can become of an attempt: as people read it, and its colour. In the order of the layers."""

SOURCES = {
    "plain": ("plain rationales", GREEN),
    "hinted": ("rationalized", ORANGE),
    "consensus": ("plain rationales for answers that were voted on", VERMILION),
    "carried": ("carried over", SKY),
    "lessons": ("lessons", TEAL),
    "replayed": ("replayed", BLUE),
    "real": ("written by people", PURPLE),
}
"""Where training examples come from."""


KINDS = ("plain", "hinted", "consensus")
"""Of attempts; `consensus` are those at problems whose answer was voted on."""


def training_blocks(runs: Sequence[RunFiles]) -> list[Block]:
    """For each run, attempts by what became of them, plain and hinted ones, and examples by where they come from."""
    return [_block(run, place, run.name if len(runs) > 1 else "") for place, run in enumerate(runs)]


def reason(name: str) -> str:
    """A reason of rejection, as people read it."""
    return OUTCOMES.get(name, (name, GREY))[0]


def _block(run: RunFiles, place: int, title: str) -> Block:
    of = f"{title}: " if title else ""
    funnels = {row["iteration"]: row["funnel"] for row in run.rows if any(row.get("funnel", {}).values())}
    if not funnels:
        return Block(title, "This run kept no count of what became of its attempts.")
    charts = [
        _bars(
            f"run{place}{kind}",
            f"{of}what became of {kind} attempts",
            OUTCOMES,
            {n: f.get(kind, {}) for n, f in funnels.items()},
        )
        for kind in KINDS
    ]
    sources = {number: _sources(funnel) for number, funnel in funnels.items()}
    charts.append(_bars(f"run{place}sources", f"{of}where examples come from", SOURCES, sources))
    charts = [chart for chart in charts if not chart.is_empty]
    tables = [*_sweep(run), *(numbers(chart.title, [chart]) for chart in charts)]
    return Block(title, f"{_sentence(funnels)}{_removed(run)}{_ranked(run)}", charts, tables)


def _sources(funnel: dict) -> dict[str, int]:
    return {name: found.get("trained", 0) if isinstance(found, dict) else found for name, found in funnel.items()}


def _bars(key: str, title: str, names: dict[str, tuple[str, str]], counts: dict[int, dict[str, int]]) -> Chart:
    known = dict.fromkeys(names) | dict.fromkeys(name for one in counts.values() for name in one if name != "sampled")
    series = [
        Series(text, color, values)
        for name in known
        for text, color in [names.get(name, (name, GREY))]
        if any((values := {number: float(one.get(name, 0)) for number, one in counts.items()}).values())
    ]
    return Chart(key, title, series, amount, short, iteration_name, kind="bars")


def _sentence(funnels: dict[int, dict]) -> str:
    """The last iteration's way from sampled to trained on."""
    number, funnel = list(funnels.items())[-1]
    parts = []
    for kind in KINDS:
        counts = funnel.get(kind, {})
        if sampled := counts.get("sampled", 0):
            parts.append(f"{counts.get('trained', 0):,} of {sampled:,} {kind} attempts were trained on")
    more = [
        f"{funnel[name]:,} {SOURCES[name][0]}"
        for name in ("carried", "lessons", "replayed", "real")
        if funnel.get(name)
    ]
    beside = f"; beside them {', '.join(more)}" if more else ""
    return f"Iteration {number}: {'; '.join(parts) or 'nothing was sampled'}{beside}."


def _sweep(run: RunFiles) -> list[Table]:
    """What each iteration chose, where the recipe has a sweep."""
    header = ("iteration", "temperature", "threshold", "balance score", "samples")
    rows = [
        (str(row["iteration"]), f"{found['temperature']:g}", f"{found['threshold']:g}", f"{found['score']:.3f}",
         f"{found['samples']:,}")
        for row in run.rows
        if (found := row.get("sweep"))
    ]  # fmt: skip
    return [Table("how each iteration chose to sample (sweep)", header, rows)] if rows else []


def _removed(run: RunFiles) -> str:
    """What was left out because it overlaps held-out problems or protected texts, if anything was."""
    problems = max((audit.contamination.get("problems_removed", 0) for audit in run.audits.values()), default=0)
    texts = sum(audit.contamination.get("texts_removed", 0) for audit in run.audits.values())
    parts = [f"{count:,} {name}" for count, name in ((problems, "problems"), (texts, "texts")) if count]
    return f" Left out, since they overlap held-out or protected ones: {' and '.join(parts)}." if parts else ""


def _ranked(run: RunFiles) -> str:
    """What the last iteration's quality filter knew and did, if it has one."""
    found = [(row["iteration"], row["quality"]) for row in run.rows if row.get("quality")]
    if not found:
        return ""
    number, quality = found[-1]
    if quality["refused"]:
        return f" The quality filter of iteration {number} dropped nothing: {quality['refused']}."
    within = quality["auc_within"]
    of_one = f", {within:.3f} among rationales of one problem" if within is not None else ""
    return (
        f" The quality filter of iteration {number} ranked {quality['candidates']:,} rationales and dropped "
        f"{quality['low']:,}: at held-out problems its AUC is {quality['auc']:.3f}{of_one} (0.5 is chance)."
    )
