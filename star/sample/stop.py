"""Stop strings: cut exactly, also when one spans several tokens or ends inside a token."""

from __future__ import annotations

from typing import Any


class StopStrings:
    """Finds where a text ends: at a string, or at a special token (`tokens`).

    Decoding a whole row after every token would cost more than a small model's forward pass, so `may_end_with` first
    tells, from a table made once, whether a token could complete a stop string at all.
    """

    def __init__(self, tokenizer: Any, stops: tuple[str, ...]):
        special = {stop for stop in stops if stop in tokenizer.all_special_tokens}
        self.tokens = frozenset(tokenizer.convert_tokens_to_ids(list(special)))  # decoding drops these: no text to find
        self.stops = tuple(stop for stop in stops if stop not in special)
        self._candidates = _candidates(tokenizer, self.stops)

    def may_end_with(self, token: int) -> bool:
        """Whether a stop string could be complete right after `token`."""
        return token in self._candidates

    def find(self, text: str) -> int | None:
        """Where the first stop string in `text` begins; `None` if there is none."""
        found = [at for stop in self.stops if (at := text.find(stop)) >= 0]
        return min(found, default=None)


def _candidates(tokenizer: Any, stops: tuple[str, ...]) -> frozenset[int]:
    """Tokens whose text holds the last character of a stop string, or a part of a character (shown as U+FFFD).

    Some tokenizers drop white space when they decode a token alone; a stop string that ends in a blank makes every
    token a candidate.
    """
    if not stops:
        return frozenset()
    last, ids = {stop[-1] for stop in stops}, range(len(tokenizer))
    if last & {" ", "\t"}:
        return frozenset(ids)
    texts = tokenizer.batch_decode([[id] for id in ids], clean_up_tokenization_spaces=False)
    wanted = last | {"\ufffd"}
    return frozenset(id for id, text in zip(ids, texts, strict=True) if wanted & set(text))
