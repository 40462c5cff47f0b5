"""How was it made? What a run stands on, with hashes, and the commands that make it again and check it."""

from __future__ import annotations

import json
import shlex
from typing import Any, NamedTuple

from star.report.blocks import Table
from star.report.load import RunFiles

SHOWN_APART = ("versions", "data_files", "changes", "parent")
"""Facts of `run.json` with a table of their own."""


class Origin(NamedTuple):
    """Of one run."""

    run: str
    commands: list[tuple[str, str]]
    tables: list[Table]
    recipe: str


def origin(run: RunFiles) -> Origin:
    """What to type, what the run stands on, and its recipe."""
    facts, more = run.facts, run.facts.model_extra or {}
    tables = [
        Table("what it stands on", ("fact", "value"), [(name, _text(value)) for name, value in sorted(more.items())]),
        Table("versions", ("package", "version"), sorted(facts.versions.items())),
        Table("data files", ("file", "SHA-256, or commit on the hub"), sorted(facts.data_files.items())),
        Table("adapters", ("iteration", "SHA-256"), [(str(n), sha) for n, sha in run.adapters.items()]),
        Table("fork of", ("fact", "value"), [(name, _text(value)) for name, value in sorted(facts.parent.items())]),
        Table(
            "what changed since it began",
            ("from iteration", "what", "before", "after"),
            [[_text(change.get(key)) for key in ("iteration", "key", "before", "after")] for change in facts.changes],
        ),
    ]
    return Origin(run.name, _commands(run), [table for table in tables if table.rows], run.recipe)


def _commands(run: RunFiles) -> list[tuple[str, str]]:
    """What each command is for, and the command, to be given beside the folder of the runs."""
    place, again = run.place, f"{run.name.rpartition('/')[2]}-again"
    make = ["star", "run", f"{place}/recipe.yaml", "--name", again]
    if parent := run.facts.parent:
        begun = str(parent.get("run", "")).rpartition("/")[2]
        make = [*make[:4], begun, "--fork", again, "--from-iteration", str(parent.get("iteration", 0))]
    if (folder := place.rpartition("/")[0]) != "runs":
        make += ["--runs", folder]
    return [
        ("make it again", shlex.join(make)),
        ("check that every file is what was written", shlex.join(["star", "verify-run", place])),
        ("write this page again", shlex.join(["star", "report", place])),
    ]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
