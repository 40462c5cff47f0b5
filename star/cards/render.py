"""Markdown from templates, with text from outside kept from being anything else."""

from __future__ import annotations

import json
import re
from typing import Any

from star.recipe import Recipe
from star.report.table import printable

_SPECIAL = re.compile(r"([\\`*\[\]|~$])")
"""Characters that mean something to Markdown in the middle of a line."""


def render(template: str, **values: Any) -> str:
    """The template beside this file, filled in. Text goes through a filter: `text`, `code`, `block` or `yaml`."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("star", "cards"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "text": text,
        "code": code,
        "block": block,
        "yaml": yaml,
        "number": number,
        "percent": percent,
    }
    return environment.get_template(template).render(values)


def text(value: object) -> str:
    """Words on one line, in which nothing is markup."""
    escaped = printable(str(value)).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", escaped)


def code(value: object) -> str:
    """A value on one line, as code; in a table too."""
    return f"`{printable(str(value)).replace('`', chr(39)).replace('|', chr(92) + '|')}`"


def block(value: object) -> str:
    """A text of several lines, as code: indented, so that nothing in it can end it."""
    return "\n".join(f"    {printable(line)}" for line in str(value).split("\n"))


def yaml(value: object) -> str:
    """A word of the metadata: JSON, which YAML reads."""
    return json.dumps(printable(str(value)), ensure_ascii=False)


def number(value: float) -> str:
    """A count with thousands separated, or a number of four significant digits."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def of(part: int, whole: int) -> str:
    """`3 of 4 (75.0%)`."""
    return f"{part:,} of {whole:,} ({percent(part / whole)})" if whole else "none"


def base_name(recipe: Recipe | None, recorded: str) -> tuple[str, bool]:
    """What the base model is called where its folder is not known, and whether that is the id of a hub model.

    Args:
        recorded: what the run calls it: a hub id, or a folder.
    """
    built = recipe is not None and recipe.model.path is None
    local = built or recorded.startswith((".", "/", "~")) or recorded.count("/") > 1
    return (recorded.rstrip("/").rpartition("/")[2], False) if local else (recorded, True)
