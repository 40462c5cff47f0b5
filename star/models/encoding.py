"""Prompts and targets as token ids: the one place that decides on special tokens.

Prompt and target are tokenised apart, in sampling as in training, so that a training prompt has exactly the tokens
that the model saw when it wrote the target. A target is the sampled text tokenised again, which can differ from the
tokens sampled (a tokenizer with several ways to write a text, or one that marks the start of every text).
"""

from __future__ import annotations

from typing import Any


def encode_prompt(tokenizer: Any, text: str, chat: bool) -> list[int]:
    """Token ids of a prompt. A chat template writes its own special tokens; elsewhere the tokenizer adds its BOS.

    Tokenizers that end every text with EOS (some do) lose that token here: a prompt goes on.
    """
    ids = tokenizer(text, add_special_tokens=not chat)["input_ids"]
    if not chat and len(ids) > 1 and ids[-1] == tokenizer.eos_token_id and tokenizer.eos_token not in text[-32:]:
        ids = ids[:-1]
    return ids


def encode_target(tokenizer: Any, text: str) -> list[int]:
    """Token ids of what is to be learned, the end-of-sequence token included."""
    return [*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
