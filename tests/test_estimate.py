"""What `scripts/estimate.py` says about the shipped recipes, and whether its parts add up."""

import json
from pathlib import Path

import pytest

from scripts.costs import GPUS, FineTuning, Sampling, Shape, Texts, decode_seconds
from scripts.estimate import main
from scripts.shapes import LLAMAS

ROOT = Path(__file__).parents[1]


@pytest.fixture
def plan(capsys, monkeypatch):
    """The plan of a recipe, as an object."""
    monkeypatch.chdir(ROOT)

    def make(*arguments):
        assert main([*arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return make


def test_parameters_are_those_of_the_published_models():
    billions = {name: (shape.body + (1 if shape.tied else 2) * shape.head) / 1e9 for name, shape in LLAMAS.items()}
    expected = {"1B": 1.24, "7B": 6.74, "8B": 8.03, "70B": 70.55}  # the model cards at huggingface.co/meta-llama
    assert billions == pytest.approx(expected, rel=0.005)


def test_flops_are_those_of_a_model_counted_by_torch(capsys):
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {"hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 3, "num_attention_heads": 4}
    config = LlamaConfig(vocab_size=100, num_key_value_heads=2, attn_implementation="eager", **sizes)
    with FlopCounterMode(display=False) as counter:
        LlamaForCausalLM(config)(torch.zeros(2, 50, dtype=torch.long))
    counted = Shape(3, 64, 4, 2, 160, 100).forward(100, 50, 100)  # eager attention computes what is masked, too
    assert counted == pytest.approx(counter.get_total_flops(), rel=0.01)


@pytest.mark.parametrize("recipe", ["recipes/arithmetic.yaml", "recipes/smollm2-arithmetic.yaml"])
def test_twice_the_gpus_take_half_as_long_and_nothing_else_changes(plan, recipe):
    one, two = (plan(recipe, "--llama", "8B", "--gpu", "h100", "--gpus", n) for n in "12")
    assert one["flops"] == two["flops"]
    assert one["bytes"] == two["bytes"]
    for name, seconds in one["seconds"].items():
        if name.endswith((": writing", ": reading prompts")):
            assert two["seconds"][name] == pytest.approx(seconds / 2)
    assert one["seconds"]["all"] == pytest.approx(sum(s for name, s in one["seconds"].items() if name != "all"))


def test_ten_times_the_problems_cost_ten_times_as_much(plan):
    words = ["recipes/smollm2-gsm8k.yaml", "problems_per_iteration=null", "sampler.wave=1000", "--llama", "7B"]
    small, large = (plan(*words, "--gpu", "a100", "--problems", n) for n in ("10000", "100000"))
    for name in ("attempts: reading prompts", "attempts: writing", "fine-tuning"):
        assert large["flops"][name] == pytest.approx(10 * small["flops"][name], rel=1e-6)
    assert large["bytes"]["rows"] == pytest.approx(10 * small["bytes"]["rows"], rel=0.1)
    assert large["memory"]["weights"] == small["memory"]["weights"] == pytest.approx(13.48e9, rel=0.01)


def test_decoding_few_sequences_is_bound_by_memory_and_its_prompt_is_read_once():
    stage = Sampling(Texts(1000, 100, 200), 64, 4, 1)
    assert stage.read == 1000 + 64 * 100
    assert stage.written == 64 * 4 * 200
    few, many = (decode_seconds(stage, LLAMAS["8B"], GPUS["h100"], batch) for batch in (1, 64))
    assert few[1] == "memory bandwidth"
    assert many[0] < few[0] / 20


def test_training_through_a_frozen_base_takes_two_thirds_of_what_training_it_would():
    shape, rows = LLAMAS["8B"], FineTuning(1000, 100, 100, 8)
    assert rows.flops(shape, 1) == pytest.approx(4 * shape.body * rows.tokens, rel=0.1)


def test_what_is_missing_is_named_with_what_to_do(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert main(["recipes/smollm2-gsm8k.yaml", "model.gguf=nowhere.gguf", "--gpu", "h100"]) == 2
    assert "--llama" in capsys.readouterr().err
