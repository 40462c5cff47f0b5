"""Licences of data sets that are known by their hub id, or by the SHA-256 of their files."""

from __future__ import annotations

from collections.abc import Iterable

MIT = "mit"
UNKNOWN = "unknown"
BY_HUB_ID = {
    "openai/gsm8k": MIT,
    "gsm8k": MIT,
    "tau/commonsense_qa": MIT,
    "commonsense_qa": MIT,
    "hendrycks/competition_math": MIT,
    "EleutherAI/hendrycks_math": MIT,
}
"""As their cards on the hub say."""
BY_SHA256 = {
    "17f347dc51477c50d4efb83959dbb7c56297aba886e5544ee2aaed3024813465": MIT,  # GSM8K, train.jsonl
    "3730d312f6e3440559ace48831e51066acaca737f6eabec99bccb9e4b3c39d14": MIT,  # GSM8K, test.jsonl
}
"""Files of https://github.com/openai/grade-school-math."""


def licence_of(source: str, revision: str | None) -> str:
    """The licence of a source of problems, by its hub id or by the hash of the file; `unknown` if it is not known.

    Args:
        source: a file, `HUB-ID/...`, or the name of a generator.
        revision: `SHA-256 ...` of the file, or `commit ...` of the hub data set.
    """
    kind, _, value = (revision or "").partition(" ")
    if kind == "SHA-256":
        return BY_SHA256.get(value, UNKNOWN)
    if kind == "commit":
        return next((licence for id, licence in BY_HUB_ID.items() if f"{source}/".startswith(f"{id}/")), UNKNOWN)
    return UNKNOWN


def common_licence(licences: Iterable[str]) -> str:
    """The one that all sources have, if they all have the same."""
    found = set(licences)
    return found.pop() if len(found) == 1 else UNKNOWN
