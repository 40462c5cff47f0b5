"""Puts runs side by side: `python scripts/compare.py RUN... [--out FILE.png]` (run directories, such as runs/NAME)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from star.console import console, errors
from star.errors import UserError
from star.report.compare import draw_comparison, load_runs, print_comparison


def main() -> int:
    """Print the table and, with `--out`, draw the picture; returns the exit code."""
    parser = argparse.ArgumentParser(description="Put runs side by side: a table and, with --out, a picture.")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a run directory, such as runs/arithmetic")
    parser.add_argument("--out", type=Path, metavar="FILE.png", help="draw the curves into this file")
    arguments = parser.parse_args()
    try:
        runs = load_runs(arguments.runs)
        print_comparison(runs)
        if arguments.out:
            draw_comparison(runs, arguments.out)
            console.print(f"picture: {arguments.out}", markup=False)
    except (UserError, OSError) as error:
        errors.print(f"error: {error}", markup=False)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
