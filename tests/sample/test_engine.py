"""The engine against transformers' own `generate`, for every make of model."""

import random

import pytest
import torch
from transformers import AutoModelForCausalLM

from star.models import Checkpoint
from star.recipe import Decoding, Model, SamplerSettings
from star.records import Prompt
from star.sample import LocalSampler
from star.sample.adapt import adapt
from tests.architectures import NOT_SERVED, SERVED

SHARED = "Q: What is 1 + 1?\nA: 1 + 1 = 2.\n#### 2\n\n"
QUESTIONS = ["Q: What is 12 + 34?\nA:", "Q: 5?\nA:", "Tom has three apples", "é ü 漢字", "Q: What is 7 + 1?\nA:", "the"]


def sampler_for(folder, tokens_in_flight=100_000, **settings):
    model = Model(path=str(folder), dtype="float32", device="cpu")
    return LocalSampler(model, SamplerSettings(**settings), Checkpoint(str(folder)), False, tokens_in_flight)


def by_generate(folder, tokenizer, texts, max_new_tokens):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    out = []
    for text in texts:
        ids = torch.tensor([tokenizer(text)["input_ids"]])
        options = {"max_new_tokens": max_new_tokens, "do_sample": False, "pad_token_id": 0}
        tokens = model.generate(ids, attention_mask=torch.ones_like(ids), **options)[0, ids.shape[1] :]
        out.append(tokenizer.decode(tokens, skip_special_tokens=True))
    return out


@pytest.mark.parametrize("name", SERVED)
@pytest.mark.parametrize("prefix", ["", SHARED], ids=["no shared prefix", "shared prefix"])
def test_greedy_text_is_that_of_generate(architectures, name, prefix):
    sampler = sampler_for(architectures(name), batch_size=4)
    prompts = [Prompt(f"p{i}", prefix + question) for i, question in enumerate(QUESTIONS)]
    completions = sampler.sample(prompts, Decoding(max_new_tokens=20), seed=0)
    assert sampler.engine is not None
    expected = by_generate(architectures(name), sampler.tokenizer, [prompt.text for prompt in prompts], 20)
    assert [completion.text for completion in completions] == expected


@pytest.mark.parametrize(("name", "reason"), NOT_SERVED.items())
def test_what_the_engine_cannot_serve_is_sampled_with_generate_and_the_run_says_so(architectures, name, reason, capsys):
    sampler = sampler_for(architectures(name), batch_size=4)
    prompts = [Prompt(f"p{i}", SHARED + question) for i, question in enumerate(QUESTIONS)]
    completions = sampler.sample(prompts, Decoding(max_new_tokens=8), seed=0)
    said = " ".join(capsys.readouterr().out.split())
    assert "sampling with transformers' generate" in said
    assert reason in said
    alone = [sampler.sample([prompt], Decoding(max_new_tokens=8), seed=0)[0] for prompt in prompts]
    if name != "mamba":  # padding on the left changes what a recurrent model sees, in `generate` itself
        assert [c.text for c in completions] == [c.text for c in alone]
    assert all(completion.num_tokens for completion in completions)


def test_a_model_that_cannot_be_served_is_left_as_it_was(architectures):
    model = AutoModelForCausalLM.from_pretrained(architectures("gpt_oss"))
    before = model.config._attn_implementation
    assert adapt(model)
    assert model.config._attn_implementation == before


@pytest.mark.parametrize("name", ["llama", "mistral", "gpt2"])
def test_neither_batch_size_nor_memory_nor_company_changes_what_is_sampled(architectures, name):
    decoding = Decoding(temperature=1.0, top_p=0.9, samples=3, max_new_tokens=18)
    rng = random.Random(5)
    prompts = [Prompt(f"p{i}", SHARED + " ".join(rng.choices(QUESTIONS, k=rng.randint(1, 4)))) for i in range(9)]
    wanted = sampler_for(architectures(name), batch_size=1).sample(prompts, decoding, seed=3)
    assert {c.finish_reason for c in wanted} >= {"length"}
    for settings in ({"batch_size": 4}, {"batch_size": 64}, {"batch_size": 64, "tokens_in_flight": 200}):
        sampler = sampler_for(architectures(name), **settings)
        assert sampler.sample(prompts, decoding, seed=3) == wanted
        assert sampler.sample(prompts[4:6], decoding, seed=3) == wanted[12:18]
        assert sampler.sample(prompts[::-1], decoding, seed=3)[-3:] == wanted[:3]


def test_the_engine_and_generate_sample_the_same(architectures):
    decoding = Decoding(temperature=0.8, top_p=0.9, samples=2, max_new_tokens=18, stop=["a"])
    prompts = [Prompt(f"p{i}", SHARED + question) for i, question in enumerate(QUESTIONS)]
    both = [
        sampler_for(architectures("llama"), kind=kind, batch_size=5).sample(prompts, decoding, seed=3)
        for kind in ("local", "generate")
    ]
    assert both[0] == both[1]
    assert {completion.finish_reason for completion in both[0]} >= {"stop"}


def test_no_more_tokens_are_in_flight_than_allowed(architectures, monkeypatch):
    from star.sample.engine import Engine

    tokens, admit = [], Engine.admit

    def watched(self, prompts):
        logits = admit(self, prompts)
        tokens.append(sum(length + 6 for length in self.lengths))
        return logits

    prompts = [Prompt(f"p{i}", "the apple " * (1 + 3 * i)) for i in range(9)]
    sampler = sampler_for(architectures("llama"), batch_size=64, tokens_in_flight=150)
    monkeypatch.setattr(Engine, "admit", watched)
    completions = sampler.sample(prompts, Decoding(max_new_tokens=6), seed=0)
    assert 100 < max(tokens) <= 150
    assert [completion.num_tokens for completion in completions] == [6] * 9
