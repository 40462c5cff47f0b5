"""Text in one form."""

from __future__ import annotations

import unicodedata


def normalise(text: str) -> str:
    """NFKC, case-folded, runs of white space as one space.

    >>> normalise("  New\\u00a0York ")
    'new york'
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
