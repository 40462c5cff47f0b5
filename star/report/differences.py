"""In which recipe keys runs differ, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from star.console import console
from star.errors import UserError, shown
from star.recipe import Recipe, difference, load_recipe
from star.report.table import printable
from star.store.run import RECIPE

SHOWN = 20
"""Keys, at most: with more, the runs have little in common."""
LONGEST = 40
"""Characters of a value."""


def differing_keys(recipes: Sequence[Recipe]) -> dict[str, list[Any]]:
    """Dotted key -> its value in each recipe, in their order, of all keys but `name` that are not the same in all."""
    first: dict[str, Any] = {}
    changed = []
    for recipe in recipes:
        found = difference(recipes[0], recipe)
        first |= {key: value for key, value, _ in found}
        changed.append({key: value for key, _, value in found})
    return {key: [new.get(key, first[key]) for new in changed] for key in sorted(first) if key != "name"}


def print_differences(folders: Sequence[Path], names: Sequence[str], to: Console = console) -> None:
    """Print the keys in which the recipes of these runs differ, under the names of the runs."""
    recipes, readable = [], []
    for folder, name in zip(folders, names, strict=True):
        try:
            recipes.append(load_recipe(folder / RECIPE))
            readable.append(name)
        except UserError as error:
            to.print(f"settings are not compared with those of {name}: {error}", markup=False)
    if len(recipes) < 2:
        return
    differing = differing_keys(recipes)
    if not differing:
        to.print("no recipe key differs", markup=False)
        return
    table = Table(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    table.add_column("recipe key")
    for name in readable:
        table.add_column(Text(name), overflow="fold")
    for key, values in list(differing.items())[:SHOWN]:
        table.add_row(Text(printable(key)), *(Text(printable(shown(value, LONGEST))) for value in values))
    to.print(table, soft_wrap=False)
    if len(differing) > SHOWN:
        to.print(f"and {len(differing) - SHOWN} keys more; recipe.yaml of each run has them", markup=False)
