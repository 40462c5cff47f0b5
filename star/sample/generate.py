"""Sampling with transformers' `generate`: for models that our engine cannot serve, and to compare it with.

The next token is chosen by our own rule from the row's own random stream, so that a completion does not depend on what
is sampled beside it. No prefix is shared, and a batch lasts until its last row ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import LogitsProcessor, LogitsProcessorList, PreTrainedModel, StoppingCriteria, StoppingCriteriaList

from star.recipe import Decoding
from star.sample.rows import Endings, Row, next_tokens


def generate(model: PreTrainedModel, pad: int, rows: Sequence[Row], decoding: Decoding, endings: Endings) -> None:
    """Write the completions of `rows` into them; `pad` is the id of the pad token."""
    width = max(len(row.ids) for row in rows)
    ids = torch.full((len(rows), width), pad)
    mask = torch.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, width - len(row.ids) :] = torch.tensor(row.ids)
        mask[i, width - len(row.ids) :] = 1
    model.generate(
        ids.to(model.device),
        attention_mask=mask.to(model.device),
        max_new_tokens=decoding.max_new_tokens,
        do_sample=False,
        num_beams=1,
        repetition_penalty=1.0,
        eos_token_id=None,
        pad_token_id=pad,
        logits_processor=LogitsProcessorList([_Choice(rows, decoding)]),
        stopping_criteria=StoppingCriteriaList([_Ending(rows, decoding, endings)]),
    )


class _Choice(LogitsProcessor):
    """Leaves only the token that each row's own random stream chooses."""

    def __init__(self, rows: Sequence[Row], decoding: Decoding):
        self.rows, self.decoding = rows, decoding

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        chosen = next_tokens(scores, self.rows, self.decoding)
        return torch.full_like(scores, -torch.inf).scatter_(1, chosen[:, None], 0.0)


class _Ending(StoppingCriteria):
    """Adds the newest tokens to the rows, and says which of them have ended."""

    def __init__(self, rows: Sequence[Row], decoding: Decoding, endings: Endings):
        self.rows, self.decoding, self.endings = rows, decoding, endings

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_kwargs: object) -> torch.Tensor:
        for row, token in zip(self.rows, input_ids[:, -1].tolist(), strict=True):
            if not row.finish_reason:
                self.endings.extend(row, token, self.decoding.max_new_tokens)
        return torch.tensor([bool(row.finish_reason) for row in self.rows], device=input_ids.device)
