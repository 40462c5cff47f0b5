"""Finding, building and caching base models."""

import os

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from star.errors import UserError
from star.models import Checkpoint, load_model, load_tokenizer, resolve_checkpoint
from star.models.checkpoint import cached
from star.models.loading import choose_device, context_length, load_config
from star.models.starter import ALPHABET, starter_tokenizer
from star.recipe import Model, load_recipe
from star.tasks import build_task


def resolve(tiny_recipe, *overrides):
    recipe = load_recipe(tiny_recipe, overrides)
    return resolve_checkpoint(recipe, build_task(recipe))


def test_the_starter_is_a_normal_checkpoint_built_once(tiny_run, tiny_recipe):
    checkpoint = resolve(tiny_recipe)
    again = resolve(tiny_recipe)
    assert checkpoint == again
    model = AutoModelForCausalLM.from_pretrained(checkpoint.name)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint.name)
    assert model.config.vocab_size == len(tokenizer)
    assert tokenizer.decode(tokenizer("Q:1+2(3)\nA:")["input_ids"]) == "Q:1+2(3)\nA:"
    assert context_length(load_config(checkpoint)) == 96


def test_the_starter_reads_every_character_of_its_alphabet_and_no_other():
    tokenizer = starter_tokenizer()
    ids = tokenizer(ALPHABET)["input_ids"]
    assert len(ids) == len(set(ids)) == len(ALPHABET)
    assert tokenizer.decode(ids) == ALPHABET
    assert tokenizer("é")["input_ids"] == [tokenizer.unk_token_id]


def test_the_fingerprint_changes_with_a_single_bit(random_models, tmp_path):
    model = AutoModelForCausalLM.from_pretrained(random_models["llama"])
    model.save_pretrained(tmp_path)
    before = Checkpoint(str(tmp_path)).fingerprint()
    data = bytearray((tmp_path / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(bytes(data))
    assert Checkpoint(str(tmp_path)).fingerprint() != before


def test_a_build_that_fails_leaves_nothing_and_the_next_one_starts_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("STAR_CACHE", str(tmp_path))

    def fail(folder):
        (folder / "half").touch()
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        cached("model", "key", fail)
    folder = cached("model", "key", lambda path: (path / "whole").touch())
    assert [path.name for path in folder.iterdir()] == ["whole"]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"gguf": "nowhere.gguf"}, r"model\.gguf = 'nowhere\.gguf': there is no such file"),
        ({"path": "./nowhere"}, r"model\.path = '\./nowhere': there is no such folder"),
    ],
)
def test_a_model_that_is_not_there_is_an_error_with_key_and_value(tiny_recipe, model, message):
    settings = [f"model.{key}={value}" for key, value in model.items()]
    with pytest.raises(UserError, match=message):
        resolve(tiny_recipe, "model.starter=null", *settings)


def test_a_damaged_model_and_a_tokenizer_without_end_are_errors_that_name_the_model(random_models, tmp_path):
    from transformers import PreTrainedTokenizerFast

    AutoModelForCausalLM.from_pretrained(random_models["llama"]).save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"not safetensors")
    with pytest.raises(UserError, match=rf"model {tmp_path}: cannot be loaded"):
        load_model(Checkpoint(str(tmp_path)), torch.float32, torch.device("cpu"))
    tokenizer = load_tokenizer(Checkpoint(str(random_models["llama"])))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer).save_pretrained(tmp_path)
    with pytest.raises(UserError, match="has no end-of-sequence token"):
        load_tokenizer(Checkpoint(str(tmp_path)))


def test_a_hub_id_that_is_not_to_be_had_is_an_error_with_the_remedy():
    message = r"^model no/such: neither a local folder nor a model that the hub serves here \(.*\); give the folder"
    with pytest.raises(UserError, match=message):
        load_config(Checkpoint("no/such"))


def test_a_gguf_file_that_is_none_is_an_error(tiny_recipe, tmp_path):
    (tmp_path / "bad.gguf").write_bytes(b"GGUF? no")
    with pytest.raises(UserError, match=r"bad\.gguf': transformers cannot read it"):
        resolve(tiny_recipe, "model.starter=null", f"model.gguf={tmp_path / 'bad.gguf'}")


def test_a_device_that_is_not_here_is_an_error_with_the_remedy():
    with pytest.raises(UserError, match=r"model\.device = 'nonsense'.*use auto or cpu"):
        choose_device(Model(path="x", device="nonsense"))


def test_a_model_in_the_cache_is_on_disk_before_it_has_its_name(tmp_path, monkeypatch):
    monkeypatch.setenv("STAR_CACHE", str(tmp_path))
    synced, fsync = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (synced.append(os.readlink(f"/proc/self/fd/{file}")), fsync(file)))
    folder = cached("m", "1", lambda path: (path / "model.safetensors").write_bytes(b"weights"))
    partial = f"{folder}.partial"
    assert synced == [f"{partial}/model.safetensors", partial, str(tmp_path)]
