"""The one exception that is meant for the user, and how its message shows values. Imports only the standard library.

Everything a user can mend (a recipe, a data file, a model path, a run directory) raises `UserError`; the command line
prints its message without a traceback and exits with 2. Any other exception is a bug of ours and keeps its traceback.
"""

from __future__ import annotations

from star.secrets import redact


class UserError(ValueError):
    """What is wrong, where (file, key, line, id), the value, and what to do about it."""


def shown(value: object, limit: int = 120) -> str:
    """A value as a message shows it: its repr on one line, without secrets, cut where it is long."""
    return cut(repr(value), limit)


def reason(error: BaseException, limit: int = 300) -> str:
    """What another library says is wrong, on one line: the type of its error and the text."""
    return cut(f"{type(error).__name__}: {' '.join(str(error).split())}", limit)


def cut(text: str, limit: int) -> str:
    """The beginning of a text without secrets; hidden first, since half a token is too much."""
    text = redact(text)
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"
