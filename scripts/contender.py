"""One side of a benchmark, in a process of its own: a line of JSON in, a line of JSON out."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


class Contender:
    """A process that answers requests, a line of JSON each: `python SCRIPT ARGUMENTS`, started at the root."""

    def __init__(self, python: str, script: str, *arguments: str):
        self.process = subprocess.Popen(
            [python, script, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The figures of one request: `seconds`, `tokens`, `peak_mib` and what else there is to know.

        Raises:
            SystemExit: the process ended.
        """
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("{"):  # engines print
                return json.loads(line)
        raise SystemExit(f"error: {self.process.args} ended with code {self.process.wait()}")

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()
