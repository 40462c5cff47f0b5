"""Text in one form."""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"\w+|[^\w\s]")


def normalise(text: str) -> str:
    """NFKC, case-folded, runs of white space as one space.

    >>> normalise("  New\\u00a0York ")
    'new york'
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def words(text: str) -> list[str]:
    """The words of a text in one form: runs of letters and digits, and every other character but white space.

    >>> words("48/2 = $24,  he said")
    ['48', '/', '2', '=', '$', '24', ',', 'he', 'said']
    """
    return _WORD.findall(normalise(text))
