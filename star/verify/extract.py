"""Find the final answers that a text states, by one rule: the first group of a pattern.

The `regex` library stops a pattern that backtracks forever.
"""

from __future__ import annotations

import regex

from star.errors import UserError, shown


class Extractor:
    """A compiled answer pattern.

    Raises:
        UserError: the pattern is not a regular expression, or has no group.
    """

    def __init__(self, pattern: str, timeout: float = 2.0):
        try:
            self.pattern = regex.compile(pattern)
        except (regex.error, RecursionError) as error:
            raise UserError(f"answer pattern {shown(pattern)} is not a regular expression: {error}") from None
        if self.pattern.groups < 1:
            raise UserError(f"answer pattern {shown(pattern)} has no group; put ( ) around the answer")
        self.timeout = timeout

    def __call__(self, text: str) -> list[str]:
        """The final answers that `text` states, stripped, each once, in order; more than one may still mean the same.

        Raises:
            TimeoutError: the search took longer than `timeout` seconds.
        """
        matches = self.pattern.finditer(text, timeout=self.timeout)
        return list(dict.fromkeys(answer for match in matches if (answer := (match[1] or "").strip())))

    def without(self, text: str) -> str:
        """`text` without the final answers it states.

        Raises:
            TimeoutError: the search took longer than `timeout` seconds.
        """
        return self.pattern.sub(" ", text, timeout=self.timeout)
