"""Tiny runs that write new problems, lessons, and questions about documents."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from star import load_recipe, run
from tests.synthesize.teaching import WRITERS
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


TEACHING = """\
name: teaching
iterations: 2
task: {{kind: arithmetic, style: words, train: {{2: 12}}, held_out: {{2: 4}}}}
model: {{path: {model}, device: cpu, threads: 1}}
prompt: {{exemplars: addition, shots: 2}}
rationalization: {{probability: 0}}
decoding: {{max_new_tokens: 16}}
sampler: {{wave: 4}}
train: {{rank: 2, steps: {{start: 1}}}}
audit: {{reference_texts: 0, ngram: null}}
synthesize: {{kind: textbook, prompts: 24, max_share: 0.3}}
"""
ASKING = """\
name: asking
iterations: 2
task: {{kind: jsonl, train: {folder}/train.jsonl, verifier: exact}}
model: {{path: {model}, device: cpu, threads: 1}}
rationalization: {{probability: 0}}
decoding: {{max_new_tokens: 16}}
sampler: {{wave: 4}}
train: {{rank: 2, steps: {{start: 1}}}}
audit: {{reference_texts: 0, ngram: 8}}
synthesize: {{kind: reshape, prompts: 12, documents: ['{folder}/farms.md'], passage_words: 30, min_words: 3,
             max_similarity: 1.0, vote: {{samples: 5}}}}
"""
PASSAGE = "{} has {} hens and {} has {} hens. They live together in an old mill by the river."


def farms() -> str:
    """A document of several passages, each under a heading."""
    people = [("Ann", 12, "Ben", 30), ("Cem", 41, "Dora", 7), ("Eva", 25, "Finn", 60), ("Gil", 9, "Hana", 33)]
    return "".join(f"# Farm {n}\n\n{PASSAGE.format(*one)}\n\n" for n, one in enumerate(people, 1))


@pytest.fixture(scope="session")
def roomy(tmp_path_factory, architectures) -> Path:
    """A checkpoint that reads long prompts."""
    folder = tmp_path_factory.mktemp("roomy") / "llama"
    shutil.copytree(architectures("llama"), folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 4096}))
    return folder


@pytest.fixture(scope="session")
def recipes(tmp_path_factory, roomy) -> dict[str, Path]:
    """Recipes that write lessons, and that ask about a document, by `synthesize.kind`."""
    folder = tmp_path_factory.mktemp("recipes")
    (folder / "farms.md").write_text(farms())
    sums = [{"question": f"What is {n} + {n + 3}?", "answer": 2 * n + 3} for n in range(1, 21)]
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in sums))
    made = {"textbook": TEACHING, "reshape": ASKING}
    for kind, text in made.items():
        (folder / f"{kind}.yaml").write_text(text.format(model=roomy, folder=folder))
    return {kind: folder / f"{kind}.yaml" for kind in made}


@pytest.fixture(scope="session")
def taught(recipes, tmp_path_factory):
    """A function that runs one of them to its end with overrides, once for the same ones; returns the run directory."""
    done = {}

    def go(kind: str, *overrides: str) -> Path:
        if (kind, overrides) not in done:
            folder = done[kind, overrides] = tmp_path_factory.mktemp("runs") / kind
            run(load_recipe(recipes[kind], overrides), folder, sampler=WRITERS[kind]())
        return done[kind, overrides]

    return go
