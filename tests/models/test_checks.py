"""What is a causal language model in safetensors, and what is not."""

import json

import pytest
from transformers import AutoConfig

from star.errors import UserError
from star.models import Checkpoint, merge_adapter
from star.models.checks import INDEX, check_weights, require_causal
from tests.architectures import NOT_SERVED, SERVED


@pytest.mark.parametrize("model_type", [*SERVED, *NOT_SERVED])
def test_a_causal_model_of_any_make_is_accepted(architectures, model_type):
    folder = architectures(model_type)
    require_causal(Checkpoint(str(folder)), AutoConfig.from_pretrained(folder))
    check_weights(folder)


CAUSAL = [
    ("llama", {"architectures": None}),
    ("llama", {"architectures": ["LlamaModel"], "tie_word_embeddings": True}),
    ("bert", {"architectures": ["BertLMHeadModel"], "is_decoder": True}),
    ("falcon", {"architectures": ["RWForCausalLM"]}),
]
OTHER = [
    ("llama", {"architectures": ["LlamaModel"], "tie_word_embeddings": False}),
    ("llama", {"architectures": ["LlamaForSequenceClassification"]}),
    ("bert", {"architectures": ["BertForMaskedLM"]}),
    ("bert", {"architectures": ["BertLMHeadModel"]}),
    ("t5", {"architectures": ["T5ForConditionalGeneration"]}),
    ("bart", {"architectures": None}),
    ("vit", {"architectures": ["ViTModel"]}),
]


@pytest.mark.parametrize(("model_type", "settings"), CAUSAL)
def test_a_model_whose_weights_predict_the_next_token_is_accepted(model_type, settings):
    require_causal(Checkpoint("m"), AutoConfig.for_model(model_type, **settings))


@pytest.mark.parametrize(("model_type", "settings"), OTHER)
def test_one_that_would_get_a_head_of_random_weights_is_refused_and_named(model_type, settings):
    named = settings["architectures"] or [f"model_type {model_type}"]
    with pytest.raises(UserError, match=f"^model m: its config.json names {named[0]}, which is not a causal"):
        require_causal(Checkpoint("m"), AutoConfig.for_model(model_type, **settings))


def test_a_model_with_code_of_its_own_is_accepted_where_the_recipe_trusts_it():
    config = AutoConfig.for_model("vit", auto_map={"AutoModelForCausalLM": "code.Model"})
    require_causal(Checkpoint("m", trust_remote_code=True), config)
    with pytest.raises(UserError, match="not a causal"):
        require_causal(Checkpoint("m"), config)


@pytest.mark.parametrize("index", [[], {}, {"weight_map": {}}, {"weight_map": {"a": "../x.safetensors"}}, "{"])
def test_an_index_that_is_none_is_an_error(tmp_path, index):
    (tmp_path / INDEX).write_text(index if isinstance(index, str) else json.dumps(index))
    with pytest.raises(UserError, match=rf"{INDEX}: not an index of safetensors files \(.*; get the file again"):
        check_weights(tmp_path)


def test_a_folder_without_weights_and_an_adapter_are_errors_with_the_remedy(tmp_path):
    with pytest.raises(UserError, match=r"there is no model\.safetensors; give one saved as safetensors"):
        check_weights(tmp_path)
    (tmp_path / "adapter_config.json").touch()
    with pytest.raises(UserError, match="this is an adapter, not a whole model; merge it"):
        check_weights(tmp_path)


def test_a_pickled_adapter_is_not_read(random_models, tmp_path):
    import torch

    (tmp_path / "adapter_model.bin").write_bytes(b"pickle")
    with pytest.raises(UserError, match=r"adapter_model\.safetensors: .* pickled adapters are not read"):
        merge_adapter(Checkpoint(str(random_models["llama"])), tmp_path, torch.float32, torch.device("cpu"))
