"""What nobody knows before a run, and `estimate.py` takes for granted unless it is told: a flag each."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any


def share(text: str) -> float:
    """A number from 0 to 1.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    return _number(text, "a share from 0 to 1", lambda value: 0 <= value <= 1)


def amount(text: str) -> float:
    """A number above 0.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    return _number(text, "a number above 0", lambda value: 0 < value < float("inf"))


def none_or_more(text: str) -> float:
    """A number that may be 0.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    return _number(text, "a number of at least 0", lambda value: 0 <= value < float("inf"))


def whole(text: str) -> int:
    """A whole number above 0.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    return int(_number(text, "a whole number above 0", lambda value: value >= 1 and value % 1 == 0))


def _number(text: str, what: str, fits: Callable[[float], bool]) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not fits(value):
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
    return value


def _share(help: str) -> Any:
    return field(default=0.5, metadata={"type": share, "help": f"{help} (0.5)"})


def _amount(help: str, type: Callable[[str], float] = amount) -> Any:
    return field(default=None, metadata={"type": type, "help": help})


@dataclass(frozen=True)
class Assumed:
    """What only a run knows; `None` is what the recipe and its data suggest."""

    solved: float = _share("share of the problems solved without a hint")
    rationalized: float = _share("share of the others solved with it")
    taught: float = _share("of several samples of a solved problem, share that is right, and of those one of each kind")
    completion: float | None = _amount("mean tokens of a completion; as the exemplars, or the worked solutions")
    drafts: float | None = _amount("problems in a completion that writes some; as many as it may write", none_or_more)
    writing: float | None = _amount("mean tokens of such a completion; those of so many problems")
    passed: float = _share("share of new problems that pass all checks but the vote")
    agreed: float = _share("share of those voted on whose answer the vote lets stand")
    lessons: float = _share("share of the lessons that pass their checks")
    pairs: float | None = _amount(
        "pairs for the verifier of a solved problem; what --taught and the recipe come to", none_or_more
    )


def add_flags(parser: argparse.ArgumentParser) -> None:
    """One for each of them."""
    for one in fields(Assumed):
        what = "SHARE" if one.metadata["type"] is share else "N"
        parser.add_argument(f"--{one.name}", metavar=what, default=one.default, **one.metadata)


def assumed_in(arguments: argparse.Namespace) -> Assumed:
    """What the flags say."""
    return Assumed(**{one.name: getattr(arguments, one.name) for one in fields(Assumed)})
