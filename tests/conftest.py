"""Shared parts: a cache of their own for the tests, a tiny recipe, a finished tiny run, tiny random models."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("star", deadline=None)  # how long an example takes says what else the machine does
settings.load_profile("star")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny tensors: more threads only wait for each other

ROOT = Path(__file__).parent.parent

TINY = """\
name: tiny
iterations: 2
task: {kind: arithmetic, style: columns, train: {1: 60, 2: 30}, held_out: {1: 9, 2: 10}}
model:
  threads: 1
  device: cpu
  starter: {hidden_size: 64, layers: 2, heads: 2, intermediate_size: 128, context: 96, steps: 160, batch_size: 32,
            lr: 5.0e-3, digits: {1: 1}, hinted: 0.5, hinted_digits: {1: 1}}
decoding: {max_new_tokens: 40}
sampler: {batch_size: 16, wave: 16}
train: {rank: 4, alpha: 8, lr: 2.0e-3, warmup_steps: 2, batch_size: 8, steps: {start: 6, growth: 1.5}}
"""


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """`STAR_CACHE` for this session, so that nobody's own cache is read or filled."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["STAR_CACHE"] = str(folder)
    return folder


@pytest.fixture
def tiny_recipe(tmp_path) -> Path:
    """A recipe that runs in seconds."""
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="session")
def recipe_with(tmp_path_factory):
    """The smallest recipe there is, with overrides."""
    from star.recipe import load_recipe

    path = tmp_path_factory.mktemp("recipe") / "r.yaml"
    path.write_text("name: x\ntask: {kind: gsm8k}\nmodel: {path: gpt2}\n")
    return lambda *overrides: load_recipe(path, overrides)


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory, cache) -> Path:
    """The run directory of the tiny recipe, run to its end. Read only."""
    from star.cli import main

    folder = tmp_path_factory.mktemp("tiny-run")
    (folder / "tiny.yaml").write_text(TINY)
    assert main(["run", str(folder / "tiny.yaml"), "--runs", str(folder / "runs")]) == 0
    return folder / "runs" / "tiny"


@pytest.fixture(scope="session")
def varied_run(tmp_path_factory, cache) -> Path:
    """A run that samples several times, drops, carries, replays, mixes in and keeps some hints, but not all adapters.
    Read only."""
    from star.cli import main
    from star.tasks.arithmetic import is_held_out

    folder = tmp_path_factory.mktemp("varied-run")
    (folder / "tiny.yaml").write_text(TINY)
    sums = [(a, b) for a in range(10) for b in range(10 - a) if not is_held_out((a, b))]
    real = [
        {"question": f"{a}+{b}", "answer": a + b, "rationale": f"{a}+{b}+0={a + b},{a + b}\n#{a + b}"} for a, b in sums
    ]
    (folder / "real.jsonl").write_text("".join(json.dumps(row) + "\n" for row in real))
    overrides = [
        "iterations=3", "keep=1", "decoding.temperature=1.0", "decoding.top_p=0.95", "decoding.samples=3",
        "rationalization.keep_hint=0.5", "selection.max_per_problem=1", "selection.keep_iterations=2",
        "selection.replay=0.1", "selection.require_sound_steps=true",
        f"mix.real={{path: {folder}/real.jsonl, share: 0.1}}",
    ]  # fmt: skip
    assert main(["run", str(folder / "tiny.yaml"), *overrides, "--name", "varied", "--runs", str(folder / "runs")]) == 0
    return folder / "runs" / "varied"


VERIFIER = (
    "decoding.samples=3",
    "decoding.temperature=1.0",
    "rationalization.probability=0",
    "verifier={lr: 3e-3, batch_size: 8, checkpoint_every: 3}",
    "evaluation.best_of={samples: 4}",
    "sampler.max_tokens_in_flight=4096",  # not what is free now, which others' work changes, and manifests tell
)


@pytest.fixture(scope="session")
def verified_run(tmp_path_factory, cache) -> Path:
    """A run of two iterations, each with a learned verifier. Read only."""
    from star.cli import main

    folder = tmp_path_factory.mktemp("verified-run")
    (folder / "tiny.yaml").write_text(TINY)
    assert main(["run", str(folder / "tiny.yaml"), *VERIFIER, "--runs", str(folder / "runs")]) == 0
    return folder / "runs" / "tiny"


TEXT = [
    "Q: What is 12 + 34?\nA: 12 + 34 = 46.\n#### 46\n\n",
    "Q: Tom has three apples and buys two more. How many has he?\nA: 3 + 2 = 5 apples.\n#### 5\n\n",
    "the end of the answer is not the end of the question, é ü 漢字 and so on and so forth\n",
]


@pytest.fixture(scope="session")
def bpe_tokenizer():
    """A byte-level BPE tokenizer of 400 tokens, most of them several characters long."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["<pad>", "<eos>"], initial_alphabet=alphabet)
    tokenizer.train_from_iterator(TEXT * 3, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>")


@pytest.fixture(scope="session")
def architectures(tmp_path_factory, bpe_tokenizer):
    """A function from the type of a model (see `tests/architectures.py`) to a checkpoint with random weights."""
    from tests.architectures import random_model

    folders = {}

    def checkpoint(model_type):
        if model_type not in folders:
            folders[model_type] = tmp_path_factory.mktemp(model_type)
            random_model(model_type, len(bpe_tokenizer)).save_pretrained(folders[model_type])
            bpe_tokenizer.save_pretrained(folders[model_type])
        return folders[model_type]

    return checkpoint


@pytest.fixture(scope="session")
def random_models(tmp_path_factory, bpe_tokenizer) -> dict[str, Path]:
    """Checkpoints with random weights: rotary positions and grouped queries; learned positions; a sliding window."""
    import torch
    from transformers import (
        GPT2Config,
        GPT2LMHeadModel,
        LlamaConfig,
        LlamaForCausalLM,
        MistralConfig,
        MistralForCausalLM,
    )

    size = {"vocab_size": len(bpe_tokenizer), "bos_token_id": None, "eos_token_id": bpe_tokenizer.eos_token_id}
    llama = LlamaConfig(
        **size,
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        initializer_range=0.3,
    )
    gpt2 = GPT2Config(**size, n_embd=48, n_layer=2, n_head=4, n_positions=256, initializer_range=0.3)
    mistral = MistralConfig(**{**llama.to_dict(), "model_type": "mistral"}, sliding_window=8)
    folders = {}
    for name, cls, config in (
        ("llama", LlamaForCausalLM, llama),
        ("gpt2", GPT2LMHeadModel, gpt2),
        ("mistral", MistralForCausalLM, mistral),
    ):
        torch.manual_seed(7)
        folders[name] = tmp_path_factory.mktemp(name)
        cls(config).save_pretrained(folders[name])
        bpe_tokenizer.save_pretrained(folders[name])
    return folders
