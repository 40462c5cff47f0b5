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


def main(recipe: str, out: str) -> None:
    """One of the processes; they meet as `torchrun` has told them. Their optimizer adds up gradients and nothing else:
    AdamW would make much of the last digits of those that are next to nothing."""
    import torch
    from torch import distributed

    torch.optim.AdamW = lambda learned, lr, weight_decay: torch.optim.SGD(learned, lr)

    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        distributed.init_process_group("gloo")
    loaded = load_recipe(recipe)
    train_lora(loaded, Checkpoint(loaded.model.path), EXAMPLES, 1, Path(out))


@pytest.fixture(scope="module")
def weights(random_models, tmp_path_factory):
    """The adapter that so many processes make together, with weights split among them or not."""
    folder = tmp_path_factory.mktemp("parallel")
    recipe = folder / "recipe.yaml"
    recipe.write_text(
        f"name: x\ntask: {{kind: gsm8k}}\nmodel: {{path: {random_models['llama']}, dtype: float32, device: cpu}}\n"
        "train: {rank: 4, lr: 1.0e-1, warmup_steps: 0, batch_size: 3, micro_batch_size: 1, epochs: 2}\n"
    )

    def train(processes: int, sharded: bool = False, *overrides: str):
        out = folder / f"{processes}-{sharded}"
        out.mkdir()
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "ACCELERATE_USE_FSDP": str(sharded).lower()}
        launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
        command = [sys.executable, *launcher, "-m", "tests.train.test_parallel", str(recipe), str(out)]
        subprocess.run(command, env=environment, cwd=ROOT, check=True, timeout=300)
        return load_file(out / "adapter_model.safetensors")

    return train


@pytest.fixture(scope="module")
def alone(weights):
    return weights(1)


@pytest.mark.parametrize("sharded", [False, True])
def test_two_processes_take_the_steps_of_one(weights, alone, sharded):
    """Three examples a step: the shares are unequal, and so are the numbers of micro-batches."""
    together = weights(2, sharded)
    assert together.keys() == alone.keys()
    assert max((together[name] - alone[name]).abs().max().item() for name in alone) < 1e-5
    assert max(alone[name].abs().max().item() for name in alone if "lora_B" in name) > 1e-2  # what was learned


if __name__ == "__main__":
    main(*sys.argv[1:])
