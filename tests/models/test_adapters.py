"""Saved adapters: loaded whole onto the model that they belong to, or not at all."""

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

from star.errors import UserError
from star.models.loading import with_adapter


@pytest.fixture
def base(random_models):
    def make(**changes):
        config = AutoConfig.from_pretrained(random_models["llama"])
        config.update(changes)
        torch.manual_seed(0)
        return AutoModelForCausalLM.from_config(config)

    return make


@pytest.fixture
def adapter(base, tmp_path):
    model = get_peft_model(base(), LoraConfig(task_type="CAUSAL_LM", r=4, target_modules="all-linear"))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_()
    model.save_pretrained(tmp_path)
    return tmp_path


def test_an_adapter_goes_on_its_own_base_model(base, adapter):
    ids = torch.arange(5)[None]
    alone = base()(input_ids=ids).logits
    assert not torch.allclose(with_adapter(base(), adapter)(input_ids=ids).logits, alone, atol=1e-3)


@pytest.mark.parametrize("changes", [{"num_hidden_layers": 1}, {"hidden_size": 32}, {"intermediate_size": 48}])
def test_the_adapter_of_a_model_with_other_layers_or_shapes_is_refused(base, adapter, changes):
    with pytest.raises(
        UserError, match=r"adapter_model\.safetensors: (the adapter of another base model|does not fit)"
    ):
        with_adapter(base(**changes), adapter)


@pytest.mark.parametrize("kept", [0, 7, 100, -1])
def test_a_truncated_adapter_is_refused(base, adapter, kept):
    path = adapter / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match=r"adapter_model\.safetensors: does not fit the base model"):
        with_adapter(base(), adapter)
