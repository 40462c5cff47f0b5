"""What nobody may read in a message, a log or a file: tokens of the environment, and credentials in a URL.

Imports only the standard library, as `errors.py`, which cuts values and must hide secrets before it cuts.
"""

from __future__ import annotations

import os
import re

SECRET_NAME = re.compile(r"(?:^|_)(?:TOKEN|API_?KEY|ACCESS_KEY|SECRET|PASSWORD)$", re.IGNORECASE)
"""Names of environment variables that hold a secret, as HF_TOKEN, WANDB_API_KEY or AWS_SECRET_ACCESS_KEY."""
SHORTEST = 8
"""Shorter values are settings (`HF_HUB_DISABLE_IMPLICIT_TOKEN=1`), and would hide half of a message."""
IN_URL = re.compile(r"(?<=://)[^/?#\s]+@")
"""User and password of a URL, with the `@` behind them."""
HIDDEN = "***"


def redact(text: str) -> str:
    """The text with every secret replaced by `***`."""
    for value in sorted(_secrets().values(), key=len, reverse=True):  # one may be a part of another
        text = text.replace(value, HIDDEN)
    return IN_URL.sub(f"{HIDDEN}@", text)


def secret_in(text: str) -> str | None:
    """What kind of secret a text holds, without the secret; `None` if it holds none."""
    for name, value in _secrets().items():
        if value in text:
            return f"the value of the environment variable {name}"
    return "credentials in a URL" if IN_URL.search(text) else None


def _secrets() -> dict[str, str]:
    """As they are sent: without the line end that a file may have given them."""
    stripped = ((name, value.strip()) for name, value in os.environ.items() if SECRET_NAME.search(name))
    return {name: value for name, value in stripped if len(value) >= SHORTEST}
