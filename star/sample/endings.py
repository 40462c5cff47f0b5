"""What a server or vLLM says of how a completion ended, in our words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class Stops(NamedTuple):
    """Where completions end: `strings` in the text, and `tokens`, the ids of those that are special tokens.

    Text comes without special tokens, so a stop string that is one would never be found in it.
    """

    strings: tuple[str, ...]
    tokens: tuple[int, ...]
    tokenizer: Any

    @classmethod
    def of(cls, stop: Sequence[str] | None, tokenizer: Any) -> Stops:
        special = [text for text in stop or () if text in tokenizer.all_special_tokens]
        ids = tokenizer.convert_tokens_to_ids(special)
        return cls(tuple(text for text in stop or () if text not in special), tuple(ids), tokenizer)

    def read(self, tokens: Sequence[int], finish_reason: str | None, stop_reason: int | str | None) -> tuple[str, str]:
        """The same as `cut`, from a completion's tokens: no half of a character at the end is lost."""
        has_end = finish_reason == "stop" and not isinstance(stop_reason, str)
        tokens = tokens[:-1] if has_end else tokens
        text = self.tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return self.cut(text, finish_reason, stop_reason)

    def cut(self, text: str, finish_reason: str | None, stop_reason: int | str | None) -> tuple[str, str]:
        """A completion's text up to the first stop string, and how it ended: `eos`, `stop` or `length`.

        Some servers leave the stop string in the text, or know none; it is cut here. Few say what it was that ended a
        completion: without `stop_reason` (vLLM's), an end that is no visible stop string's is taken for `eos`.

        Args:
            finish_reason: of the OpenAI API; what is neither `stop` nor `length` (a filter, an abort) is cut short too.
            stop_reason: vLLM's: the string or the id of the token that ended it, `None` for the end-of-sequence token.
        """
        text = text.encode("utf-8", "replace").decode()  # halves of surrogate pairs are JSON, but no text
        found = [at for stop in self.strings if (at := text.find(stop)) >= 0]
        if found:
            return text[: min(found)], "stop"
        if finish_reason != "stop":
            return text, "length"
        return text, "stop" if isinstance(stop_reason, str) or stop_reason in self.tokens else "eos"
