"""Writes docs/recipe.md, the recipe reference, from the docstrings in `star/recipe/`.

python scripts/recipe_reference.py           write it
python scripts/recipe_reference.py --check   exit 1 if it is out of date
"""

from __future__ import annotations

import sys
import typing
from pathlib import Path

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from star.recipe import Recipe, Section

PAGE = Path(__file__).parent.parent / "docs" / "recipe.md"
HEAD = """\
<!-- made by scripts/recipe_reference.py from star/recipe/: do not edit -->
# Recipes

A recipe is a YAML file; `key=value` on the command line changes any key of it, as `train.lr=3e-4`. With
`extends: OTHER.yaml` (a path from the recipe's own folder) it holds only what differs from another one.
`star run RECIPE --dry-run` checks all of it: errors come at once, with file, line, key, value and the nearest key.
"""


def reference() -> str:
    """The whole reference, as Markdown: a table for each section."""
    return "\n".join([HEAD.rstrip(), *_tables(Recipe, "")]) + "\n"


def _tables(section: type[Section], prefix: str) -> list[str]:
    title = f"`{prefix.rstrip('.')}`" if prefix else "top level"
    lines = [f"\n## {title}\n"]
    if prefix:
        lines.append(f"{_one_line(section.__doc__ or '')}\n")
    lines += ["| key | default | what it does |", "|---|---|---|"]
    nested: list[str] = []
    for name, field in section.model_fields.items():
        key = f"{prefix}{name}"
        lines.append(f"| `{key}` | {_default(field)} | {_one_line(field.description or '')} |")
        for inner in _sections(field.annotation):
            if field.discriminator == "kind":
                nested += _kind_tables(inner, f"{key}.")
            else:
                nested += _tables(inner, f"{key}.")
    return [*lines, *nested]


def _kind_tables(section: type[Section], prefix: str) -> list[str]:
    kind = typing.get_args(section.model_fields["kind"].annotation)[0]
    lines = _tables(section, prefix)
    lines[0] = f"\n## `{prefix.rstrip('.')}` with `kind: {kind}`\n"
    return lines


def _sections(annotation: object) -> list[type[Section]]:
    options = typing.get_args(annotation) or (annotation,)
    return [option for option in options if isinstance(option, type) and issubclass(option, Section)]


def _default(field: typing.Any) -> str:
    if field.default is PydanticUndefined:
        return "required"
    if isinstance(field.default, BaseModel):
        return "see below"
    if field.default is None:
        return ""
    shown = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
    return f"`{shown!r}`" if isinstance(field.default, str) and "\n" in shown else f"`{_escape(shown)}`"


def _one_line(text: str) -> str:
    return _escape(" ".join(text.split()))


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "\\n")


def main() -> int:
    """Write the page, or only compare."""
    if "--check" in sys.argv[1:]:
        return int(not PAGE.exists() or PAGE.read_text(encoding="utf-8") != reference())
    PAGE.write_text(reference(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
