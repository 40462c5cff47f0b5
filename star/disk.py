"""How much a run will write, and whether there is room for it."""

from __future__ import annotations

import shutil
from pathlib import Path

from star.audit.specimens import KINDS
from star.files import to_line
from star.models import Checkpoint
from star.preflight import Checked
from star.records import Attempt, Completion, Verdict

SHOWN = 50
"""Problems whose prompts are measured; the others are taken to be like them."""
CHARACTERS = 4
"""Of a sampled token, about, in English."""
HISTORY = 160
"""Bytes of what is known of a problem (`star/history.py`)."""
STATES = 4
"""Sizes of an adapter that a training checkpoint takes: weights, two moments of AdamW; and one to spare."""


def disk_needed(checked: Checked, checkpoint: Checkpoint) -> int:
    """Bytes that a run writes at most, about: every attempt as long as it may be, every problem rationalized."""
    recipe = checked.recipe
    plain, held_out = len(checked.train), len(checked.held_out)
    asked = 0
    if (writer := checked.writer) is not None:  # problems that the model writes, all of them kept and voted on
        plain += writer.most * recipe.iterations
        asked = writer.settings.prompts + (writer.most + writer.settings.vote.again) * writer.settings.vote.samples
    plain = min(plain, recipe.problems_per_iteration or plain)
    row = _row_bytes(checked, recipe.decoding.max_new_tokens)
    carried = recipe.iterations if recipe.selection.keep_iterations == "all" else recipe.selection.keep_iterations
    attempts = (2 + carried) * plain * recipe.decoding.samples  # plain, hinted, and training data
    rows = attempts + asked + held_out + len(KINDS) * recipe.audit.specimens
    adapter = adapter_bytes(checkpoint, recipe.train.rank)
    kept = recipe.iterations
    if recipe.keep != "all":
        kept = min(kept, 2 if recipe.keep == "best" else recipe.keep + 1)
    iteration = rows * row + HISTORY * len(checked.train)
    return held_out * row + recipe.iterations * iteration + (kept + STATES) * adapter


def disk_notice(folder: Path, needed: int) -> str:
    """A line for the user: what a run may write, what its disk has, and whether that is too little."""
    free = shutil.disk_usage(folder).free
    line = f"disk: the run may write up to {needed / 2**20:,.1f} MiB, {free / 2**20:,.1f} MiB are free"
    if free >= needed:
        return line
    return f"warning: {line}; if the disk gets full, the run stops, and goes on once there is room"


def adapter_bytes(checkpoint: Checkpoint, rank: int) -> int:
    """Of a float32 adapter on all linear layers, from the shapes of the base model's; 0 if they are elsewhere."""
    from safetensors import safe_open

    total = 0
    for file in sorted(Path(checkpoint.name).glob("*.safetensors")):
        with safe_open(file, "pt") as tensors:
            shapes = {name: tensors.get_slice(name).get_shape() for name in tensors.keys()}  # noqa: SIM118
        matrices = [shape for name, shape in shapes.items() if len(shape) == 2 and "embed" not in name]
        total += sum(4 * rank * (rows + columns) for rows, columns in matrices)
    return total


def _row_bytes(checked: Checked, new_tokens: int) -> int:
    """Bytes of the longest attempt at a usual problem."""
    problems = checked.train[:SHOWN]
    prompts = checked.prompts.prompts(problems, True, bool(checked.prompts.exemplars))
    text = "x" * CHARACTERS * new_tokens
    total = 0
    for problem, prompt in zip(problems, prompts, strict=True):
        completion = Completion(problem.id, 0, text, new_tokens, "length", 1 << 62, "iteration-001")
        total += len(to_line(Attempt(problem, prompt, completion, Verdict("wrong")).to_dict()).encode())
    return total // len(problems)
