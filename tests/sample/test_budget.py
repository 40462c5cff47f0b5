"""How many tokens may be in flight."""

import torch
from transformers import AutoConfig

from star.models import Checkpoint
from star.recipe import load_recipe
from star.sample import budget, tokens_in_flight


def test_the_bytes_of_a_token_are_those_of_its_keys_and_values(architectures):
    config = AutoConfig.from_pretrained(architectures("llama"))
    layers, heads, dim = 2, 2, 12
    assert budget.token_bytes(config, torch.float32) == 2 * layers * heads * dim * 4


def test_auto_is_a_power_of_two_that_fits_into_half_of_the_free_memory(architectures, tiny_recipe, monkeypatch):
    recipe, checkpoint = load_recipe(tiny_recipe), Checkpoint(str(architectures("llama")))
    each = budget.token_bytes(AutoConfig.from_pretrained(checkpoint.name), torch.float32)
    for free, tokens in ((2**40, None), (each * 20_000, 8192), (each * 16_384, 8192), (0, 1024)):
        monkeypatch.setattr(budget, "free_memory", lambda device, free=free: free)
        found = tokens_in_flight(recipe, checkpoint)
        assert found.bit_count() == 1
        assert found * each <= max(free / 2, 1024 * each)
        assert tokens is None or found == tokens


def test_the_limit_of_a_container_counts(tmp_path, monkeypatch):
    plenty = budget.free_memory(torch.device("cpu"))
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("400000\n")
    monkeypatch.setattr(budget, "CGROUP", tmp_path)
    assert budget.free_memory(torch.device("cpu")) == 600_000 < plenty
    (tmp_path / "memory.max").write_text("max\n")
    assert budget.free_memory(torch.device("cpu")) > 600_000


def test_a_number_in_the_recipe_is_taken_as_it_is(tiny_recipe):
    recipe = load_recipe(tiny_recipe, ["sampler.max_tokens_in_flight=5000"])
    assert tokens_in_flight(recipe, Checkpoint("no/model")) == 5000
