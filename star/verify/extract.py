"""Find the final answer in what a model wrote, by one rule: the first group of a pattern.

Text that states two different final answers has none. The `regex` library stops a pattern that backtracks forever.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

import regex

from star.errors import UserError
from star.verify.exact import normalise


class Extractor:
    """A compiled answer pattern.

    Raises:
        UserError: the pattern is not a regular expression, or has no group.
    """

    def __init__(self, pattern: str, timeout: float = 2.0):
        try:
            self.pattern = regex.compile(pattern)
        except regex.error as error:
            raise UserError(f"answer pattern {pattern!r} is not a regular expression: {error}") from None
        if self.pattern.groups < 1:
            raise UserError(f"answer pattern {pattern!r} has no group; put ( ) around the answer")
        self.timeout = timeout

    def __call__(self, text: str, canonical: Callable[[str], Hashable] = normalise) -> str | None:
        """The final answer, stripped; `None` if there is none or there are two that differ.

        Args:
            canonical: two answers are the same when this says the same of both, and it is not `None`.

        Raises:
            TimeoutError: the search took longer than `timeout` seconds.
        """
        matches = self.pattern.finditer(text, timeout=self.timeout)
        found = [answer for match in matches if (answer := (match[1] or "").strip())]
        meanings = {normalise(answer) if (meaning := canonical(answer)) is None else meaning for answer in found}
        return found[0] if len(meanings) == 1 else None
