"""The HTML page and the PNG of the accuracy curve."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from star.files import write_text
from star.report.table import group_names, load_metrics, main_mode, printable, table_rows
from star.report.times import activity_table, stage_table


def write_report(folder: Path) -> Path:
    """Write `report/index.html` and `report/accuracy.png` of the run in `folder`; returns the page's path.

    Reads only `recipe.yaml` and `metrics.jsonl`. All text from outside is escaped.
    """
    from jinja2 import Environment, PackageLoader

    rows = load_metrics(folder)
    report = folder / "report"
    report.mkdir(exist_ok=True)
    if rows:
        draw_curve(rows, report / "accuracy.png")
    environment = Environment(loader=PackageLoader("star", "report"), autoescape=True, trim_blocks=True)
    page = environment.get_template("page.html.j2").render(
        name=folder.name,
        work=table_rows(rows) if rows else None,
        activities=activity_table(rows),
        stages=stage_table(rows),
        recipe=(folder / "recipe.yaml").read_text(encoding="utf-8", errors="replace"),
        version=max((folder / "metrics.jsonl").stat().st_mtime_ns, 0) if rows else 0,
    )
    write_text(report / "index.html", page)
    return report / "index.html"


def draw_curve(rows: list[dict[str, Any]], path: Path) -> None:
    """Held-out accuracy over iterations, a line for each group with its 95% interval, as a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import MaxNLocator

    figure, axes = pyplot.subplots(figsize=(7.5, 4.2), dpi=140)
    for name in group_names(rows):
        points = [(row["iteration"], row["accuracy"][main_mode(row)]["groups"].get(name)) for row in rows]
        points = [(x, score) for x, score in points if score]
        x = [point[0] for point in points]
        (line,) = axes.plot(
            x, [100 * score["accuracy"] for _, score in points], marker="o", markersize=4, label=printable(name)
        )
        low, high = ([100 * score[end] for _, score in points] for end in ("low", "high"))
        axes.fill_between(x, low, high, alpha=0.13, color=line.get_color(), linewidth=0)
    axes.set(xlabel="iteration (0 is the base model)", ylabel="held-out accuracy, %", ylim=(-2, 102))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.25)
    legend = axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    for text in legend.get_texts():
        text.set_parse_math(False)  # `$` is a character of a name
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    partial = path.with_suffix(".tmp.png")
    figure.savefig(partial, bbox_inches="tight", metadata={"Software": None})
    pyplot.close(figure)
    partial.rename(path)
