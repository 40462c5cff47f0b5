"""Make a transformers model attend through slots, where that gives the same logits (`star/models/routing.py`)."""

from __future__ import annotations

import torch
from transformers import PreTrainedModel

from star.models.routing import route
from star.sample.attention import slot_attention
from star.sample.engine import Engine

NAME = "star_slots"
"""What transformers calls this attention."""
SHARED = 3
"""Tokens that all sequences of the probe begin with."""


def adapt(model: PreTrainedModel) -> str | None:
    """Route the attention of `model` through slots; returns why not where it cannot be done, the model unchanged."""
    return route(model, NAME, slot_attention, _by_engine)


def _by_engine(model: PreTrainedModel, sequences: list[list[int]]) -> torch.Tensor:
    """Logits behind the last two tokens of each sequence: one from the prompt's pass, one from a step."""
    engine = Engine(model)
    engine.start(sequences[0][:SHARED], slots=len(sequences))
    first = engine.admit([one[SHARED:-1] for one in sequences])
    second = engine.step(torch.tensor([one[-1] for one in sequences], device=model.device))
    return torch.stack([first, second], dim=1)
