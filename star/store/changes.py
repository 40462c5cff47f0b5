"""What may change under a run: which changes forbid to go on, and how the others are told and kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from star.errors import UserError
from star.recipe import NOT_DECIDING, ROUNDING, Recipe, difference

DECIDING = (
    "problems_sha256",
    "exemplars_sha256",
    "reference_sha256",
    "tether_files",
    "base_model_sha256",
    "verifier",
    "custom",
    "dtype",
)
"""Facts of `run.json` that decide results: a run is not continued with others. The rest (device, threads, number of
processes, versions) changes no more than how numbers are rounded, unless a library has changed its mind."""

WAYS_OUT = (
    "put it back to continue, or use --name NEW to start another run; "
    "--fork NEW --from-iteration N starts one from a finished iteration of this one"
)

Change = dict[str, Any]
"""`key`, `before`, `after`."""


def changed_keys(old: Recipe, new: Recipe, folder: Path, begun: Collection[int] = ()) -> list[Change]:
    """The keys of the recipe that differ from those that the run was started with, if it may go on with them.

    Args:
        begun: the iterations that there is anything of.

    Raises:
        UserError: one of them decides results.
    """
    changes = [Change(key=key, before=before, after=after) for key, before, after in difference(old, new)]
    classes = {change["key"]: _class(change["key"]) for change in changes}
    if decides := [key for key, told in classes.items() if not told] + _moved_verifier(old, new, begun):
        classes |= dict.fromkeys(decides, "")
        lines = [f"{_line(change)}{classes[change['key']]}" for change in changes]
        raise UserError("\n  ".join([f"{folder}: this run was started with another recipe:", *lines]) + f"\n{WAYS_OUT}")
    return [change for change in changes if change["key"] != "name"]


def _moved_verifier(old: Recipe, new: Recipe, begun: Collection[int]) -> list[str]:
    """`iterations`, if it decides whether one that has begun trains a verifier (`verifier.when: last`)."""
    if old.verifier is None or new.verifier is None:
        return []
    due = [(old.verifier.is_due(one, old.iterations), new.verifier.is_due(one, new.iterations)) for one in begun if one]
    return ["iterations"] if old.iterations != new.iterations and any(was != now for was, now in due) else []


def changed_facts(before: Mapping[str, Any], after: Mapping[str, Any], folder: Path) -> list[Change]:
    """The facts that are not as they were when the run began, or last went on, if it may go on with them.

    Raises:
        UserError: one of them decides results.
    """
    changes = [
        Change(key=key, before=before[key], after=after[key])
        for key in after
        if key in before and before[key] != after[key] and key != "recipe_sha256"
    ]
    if deciding := [_line(change) for change in changes if change["key"] in DECIDING]:
        title = f"{folder}: what this run stands on has changed since it began:"
        raise UserError("\n  ".join([title, *deciding]) + f"\n{WAYS_OUT}")
    return changes


def _class(key: str) -> str:
    """What is behind a changed key in the list; nothing when it decides results."""
    if key in NOT_DECIDING or key.split(".")[0] in NOT_DECIDING:
        return "   (decides no result)"
    return "   (changes nothing but rounding)" if key in ROUNDING else ""


def _line(change: Change) -> str:
    return f"{change['key']}: {change['before']!r} -> {change['after']!r}"
