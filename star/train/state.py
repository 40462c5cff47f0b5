"""Everything that the rest of a fine-tuning step follows from, as safetensors and JSON: no pickle.

state.safetensors   weights of the adapter, what AdamW keeps of each, states of the random generators
state.json          steps done, schedule, log
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file, save_file

from star.errors import UserError
from star.files import read_json, write_json

TENSORS, REST = "state.safetensors", "state.json"


class State(NamedTuple):
    """What learns, by name, what AdamW keeps of it, and the learning rate's schedule."""

    parameters: Mapping[str, torch.nn.Parameter]
    optimizer: torch.optim.Optimizer
    schedule: Any


def save_state(folder: Path, state: State, log: list[dict[str, Any]]) -> None:
    """Write the state after an optimizer step."""
    tensors = {f"weight/{name}": parameter.detach() for name, parameter in state.parameters.items()}
    for name, parameter in state.parameters.items():
        for key, value in state.optimizer.state[parameter].items():
            tensors[f"optimizer/{key}/{name}"] = value.detach()
    tensors["random/cpu"] = torch.get_rng_state()
    for index in range(torch.cuda.device_count()):
        tensors[f"random/cuda/{index}"] = torch.cuda.get_rng_state(index)
    save_file({name: tensor.cpu().contiguous().clone() for name, tensor in tensors.items()}, folder / TENSORS)
    rates = [group["lr"] for group in state.optimizer.param_groups]
    write_json(folder / REST, {"schedule": state.schedule.state_dict(), "lr": rates, "log": log})


def load_state(folder: Path, state: State) -> list[dict[str, Any]]:
    """Go on from what `save_state` wrote; returns the log, one entry for each step done.

    Raises:
        UserError: it is the state of another adapter.
    """
    tensors, rest = load_file(folder / TENSORS), read_json(folder / REST)
    shapes = {name.removeprefix("weight/"): t.shape for name, t in tensors.items() if name.startswith("weight/")}
    if shapes != {name: parameter.shape for name, parameter in state.parameters.items()}:
        raise UserError(f"{folder / TENSORS}: the state of another adapter; delete {folder} to train without it")
    for name, parameter in state.parameters.items():
        parameter.data.copy_(tensors[f"weight/{name}"])
        state.optimizer.state[parameter] = {}
    for full, tensor in tensors.items():
        kind, _, key = full.partition("/")
        if kind == "optimizer":
            key, _, name = key.partition("/")
            parameter = state.parameters[name]  # AdamW counts its steps on the CPU
            state.optimizer.state[parameter][key] = tensor.to(parameter.device) if tensor.dim() else tensor
    for group, rate in zip(state.optimizer.param_groups, rest["lr"], strict=True):
        group["lr"] = rate
    state.schedule.load_state_dict(rest["schedule"])
    torch.set_rng_state(tensors["random/cpu"])
    for index in range(torch.cuda.device_count()):
        if (random := tensors.get(f"random/cuda/{index}")) is not None:
            torch.cuda.set_rng_state(random, index)
    return rest["log"]
