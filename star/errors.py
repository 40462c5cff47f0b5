"""The one exception that is meant for the user, and how its message shows values. Imports only the standard library.

Everything a user can mend (a recipe, a data file, a model path, a run directory) raises `UserError`; the command line
prints its message without a traceback and exits with 2. Any other exception is a bug of ours and keeps its traceback.
"""

from __future__ import annotations

from star.secrets import redact


class UserError(ValueError):
    """What is wrong, where (file, key, line, id), the value, and what to do about it.

    Characters that cannot be seen, or would do something to a terminal, are written as Python writes them.
    """

    def __init__(self, message: str):
        super().__init__("".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in message))


class Complaints:
    """What is wrong in many places at once, each on a line of its own: how much it is, and the first of it."""

    SHOWN = 3

    def __init__(self) -> None:
        self.count, self.first = 0, []

    def add(self, complaint: str) -> None:
        """One more, which is kept if it is one of the first."""
        self.count += 1
        if len(self.first) < self.SHOWN:
            self.first.append(complaint)

    def __str__(self) -> str:
        more = [f"(and {self.count - self.SHOWN} more)"] if self.count > self.SHOWN else []
        return "\n  ".join([*self.first, *more])


def shown(value: object, limit: int = 120) -> str:
    """A value as a message shows it: its repr on one line, without secrets, cut where it is long."""
    try:
        return cut(repr(value), limit)
    except (RecursionError, ValueError):  # nested too deep, or a number of too many digits
        return f"a value of type {type(value).__name__}, too large to be shown"


def reason(error: BaseException, limit: int = 300) -> str:
    """What another library says is wrong, on one line: the type of its error and the text."""
    return cut(f"{type(error).__name__}: {' '.join(str(error).split())}", limit)


def cut(text: str, limit: int) -> str:
    """The beginning of a text without secrets; hidden first, since half a token is too much."""
    text = redact(text)
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"
