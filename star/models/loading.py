"""Load tokenizers, models and adapters, on the right device and in the right dtype."""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from star.clock import spent
from star.errors import UserError, reason
from star.models.checkpoint import Checkpoint
from star.processes.launch import find_place
from star.recipe import Model

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def load_tokenizer(checkpoint: Checkpoint) -> PreTrainedTokenizerBase:
    """The tokenizer, with a pad token (EOS where it has none of its own).

    Raises:
        UserError: there is none, or it has no end-of-sequence token.
    """
    from transformers import AutoTokenizer

    tokenizer = _from_pretrained(AutoTokenizer, checkpoint)
    if tokenizer.eos_token_id is None:
        raise UserError(
            f"model {checkpoint.name}: its tokenizer has no end-of-sequence token, so rationales cannot end; "
            "name one as eos_token in its tokenizer_config.json"
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_config(checkpoint: Checkpoint) -> Any:
    """The model's configuration, without its weights."""
    from transformers import AutoConfig

    return _from_pretrained(AutoConfig, checkpoint)


def context_length(config: Any) -> int | None:
    """Longest sequence that the model takes, in tokens; `None` if its configuration does not say."""
    config = config.get_text_config()
    for name in ("max_position_embeddings", "n_positions", "seq_length"):
        if isinstance(value := getattr(config, name, None), int):
            return value
    return None


@spent("loading")
def load_model(checkpoint: Checkpoint, dtype: torch.dtype, device: torch.device) -> PreTrainedModel:
    """The base model, in evaluation mode.

    Raises:
        UserError: it cannot be found, is damaged, or is no causal language model. Pickled weights are refused.
    """
    from transformers import AutoModelForCausalLM

    model = _from_pretrained(AutoModelForCausalLM, checkpoint, dtype=dtype, use_safetensors=True).to(device).eval()
    if (head := model.get_output_embeddings()) is not None:
        head.register_forward_pre_hook(_contiguous)
    return model


def _contiguous(_module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """Hidden states in one piece: on the CPU, torch 2.13 multiplies a slice (B, 1, H) by a frozen weight (V, H) by
    copying the weight B times, which took 12 s instead of 7 ms for B = 128 and SmolLM2."""
    return (inputs[0].contiguous(), *inputs[1:])


@spent("loading")
def merge_adapter(
    checkpoint: Checkpoint, adapter: Path | None, dtype: torch.dtype, device: torch.device
) -> PreTrainedModel:
    """The base model with an adapter merged into its weights; the base itself when `adapter` is `None`.

    The sum is taken in float32 on weights fresh from disk and rounded once: merging and unmerging in bfloat16 in place
    drifts (1.9e-3 after one cycle).
    """
    import torch

    if adapter is None:
        return load_model(checkpoint, dtype, device)
    model = with_adapter(load_model(checkpoint, torch.float32, device), adapter)
    return model.merge_and_unload(safe_merge=True).to(dtype).eval()


def with_adapter(base: PreTrainedModel, adapter: Path, is_trainable: bool = False) -> PeftModel:
    """The base model with a saved adapter on it, all of it and nothing else.

    Raises:
        UserError: it is damaged, or belongs to a model with other layers or shapes (peft warns, and loads a part).
    """
    from peft import PeftModel, get_peft_model_state_dict
    from safetensors import safe_open

    file = adapter / "adapter_model.safetensors"
    if not file.is_file():  # peft would look for a pickle
        raise UserError(f"{file}: there is no such file, and pickled adapters are not read")
    try:
        with quiet():
            model = PeftModel.from_pretrained(base, str(adapter), is_trainable=is_trainable)
        with safe_open(file, "pt") as tensors:
            stored = {name for name in tensors.keys() if "lora_" in name}  # noqa: SIM118
    except Exception as error:  # as in `_from_pretrained`
        raise UserError(f"{file}: does not fit the base model ({reason(error)})") from error
    wanted = {name for name in get_peft_model_state_dict(model, save_embedding_layers=False) if "lora_" in name}
    if stored != wanted:
        raise UserError(
            f"{file}: the adapter of another base model: of {len(wanted)} weights {len(wanted - stored)} are missing, "
            f"and {len(stored - wanted)} do not belong there, such as {min(stored ^ wanted)}"
        )
    return model


def keeps_logits(model: PreTrainedModel) -> bool:
    """Whether the model can compute logits for some positions only (`logits_to_keep`)."""
    return "logits_to_keep" in inspect.signature(model.forward).parameters


def eos_token_ids(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> set[int]:
    """Every token that ends a completion: the tokenizer's, and those of the model's generation settings."""
    configured = getattr(model.generation_config, "eos_token_id", None)
    more = configured if isinstance(configured, list) else [configured]
    return {id for id in (tokenizer.eos_token_id, *more) if id is not None}


def choose_device(settings: Model) -> torch.device:
    """The device of `model.device`; `auto` is the first accelerator, else the CPU."""
    import torch

    if settings.device == "auto":
        if os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true", "yes"):  # accelerate launch --cpu
            return torch.device("cpu")
        return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    several = find_place().size > 1
    try:
        device = torch.device(settings.device)
        if several and device.type != "cpu":
            torch.accelerator.set_device_index(int(os.environ.get("LOCAL_RANK", 0)))
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"model.device = {settings.device!r}: not to be had here ({reason}); use auto or cpu") from None
    if several and device.index is not None:
        raise UserError(f"model.device = {settings.device!r}, but each of several processes has its own; use auto")
    return device


def choose_dtype(settings: Model, device: torch.device) -> torch.dtype:
    """The dtype of `model.dtype`. `auto`: bfloat16 where the processor multiplies in it (most GPUs, and
    CPUs with AMX or AVX512-BF16), else float32.

    The starter stays in float32: at its size bfloat16 saves no time.
    """
    import torch

    if settings.dtype != "auto":
        return getattr(torch, settings.dtype)
    if settings.starter is not None:
        return torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    if device.type == "cpu":
        return torch.bfloat16 if _multiplies_bfloat16() else torch.float32
    return torch.float32


def set_threads(settings: Model) -> int:
    """Use `model.threads` CPU threads, or one for each core that this process may use; returns the number.

    `accelerate launch` sets OMP_NUM_THREADS=1 when nobody asked for anything, so the environment is no guide here.
    """
    import torch

    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    torch.set_num_threads(settings.threads or allowed)
    return torch.get_num_threads()


@contextmanager
def quiet() -> Iterator[None]:
    """Load or save without transformers' progress bars (a run has its own) and its warnings about peft's old names."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        logging.enable_progress_bar()


def _multiplies_bfloat16() -> bool:
    """Whether this CPU has instructions for it: without, bfloat16 is slower than float32."""
    import torch

    tests = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("amx_tile", "avx512_bf16"))
    return any(test is not None and test() for test in tests)


def _from_pretrained(cls: Any, checkpoint: Checkpoint, **options: Any) -> Any:
    try:
        with quiet() if Path(checkpoint.name).is_dir() else nullcontext():  # a download may well show its bar
            return cls.from_pretrained(
                checkpoint.name,
                revision=checkpoint.revision,
                trust_remote_code=checkpoint.trust_remote_code,
                **options,
            )
    except Exception as error:  # transformers, safetensors and the hub raise many kinds for a model that is not right
        if "trust_remote_code=True" in str(error):
            raise UserError(
                f"model {checkpoint.name}: it needs Python code of its own (auto_map in its config.json), which is not "
                "run unless the recipe says so; read that code, then set model.trust_remote_code=true"
            ) from None
        local = Path(checkpoint.name).is_dir()
        what = "cannot be loaded" if local else "neither a local folder nor a model that the hub serves here"
        remedy = "" if local else "; give the folder of a model, as model.path=FOLDER"
        raise UserError(f"model {checkpoint.name}: {what} ({reason(error)}){remedy}") from error
