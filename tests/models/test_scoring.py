"""Perplexity, accuracy, and the distance from the base model: on models where the right value is known."""

import math
import random

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from star.errors import UserError
from star.models import Checkpoint
from star.models.scoring import Passage, compare, score
from tests.architectures import NOT_SERVED, SERVED


def passages(seed=1, count=9, longest=24):
    """Prompts and targets of any length, one without a prompt."""
    rng = random.Random(seed)
    draw = lambda: [rng.randrange(2, 300) for _ in range(rng.randint(1, longest))]  # noqa: E731
    return [Passage([], draw()), *(Passage(draw(), draw()) for _ in range(count))]


def adapted(folder, scale=0.1):
    """A model whose adapter does something; nothing at scale 0."""
    torch.manual_seed(3)
    base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", r=4, target_modules="all-linear"))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=scale) if scale else parameter.zero_()
    return model.eval()


def by_hand(model, rows):
    """Tokens, perplexity, accuracy, KL divergence and agreement, from each passage alone, in float64."""
    surprise, hits, kl, same, count = 0.0, 0, 0.0, 0, 0
    for row in rows:
        ids, first = row.prompt + row.target, max(len(row.prompt), 1)
        with torch.no_grad():
            now = model(input_ids=torch.tensor([ids])).logits[0].double()
            with model.disable_adapter():
                before = model(input_ids=torch.tensor([ids])).logits[0].double()
        for place in range(first, len(ids)):
            p, q = (torch.exp(x[place - 1]) / torch.exp(x[place - 1]).sum() for x in (before, now))
            surprise -= math.log(q[ids[place]])
            hits += q.argmax().item() == ids[place]
            kl += sum(a * math.log(a / b) for a, b in zip(p.tolist(), q.tolist(), strict=True))
            same += (p.argmax() == q.argmax()).item()
            count += 1
    return [count, math.exp(surprise / count), hits / count, kl / count, same / count]


def test_a_model_that_knows_nothing_has_the_perplexity_of_its_vocabulary(architectures):
    model = AutoModelForCausalLM.from_pretrained(architectures("llama"), dtype=torch.float32).eval()
    torch.nn.init.zeros_(model.get_output_embeddings().weight)
    scores = compare(model, passages())
    assert scores.perplexity == pytest.approx(model.config.vocab_size, rel=1e-6)
    assert scores.accuracy == 0.0  # of equals the first, which is in no passage
    assert (scores.kl, scores.agreement) == (0.0, 1.0)


def test_a_model_that_is_certain_has_perplexity_1_and_is_always_right(architectures):
    model = AutoModelForCausalLM.from_pretrained(architectures("llama"), dtype=torch.float32).eval()
    torch.nn.init.zeros_(model.get_output_embeddings().weight)
    head = torch.nn.Linear(model.config.hidden_size, model.config.vocab_size)
    torch.nn.init.zeros_(head.weight)
    head.bias.data = torch.where(torch.arange(model.config.vocab_size) == 7, 100.0, 0.0)
    model.set_output_embeddings(head)
    scores = compare(model, [Passage([3, 4], [7, 7]), Passage([], [5, 7, 7])])
    assert scores[:3] == (4, pytest.approx(1.0), 1.0)


@pytest.mark.parametrize("name", ["llama", "gpt2", "mistral", "gemma2"])
def test_the_numbers_are_those_of_each_passage_alone(architectures, name):
    model, rows = adapted(architectures(name)), passages()
    wanted = by_hand(model, rows)
    assert wanted[3] > 0.001
    assert wanted[4] < 1.0
    assert list(compare(model, rows)) == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("name", [*SERVED, *NOT_SERVED])
def test_the_numbers_are_the_same_for_any_batch_size(architectures, name):
    model = AutoModelForCausalLM.from_pretrained(architectures(name), dtype=torch.float32).eval()
    if name in ("llama", "gpt2"):
        model = adapted(architectures(name))
    alone, few, together = (compare(model, passages(), at_once) for at_once in (1, 80, 10**6))
    assert list(few) == pytest.approx(list(alone), rel=1e-5)
    assert list(together) == pytest.approx(list(alone), rel=1e-5)


def test_an_adapter_that_does_nothing_is_no_distance_from_the_base(architectures):
    model, plain = (
        adapted(architectures("llama"), scale=0),
        AutoModelForCausalLM.from_pretrained(architectures("llama")),
    )
    scores = compare(model, passages())
    assert (scores.kl, scores.agreement) == (0.0, 1.0)
    assert scores == compare(plain.eval(), passages())


def test_the_first_token_of_a_passage_without_a_prompt_is_not_predicted(architectures):
    model = AutoModelForCausalLM.from_pretrained(architectures("llama"), dtype=torch.float32).eval()
    without, behind = Passage([], [5, 6, 7]), Passage([5], [6, 7])
    assert compare(model, [without]) == compare(model, [behind])
    among = compare(model, [without, Passage([], [9]), Passage([], [])])  # there is nothing to predict in the others
    assert list(among) == pytest.approx(list(compare(model, [behind])), rel=1e-5)


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_base_and_adapter_are_loaded_from_disk(architectures, tmp_path, name):
    checkpoint, cpu = Checkpoint(str(architectures(name))), torch.device("cpu")
    model = adapted(architectures(name))
    wanted = compare(model, passages())
    model.save_pretrained(tmp_path)
    assert score(checkpoint, tmp_path, torch.float32, cpu, passages()) == wanted
    base = score(checkpoint, None, torch.float32, cpu, passages())
    assert (base.kl, base.agreement) == (0.0, 1.0)
    assert base.perplexity != wanted.perplexity
    with pytest.raises(UserError, match=r"adapter_model\.safetensors: there is no such file"):
        score(checkpoint, tmp_path / "gone", torch.float32, cpu, passages())


def test_in_bfloat16_the_numbers_are_those_of_float32_but_for_rounding(architectures):
    full = AutoModelForCausalLM.from_pretrained(architectures("llama"), dtype=torch.float32).eval()
    half = AutoModelForCausalLM.from_pretrained(architectures("llama"), dtype=torch.bfloat16).eval()
    assert compare(half, passages()).perplexity == pytest.approx(compare(full, passages()).perplexity, rel=0.05)
