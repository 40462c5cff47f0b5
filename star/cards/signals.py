"""The audit of an iteration, as cards show it."""

from __future__ import annotations

from typing import Any, NamedTuple

from star.audit.signals import SIGNALS, Signal
from star.cards.render import number, percent


class Line(NamedTuple):
    """One signal in words."""

    title: str
    value: str
    meaning: str


def signal_lines(audit: dict[str, Any] | None) -> list[Line]:
    """All signals that an iteration's `audit.json` has a value of."""
    values = (audit or {}).get("signals", {})
    return [
        Line(signal.title, _value(signal, value), signal.meaning)
        for signal in SIGNALS
        if (value := values.get(signal.name)) is not None
    ]


def _value(signal: Signal, value: float) -> str:
    if signal.unit == "share":
        return percent(value)
    return f"{number(value)}{f' {signal.unit}' if signal.unit in ('bits', 'words') else ''}"
