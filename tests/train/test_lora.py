"""The LoRA step on a real tiny model."""

import json
import os
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from star.errors import UserError
from star.models import Checkpoint
from star.recipe import load_recipe
from star.records import Example
from star.store import Checkpoints
from star.train import train_lora

EXAMPLES = [
    Example(f"Q: What is {i} + {j}?\nA:", f" {i} + {j} = {i + j}.\n#### {i + j}", f"base/plain/{i}-{j}/0", 1)
    for i in range(4)
    for j in range(3)
]


@pytest.fixture
def train(random_models, tmp_path):
    def run(folder: str, *overrides: str, examples=EXAMPLES, previous=None, number=1, checkpoints=None) -> Path:
        path = tmp_path / "recipe.yaml"
        path.write_text(
            f"name: x\ntask: {{kind: gsm8k}}\nmodel: {{path: {random_models['llama']}, dtype: float32, device: cpu}}\n"
            "train: {rank: 4, lr: 1.0e-2, warmup_steps: 0, batch_size: 4, epochs: 2}\n"
        )
        out = tmp_path / folder
        out.mkdir()
        checkpoint = Checkpoint(str(random_models["llama"]))
        train_lora(load_recipe(path, overrides), checkpoint, examples, number, out, previous, checkpoints)
        return out

    return run


def weights(folder):
    return load_file(folder / "adapter_model.safetensors")


def log(folder):
    return [json.loads(line) for line in (folder / "training.jsonl").read_text().splitlines()]


def test_the_adapter_learns_and_loads_with_peft_and_the_base_is_untouched(train, random_models):
    folder = train("a", "train.epochs=30")
    losses = [row["loss"] for row in log(folder)[1:]]
    assert losses[-1] < 0.5 * losses[0]
    base = AutoModelForCausalLM.from_pretrained(random_models["llama"])
    before = {name: tensor.clone() for name, tensor in base.state_dict().items()}
    model = PeftModel.from_pretrained(base, str(folder))
    fresh = AutoModelForCausalLM.from_pretrained(random_models["llama"]).state_dict()
    assert all(torch.equal(before[name], fresh[name]) for name in fresh)
    assert any(name.endswith("lora_A.default.weight") for name, _ in model.named_parameters())


def test_training_twice_gives_the_same_bits(train):
    first, second = weights(train("a")), weights(train("b"))
    assert all(torch.equal(first[name], second[name]) for name in first)


class Crash(Exception):
    pass


class CrashingCheckpoints(Checkpoints):
    """The process dies once a certain one is saved."""

    def __init__(self, folder, last):
        super().__init__(folder)
        self.fatal = last

    def save(self, number, fill):
        super().save(number, fill)
        if number == self.fatal:
            raise Crash


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_training_that_goes_on_from_a_checkpoint_gives_the_same_bits(train, tmp_path, schedule):
    settings = ["train.dropout=0.2", "train.checkpoint_every=2", "train.warmup_steps=3", f"train.schedule={schedule}"]
    settings += ["train.weight_decay=0.1", "train.epochs=3", "train.batch_size=5"]
    whole = train("whole", *settings)
    for crash in (2, 4, 6):
        with pytest.raises(Crash):
            train(f"crashed-{crash}", *settings, checkpoints=CrashingCheckpoints(tmp_path / "checkpoints", crash))
    again = train("again", *settings, checkpoints=Checkpoints(tmp_path / "checkpoints"))
    assert {p.name: p.read_bytes() for p in again.iterdir()} == {p.name: p.read_bytes() for p in whole.iterdir()}
    assert not any(name.startswith("crashed") and (tmp_path / name / "adapter_model.safetensors").exists()
                   for name in os.listdir(tmp_path))  # fmt: skip


def test_a_checkpoint_of_another_adapter_is_refused(train, tmp_path):
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    train("a", "train.checkpoint_every=2", checkpoints=checkpoints)
    with pytest.raises(UserError, match=r"state\.safetensors: the state of another adapter; delete \S+ to train"):
        train("b", "train.rank=3", checkpoints=checkpoints)


def test_every_iteration_starts_from_the_base_unless_the_recipe_continues(train):
    first = train("first")
    again = weights(train("again", previous=first))
    assert all(torch.equal(again[name], tensor) for name, tensor in weights(first).items())
    on = train("on", "train.from_base=false", previous=first)
    assert log(on)[1]["loss"] < log(first)[1]["loss"]
    assert not all(torch.equal(weights(on)[name], tensor) for name, tensor in weights(first).items())


def test_micro_batches_change_memory_not_the_result(train):
    whole, parts = train("whole"), train("parts", "train.micro_batch_size=1")
    for one, other in zip(log(whole)[1:], log(parts)[1:], strict=True):  # Adam makes much of a last bit: not weights
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-3)
        assert one["grad_norm"] == pytest.approx(other["grad_norm"], rel=1e-2)


def test_steps_and_the_last_partial_batch_are_logged_as_they_were(train):
    rows = log(train("a", "train.batch_size=5", "train.epochs=1"))
    assert rows[0] == {"examples": 12, "too_long": [], "steps": 3}
    assert [row["examples"] for row in rows[1:]] == [5, 5, 2]


def test_a_loss_that_is_no_number_stops_with_step_and_example_ids(train, tmp_path):
    with pytest.raises(
        UserError, match=r"stopped at step \d+: the (loss|gradient norm) is (nan|inf).*base/plain/\d-\d/0"
    ):
        train("a", "train.lr=1e30", "train.epochs=9")
    assert not (tmp_path / "a" / "adapter_model.safetensors").exists()


def test_target_modules_that_are_not_there_are_an_error_with_the_key(train):
    with pytest.raises(UserError, match=r"train\.target_modules = \['nope'\]"):
        train("a", "train.target_modules=[nope]")


def test_examples_that_do_not_fit_are_counted(train):
    long = Example("Q: " + "apple " * 300, " 1", "base/plain/long/0", 1)
    assert log(train("a", examples=[*EXAMPLES, long]))[0]["too_long"] == ["base/plain/long/0"]
    with pytest.raises(UserError, match="all 1 training examples are longer than the model's context"):
        train("b", examples=[long])
