"""A tiny run that writes new problems."""

from __future__ import annotations

from pathlib import Path

import pytest

from star import load_recipe, run
from tests.synthesize.writing import Mathematician

RECIPE = """\
name: writing
iterations: 2
task: {{kind: arithmetic, style: words, train: {{2: 12}}, held_out: {{2: 4}}}}
model: {{path: {model}, device: cpu, threads: 1}}
rationalization: {{probability: 0}}
decoding: {{max_new_tokens: 16}}
sampler: {{wave: 4}}
train: {{rank: 2, steps: {{start: 1}}}}
audit: {{reference_texts: 0, ngram: null}}
synthesize: {{kind: self_instruct, prompts: 6, human: 3, machine: 1, decoding: {{max_new_tokens: 64}},
             vote: {{samples: 5}}}}
"""


@pytest.fixture(scope="session")
def writing_recipe(tmp_path_factory, architectures) -> Path:
    """A recipe that writes new sums, with answers by code."""
    path = tmp_path_factory.mktemp("writing") / "writing.yaml"
    path.write_text(RECIPE.format(model=architectures("llama")))
    return path


@pytest.fixture(scope="session")
def writing(writing_recipe, tmp_path_factory):
    """A function that runs it to its end with overrides, once for the same ones; returns the run directory."""
    done = {}

    def go(*overrides: str, sampler: Mathematician | None = None) -> Path:
        key = (overrides, type(sampler), getattr(sampler, "skill", None))
        if key not in done:
            done[key] = tmp_path_factory.mktemp("runs") / "writing"
            run(load_recipe(writing_recipe, overrides), done[key], sampler=sampler or Mathematician())
        return done[key]

    return go
