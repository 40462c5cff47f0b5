"""Packed linear layers compute what plain ones do."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from star.sample.packed import pack_linear_layers


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rows", [1, 7, 64, 200])
def test_a_packed_layer_gives_the_same_product(dtype, rows):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(48, 96), torch.nn.Linear(96, 32, bias=False)).to(dtype)
    states = torch.randn(2, rows, 48, dtype=dtype)
    with torch.inference_mode():
        wanted = model(states)
        pack_linear_layers(model)
        assert torch.allclose(model(states), wanted, rtol=2e-2 if dtype == torch.bfloat16 else 1e-4, atol=1e-5)
    can_be_packed = dtype == torch.float32 or torch.ops.mkldnn._is_mkldnn_bf16_supported()
    assert all((layer.weight.numel() == 0) == can_be_packed for layer in model)


def test_a_head_that_shares_its_weights_with_the_embedding_leaves_them_there(architectures):
    model = AutoModelForCausalLM.from_pretrained(architectures("gemma"), dtype=torch.float32)
    embedding = model.get_input_embeddings().weight
    before = embedding.clone()
    assert model.get_output_embeddings().weight is embedding
    pack_linear_layers(model)
    assert torch.equal(model.get_input_embeddings().weight, before)


@pytest.mark.parametrize("name", ["llama", "qwen2", "gpt2", "mixtral"])
def test_layers_that_read_the_same_states_become_one_product_with_the_same_logits(architectures, name):
    model = AutoModelForCausalLM.from_pretrained(architectures(name), dtype=torch.float32)
    ids = torch.arange(24).reshape(2, 12)
    with torch.inference_mode():
        wanted = model(ids).logits
        pack_linear_layers(model)
        for _ in range(2):  # nothing is left over from one pass to the next
            assert torch.allclose(model(ids).logits, wanted, rtol=1e-4, atol=1e-4)
        assert torch.allclose(model(ids[:1]).logits, wanted[:1], rtol=1e-4, atol=1e-4)
