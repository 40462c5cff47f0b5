"""The texts that ask a model to write, in files beside this one, and how they are filled in.

What fills a place is text and no more: it is not looked at for places in it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).parent / "templates"
_PLACE = re.compile(r"\{(\w+)\}")


def fill(name: str, **values: str) -> str:
    """The template of this name with `values` in its places."""
    return _PLACE.sub(lambda match: values[match[1]], _template(name))


@lru_cache
def _template(name: str) -> str:
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8").strip()
