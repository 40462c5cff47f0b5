"""`python scripts/compare_lm_eval.py OURS THEIRS`: two folders of lm-eval's results, problem by problem.

Exit code 1 if prompts or verdicts differ; see `check_lm_eval.sh`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import mean
from typing import Any


def samples(folder: Path) -> list[dict[str, Any]]:
    """The rows of the only file of samples below a folder, in the order of the problems."""
    [file] = folder.rglob("samples_*.jsonl")
    return sorted(map(json.loads, file.read_text(encoding="utf-8").splitlines()), key=lambda row: row["doc_id"])


def results(folder: Path) -> dict[str, Any]:
    """The only file of results below a folder."""
    [file] = folder.rglob("results_*.json")
    return json.loads(file.read_text(encoding="utf-8"))


def main(ours: Path, theirs: Path) -> int:
    """Compare, and print what was found."""
    pairs = list(zip(samples(ours), samples(theirs), strict=True))
    asked = sum(a["prompt_hash"] == b["prompt_hash"] and a["target"] == b["target"] for a, b in pairs)
    written = sum(a["resps"] == b["resps"] for a, b in pairs)
    judged = sum(a["acc"] == b["acc"] for a, b in pairs)
    for name, rows in zip(("ours", "lm-eval's"), zip(*pairs, strict=True), strict=True):
        print(f"{name}: accuracy {mean(row['acc'] for row in rows):.4f} of {len(rows)}")
    print(f"the same prompts: {asked}, texts: {written}, verdicts: {judged} of {len(pairs)}")
    (a,), (b,) = (results(folder)["results"].values() for folder in (ours, theirs))
    print(f"totals in the results: {a['acc,none']:.4f} +- {a['acc_stderr,none']:.4f}, "
          f"{b['acc,none']:.4f} +- {b['acc_stderr,none']:.4f}")  # fmt: skip
    return int(not asked == judged == len(pairs))


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
