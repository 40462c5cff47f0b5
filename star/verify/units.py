"""Units that may stand behind a value: `5 cm`, `5\\text{ cm}^2`, `30^\\circ`."""

from __future__ import annotations

import re
from collections.abc import Sequence

DEGREE, DOLLAR = "degree", "dollar"
_TRIGONOMETRY = re.compile(r"sin|cos|tan|cot|sec|csc")


class Units:
    """A list of units, each one name or several for the same, as `cm|centimeter|centimeters`.

    Args:
        letters: whether a name of one letter is a unit outside of `\\text{}` too: not where `5 m` is a product.
    """

    def __init__(self, units: Sequence[str], letters: bool = False):
        self.entries = tuple(units)
        self.unit_of = {" ".join(name.casefold().split()): entry for entry in units for name in entry.split("|")}
        names = sorted(self.unit_of, key=len, reverse=True)
        every, plain = (
            "|".join(re.escape(name) for name in some) for some in (names, [n for n in names if letters or len(n) > 1])
        )
        self._pattern = re.compile(
            rf"""(?:
                \\(?:text|mathrm|textrm|mbox)\s*\{{\s*(?P<latex>{every or "(?!)"})\.?\s*\}}
              | (?<=[\d}})\s])(?P<plain>{plain or "(?!)"})
              | (?P<degree>\^\s*\\circ|\^\s*\{{\s*\\circ\s*\}}|\\degree|°)
            )(?P<power>\s*\^\s*(?:\{{\s*\d\s*\}}|\d)|[²³])?\.?\Z""",
            re.VERBOSE | re.IGNORECASE,
        )
        self._longest = max(map(len, names), default=0) + 40

    def split(self, text: str) -> tuple[str, str | None]:
        """A value and its unit (power included), or the whole text and `None`. A text that is only a unit has none.
        An amount behind `\\$` is in dollars.

        >>> Units(["cm|centimeters"]).split("5 centimeters")
        ('5', 'cm|centimeters')
        """
        start = max(0, len(text) - self._longest)
        match = self._pattern.search(text, start)
        value = text[: match.start()].rstrip().removesuffix("\\").rstrip() if match else ""
        if not value:
            return text, self.unit_of.get(DOLLAR) if text.startswith(r"\$") else None
        if match["degree"]:
            if _TRIGONOMETRY.search(value):
                return text, None
            return value, self.unit_of.get(DEGREE, DEGREE)
        unit = self.unit_of[" ".join((match["latex"] or match["plain"]).casefold().split())]
        power = re.sub(r"\D", "", (match["power"] or "").replace("²", "2").replace("³", "3"))
        return value, f"{unit}^{power}" if power else unit
