"""What a run stands on beside its recipe: the machine, the packages and the exemplars."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from typing import Any

from star.models import choose_device, choose_dtype, set_threads
from star.prompts import PromptBuilder
from star.recipe import Model

RECORDED_VERSIONS = ("star-trainer", "torch", "transformers", "peft", "accelerate", "tokenizers")
"""Packages whose versions a run records: those that decide what is computed."""


def machine_facts(model: Model) -> dict[str, Any]:
    """What a model is computed with: `device`, `dtype`, `threads` and `versions`. Uses the threads from now on."""
    device = choose_device(model)
    return {
        "device": str(device),
        "dtype": str(choose_dtype(model, device)).removeprefix("torch."),
        "threads": set_threads(model),
        "versions": {name: version(name) for name in RECORDED_VERSIONS},
    }


def exemplars_hash(prompts: PromptBuilder) -> str:
    """SHA-256 of the exemplars that prompts show."""
    shown = [(problem.question, problem.choices, problem.answer, rationale) for problem, rationale in prompts.exemplars]
    return hashlib.sha256(json.dumps(shown).encode()).hexdigest()
