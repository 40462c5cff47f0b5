"""Writes the recipe reference into README.md, from the docstrings in `star/recipe/`.

python scripts/recipe_reference.py           rewrite the part of README.md between its two marker comments
python scripts/recipe_reference.py --check   exit 1 if that part is out of date
"""

from __future__ import annotations

import sys
import typing
from pathlib import Path

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from star.recipe import Recipe, Section

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- recipe reference: made by scripts/recipe_reference.py -->", "<!-- end of the recipe reference -->"


def reference() -> str:
    """The whole reference, as Markdown: a table for each section."""
    return "\n".join(_tables(Recipe, ""))


def _tables(section: type[Section], prefix: str) -> list[str]:
    title = f"`{prefix.rstrip('.')}`" if prefix else "top level"
    lines = [f"\n#### {title}\n"]
    if prefix:
        lines.append(f"{_one_line(section.__doc__ or '')}\n")
    lines += ["| key | default | what it does |", "|---|---|---|"]
    nested: list[str] = []
    for name, field in section.model_fields.items():
        key = f"{prefix}{name}"
        lines.append(f"| `{key}` | {_default(field)} | {_one_line(field.description or '')} |")
        for inner in _sections(field.annotation):
            if name == "task":
                nested += _task_tables(inner, typing.get_args(inner.model_fields["kind"].annotation)[0])
            else:
                nested += _tables(inner, f"{key}.")
    return [*lines, *nested]


def _task_tables(section: type[Section], kind: str) -> list[str]:
    lines = _tables(section, "task.")
    lines[0] = f"\n#### `task` with `kind: {kind}`\n"
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
    """Rewrite the README, or only compare."""
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    wanted = f"{before}{BEGIN}\n{reference()}\n\n{END}{after}"
    if "--check" in sys.argv[1:]:
        return int(wanted != text)
    README.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
