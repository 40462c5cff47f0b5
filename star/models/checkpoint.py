"""Turn `recipe.model` into a checkpoint that `from_pretrained` loads, building or converting it once if need be.

What is built goes into the cache (`STAR_CACHE`, by default `~/.cache/star`), under a hash of all that decides it:
written beside its place and renamed, so that an interrupted build leaves nothing that could be mistaken for a model.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from star.errors import UserError, reason
from star.files import file_sha256, put_in_place
from star.recipe import Recipe
from star.tasks import Task


@dataclass(frozen=True)
class Checkpoint:
    """Where a base model is: `name` is a folder or a hub id."""

    name: str
    revision: str | None = None
    trust_remote_code: bool = False

    def fingerprint(self) -> str:
        """SHA-256 over the names and bytes of weights, tokenizer and settings; for a hub id, of id and commit."""
        folder = Path(self.name)
        digest = hashlib.sha256()
        if not folder.is_dir():
            from star.models.loading import load_config

            commit = getattr(load_config(self), "_commit_hash", None) or self.revision
            digest.update(json.dumps([self.name, commit]).encode())
            return digest.hexdigest()
        for path in sorted(folder.iterdir()):
            if path.suffix in (".safetensors", ".json"):
                digest.update(path.name.encode())
                digest.update(file_sha256(path).encode())
        return digest.hexdigest()


def resolve_checkpoint(recipe: Recipe, task: Task) -> Checkpoint:
    """The checkpoint of a recipe; the starter is pretrained and a GGUF file converted if the cache has it not.

    Raises:
        UserError: a path that is not there, or a file that is no model.
    """
    model = recipe.model
    if model.starter is not None:
        from star.models.starter import build_starter, starter_key

        folder = cached(
            "starter", starter_key(model.starter, task), lambda path: build_starter(model.starter, task, path)
        )
        return Checkpoint(str(folder))
    if model.gguf is not None:
        source = Path(model.gguf)
        if not source.is_file():
            raise UserError(f"model.gguf = {model.gguf!r}: there is no such file; give the path of a GGUF file")
        folder = cached(source.stem, file_sha256(source)[:16], lambda path: _convert_gguf(source, path))
        return Checkpoint(str(folder))
    looks_local = model.path.startswith((".", "/", "~")) or model.path.count("/") > 1
    if looks_local and not Path(model.path).expanduser().is_dir():
        raise UserError(
            f"model.path = {model.path!r}: there is no such folder; give the folder of a model, or a hub id"
        )
    if Path(model.path).expanduser().is_dir():
        return Checkpoint(str(Path(model.path).expanduser()), None, model.trust_remote_code)
    return Checkpoint(model.path, model.revision, model.trust_remote_code)


def recorded_checkpoint(recipe: Recipe, task: Task, sha256: str | None, run: Path) -> Checkpoint:
    """The checkpoint of a recipe, which must be the one that the run in the folder `run` stands on, with this hash.

    Raises:
        UserError: it cannot be had, or is another one now.
    """
    checkpoint = resolve_checkpoint(recipe, task)
    if (found := checkpoint.fingerprint()) != sha256:
        raise UserError(
            f"{run}: its adapters belong to a base model with hash {sha256}, but {checkpoint.name} now has {found}; "
            "put the old one back"
        )
    return checkpoint


def cached(name: str, key: str, build: Callable[[Path], None]) -> Path:
    """The folder `name-key` of the cache, made by `build(path)` if it is not there."""
    root = Path(os.environ.get("STAR_CACHE") or Path.home() / ".cache" / "star").expanduser()
    folder, partial = root / f"{name}-{key}", root / f"{name}-{key}.partial"
    root.mkdir(parents=True, exist_ok=True)
    with (root / f"{name}-{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # whoever comes second waits, then finds the model there
        if not folder.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            build(partial)
            put_in_place(partial, folder)
    return folder


def _convert_gguf(source: Path, folder: Path) -> None:
    """Dequantize a GGUF file and save it as bfloat16 safetensors, whose rounding is finer than 4 to 8 bits' was."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from star.console import step
    from star.models.loading import quiet

    with step(f"converting {source.name} (once)"), quiet():
        where = {"pretrained_model_name_or_path": str(source.parent), "gguf_file": source.name}
        try:
            tokenizer = AutoTokenizer.from_pretrained(**where)
            model = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32).to(torch.bfloat16)
        except Exception as error:  # a damaged file fails in as many ways as there are bytes to misread
            raise UserError(f"model.gguf = {str(source)!r}: transformers cannot read it ({reason(error)})") from error
        # save_pretrained refuses a model that it believes quantized; its weights no longer are
        model.hf_quantizer, model.is_quantized = None, False
        if hasattr(model.config, "quantization_config"):
            del model.config.quantization_config
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
