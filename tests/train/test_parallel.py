"""The LoRA step in two real processes: the update of one process on the same examples."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from star.models import Checkpoint
from star.recipe import load_recipe
from star.records import Example
from star.train import train_lora
from tests.conftest import ROOT

EXAMPLES = [
    Example(f"Q: What is {i} + {j}?\nA:", f" {i} + {j} = {i + j}." + " So" * i, f"base/plain/{i}-{j}/0", 1)
    for i in range(4)
    for j in range(3)
]


def main(file: str, folder: str) -> None:
    """One of two processes: the first trains alone, then both together, then with the weights split between them.

    The optimizer adds up gradients and nothing else: AdamW would make much of the last digits of those that are next
    to nothing.
    """
    import torch
    from torch import distributed

    torch.optim.AdamW = lambda learned, lr, weight_decay: torch.optim.SGD(learned, lr)
    recipe = load_recipe(file)

    def train(name: str) -> None:
        train_lora(recipe, Checkpoint(recipe.model.path), EXAMPLES, 1, Path(folder) / name)

    if os.environ["RANK"] == "0":
        train("alone")
    distributed.init_process_group("gloo")
    train("replicated")
    os.environ["ACCELERATE_USE_FSDP"] = "true"
    train("sharded")


@pytest.fixture(scope="module")
def weights(random_models, tmp_path_factory):
    """The adapters that `main` makes, by name."""
    folder = tmp_path_factory.mktemp("parallel")
    recipe = folder / "recipe.yaml"
    recipe.write_text(
        f"name: x\ntask: {{kind: gsm8k}}\nmodel: {{path: {random_models['llama']}, dtype: float32, device: cpu}}\n"
        "train: {rank: 4, lr: 1.0e-1, warmup_steps: 0, batch_size: 3, micro_batch_size: 1, epochs: 2}\n"
    )
    names = ("alone", "replicated", "sharded")
    for name in names:
        (folder / name).mkdir()
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [*launcher, "-m", "tests.train.test_parallel", str(recipe), str(folder)]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=ROOT, check=True, timeout=300)
    return {name: load_file(folder / name / "adapter_model.safetensors") for name in names}


@pytest.mark.parametrize("how", ["replicated", "sharded"])
def test_two_processes_take_the_steps_of_one(weights, how):
    """Three examples a step: the shares are unequal, and so are the numbers of micro-batches."""
    alone, together = weights["alone"], weights[how]
    assert together.keys() == alone.keys()
    assert max((together[name] - alone[name]).abs().max().item() for name in alone) < 1e-5
    assert max(alone[name].abs().max().item() for name in alone if "lora_B" in name) > 1e-2  # what was learned


if __name__ == "__main__":
    main(*sys.argv[1:])
