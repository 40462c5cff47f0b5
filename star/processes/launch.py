"""Which process of how many this one is, and which cores it should use. Imports no torch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from star.errors import UserError

RANK = ("RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "MV2_COMM_WORLD_RANK")
SIZE = ("WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE")
"""As torchrun (https://docs.pytorch.org/docs/stable/elastic/run.html) and the launchers of MPI say it; accelerate reads
the same (`accelerate/state.py`)."""


class Place(NamedTuple):
    """This process is number `rank` of `size`."""

    rank: int
    size: int


def find_place() -> Place:
    """What the launcher says about this process; without one it is the only one.

    Raises:
        UserError: what it says is no place, or asks for what is not done here.
    """
    for name in ("DEEPSPEED", "MEGATRON_LM"):
        if is_asked_for(name):
            raise UserError(f"accelerate's configuration asks for {name}: use FSDP (recipes/accelerate/fsdp.yaml)")
    rank, size = _number(RANK, 0), _number(SIZE, 1)
    if not 0 <= rank < size:
        raise UserError(f"launched as process {rank} of {size} ({RANK[0]}, {SIZE[0]}): start it with one launcher only")
    return Place(rank, size)


def is_asked_for(what: str) -> bool:
    """Whether accelerate's configuration asks for it: `FSDP`, for one."""
    return os.environ.get(f"ACCELERATE_USE_{what}", "false").lower() in ("true", "1", "yes")


def missing_processes(place: Place) -> str | None:
    """What to say when more processes were asked for than started: `accelerate launch --cpu` starts one without MPI."""
    if place.size > 1 or (wanted := _asked_for(_launcher())) < 2:
        return None
    return (
        f"{wanted} processes were asked for, but this launcher started one (accelerate starts several on a CPU only "
        f"through mpirun); this run goes on with one. For {wanted}: accelerate launch --multi_gpu --num_processes "
        f"{wanted} --num_machines 1 ..., which needs no GPU, or torchrun --nproc_per_node {wanted} ..."
    )


def share_of_cores(cores: Sequence[frozenset[int]], place: int) -> set[int] | None:
    """The cores for the process at `place` of those of one machine, whose allowed cores are given.

    `None` leaves it with what it has: somebody has bound them already, or there are fewer cores than processes.
    """
    if len(set(cores)) > 1 or len(cores[0]) < len(cores) or len(cores) == 1:
        return None
    ours = sorted(cores[0])
    return set(ours[place * len(ours) // len(cores) : (place + 1) * len(ours) // len(cores)])


def allowed_cores() -> frozenset[int]:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def _number(names: Sequence[str], default: int) -> int:
    for name in names:
        if text := os.environ.get(name):
            try:
                return int(text)
            except ValueError:
                raise UserError(f"environment variable {name} = {text!r}: not a number; unset it") from None
    return default


def _launcher() -> list[str]:
    """The command line of the process that started this one, if that is `accelerate launch`."""
    try:
        words = psutil.Process().parent().cmdline()
    except (psutil.Error, AttributeError):
        return []
    is_accelerate = any(Path(word).name in ("accelerate", "accelerate-launch") for word in words[:3])
    return words if is_accelerate or "accelerate.commands.launch" in words else []


def _asked_for(words: Sequence[str]) -> int:
    """The number of processes that a command line of `accelerate launch` asks for."""
    options: dict[str, str] = {}
    for word, following in pairwise([*words, ""]):
        name, _, value = word.partition("=")
        options.setdefault(name.lstrip("-").replace("-", "_"), value or following)
    number: Any = options.get("num_processes")
    if number is None and (file := options.get("config_file")):
        number = _configured(Path(file))
    return int(number) if str(number).isdecimal() else 1


def _configured(path: Path) -> Any:
    from ruamel.yaml import YAML, YAMLError

    try:
        found = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, YAMLError):
        return None
    return found.get("num_processes") if isinstance(found, dict) else None
