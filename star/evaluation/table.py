"""An evaluation on the console."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from star.console import console
from star.evaluation.score import Evaluation
from star.report.table import in_order, printable
from star.scores import SEVERAL

HEADER = ("prompts", "group", "right", "of", "accuracy %", "95% interval", "right with a wrong step")


def print_evaluation(evaluation: Evaluation) -> None:
    """Print the accuracy of all problems and of each group; where there are several samples, what k of them give."""
    results = evaluation.results
    console.print(
        f"{results['model']} of {results['base_model']}, {results['problems']} held-out problems of {results['task']}",
        markup=False,
    )
    table = Table(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    for name in HEADER:
        table.add_column(name, justify="left" if name in HEADER[:2] else "right")
    for mode, scores in sorted(results["scores"].items()):
        for cells in _rows(mode, scores):
            table.add_row(*map(Text, cells))
    console.print(table, soft_wrap=False)
    for mode, scores in sorted(results["scores"].items()):
        for kind, title in SEVERAL.items():
            if shares := scores.get(kind):
                shown = ", ".join(f"k = {k}: {100 * shares[k]:.1f}" for k in sorted(shares, key=int))
                console.print(f"{mode}, {title} %: {shown}", markup=False)
    if ranked_by := results.get("ranked_by"):
        decoding = results["best_of_decoding"]
        console.print(
            f"ranked by the verifier of {ranked_by['model']}: {decoding['samples']} samples of each problem, "
            f"at temperature {decoding['temperature']}",
            markup=False,
        )
    console.print(f"results: {evaluation.folder / 'results.json'}", markup=False)


def _rows(mode: str, scores: dict[str, Any]) -> Iterator[list[str]]:
    groups = scores["groups"] if set(scores["groups"]) != {"all"} else {}
    for name in ("all", *sorted(groups, key=in_order)):
        found = groups[name] if name in groups else scores["all"]
        interval = f"{100 * found['low']:.1f} to {100 * found['high']:.1f}"
        counts = (found["correct"], found["total"], f"{100 * found['accuracy']:.1f}", interval)
        yield [mode, printable(name), *map(str, counts), str(found["false_positives"])]
