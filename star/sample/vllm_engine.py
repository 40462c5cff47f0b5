"""Sampling with vLLM in a process of ours (`vllm_worker.py`), which ends before training: docs/engines.md.

An adapter is loaded with a name and an id that no other had in this process: vLLM keeps what an id once meant.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from star.clock import spent
from star.console import step
from star.errors import UserError, cut
from star.models import Checkpoint, choose_device, choose_dtype, load_tokenizer
from star.models.loading import context_length, load_config
from star.processes import Place, find_place
from star.recipe import Decoding, Recipe, VllmEngine
from star.records import Completion, Prompt
from star.sample.endings import Stops
from star.sample.rows import Row, make_rows

RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""What `max_lora_rank` can be (https://docs.vllm.ai/en/latest/api/vllm/config/lora)."""
ON_CPU = {"VLLM_CPU_KVCACHE_SPACE": "4"}
"""GiB of keys and values where there is no GPU, if the environment does not say otherwise."""
LAUNCHER = re.compile(
    r"((LOCAL|GROUP|NODE|ROLE)_)?(RANK|WORLD_SIZE)|ROLE_NAME|MASTER_(ADDR|PORT)"
    r"|(TORCHELASTIC|ACCELERATE|FSDP|OMPI|PMI|PMIX|MV2)_.*|MPI_LOCALRANKID"
)
"""Variables by which a launcher tells the processes of the run who they are: vLLM's are none of them."""
LOCAL_RANK = ("LOCAL_RANK", "MPI_LOCALRANKID", "OMPI_COMM_WORLD_LOCAL_RANK", "MV2_COMM_WORLD_LOCAL_RANK")
"""Which of the processes of a machine this one is, in accelerate's order (`accelerate/state.py`)."""
GRACE = 10.0
"""Seconds that a process may take to end once it has closed its end of the pipe."""
_CAUSE = re.compile(r"\b[A-Z]\w*(?:Error|Exception): .*")
"""Of an error of vLLM, the one that led to the others: the first that it names."""
INSTALL = "pip install vllm (on a CPU: see docs/engines.md), or name the interpreter that has it: sampler.vllm.python"


class VllmSampler:
    """Samples with vLLM. See `star.sample.base.Sampler`. Its process is started by the first `sample`.

    Raises:
        UserError: several processes would share GPUs.
    """

    def __init__(self, recipe: Recipe, checkpoint: Checkpoint):
        self.place = find_place()
        _require_own_gpus(recipe.sampler.vllm or VllmEngine(), self.place)
        self.recipe, self.checkpoint, self.settings = recipe, checkpoint, recipe.sampler.vllm or VllmEngine()
        self.tokenizer, self.context = load_tokenizer(checkpoint), context_length(load_config(checkpoint))
        self._ids = itertools.count(1)
        self.worker: _Worker | None = None
        self._used: tuple[Path | None, str] | None = None
        self.use(None, "base")

    def use(self, adapter: Path | None, name: str) -> None:
        if self._used == (adapter, name):  # asked for with every wave
            return
        self._used = adapter, name
        self.name, self.adapter = name, None
        if adapter is not None:
            number = next(self._ids)
            self.adapter = [f"{name}-{number}", number, str(adapter.resolve())]

    def release(self) -> None:
        if self.worker is not None:
            self.worker.end()
        self.worker = None

    def sample(self, prompts: Sequence[Prompt], decoding: Decoding, seed: int) -> list[Completion]:
        """See `Sampler.sample`.

        Raises:
            UserError: a prompt does not fit the context, vLLM is not there, or its process ended.
        """
        context = self.settings.max_model_len or self.context
        rows = make_rows(prompts, decoding, seed, self.tokenizer, self.recipe.prompt.chat, context)
        stops = Stops.of(decoding.stop, self.tokenizer)
        self._start()
        answer = self.worker.ask(
            {
                "params": _params(decoding, stops),
                "prompts": [row.ids for row in rows],
                "seeds": [row.seed for row in rows],
                "adapter": self.adapter,
            }
        )
        return [self._completion(row, one, stops) for row, one in zip(rows, answer["completions"], strict=True)]

    def _completion(self, row: Row, one: dict[str, Any], stops: Stops) -> Completion:
        text, ended = stops.read(one["tokens"], one["finish_reason"], one["stop_reason"])
        count = len(one["tokens"])
        return Completion(row.prompt.problem_id, row.sample_index, text, count, ended, row.seed, model=self.name)

    @spent("loading")
    def _start(self) -> None:
        if self.worker is None:
            with step("starting vLLM"):
                has_gpus = choose_device(self.recipe.model).type != "cpu"
                environment = environment_of_vllm(os.environ, self.place, has_gpus)
                self.worker = _Worker(self.settings.python or sys.executable, self._arguments(), environment)

    def _arguments(self) -> dict[str, Any]:
        """Of `vllm.LLM`."""
        model, settings = self.recipe.model, self.settings
        arguments = {
            "model": self.checkpoint.name,
            "revision": self.checkpoint.revision,
            "trust_remote_code": self.checkpoint.trust_remote_code,
            "dtype": str(choose_dtype(model, choose_device(model))).removeprefix("torch."),
            "enable_prefix_caching": True,
            "max_num_seqs": self.recipe.sampler.batch_size,
            "seed": 0,
            **settings.model_dump(exclude={"python"}),
        }
        if self.recipe.iterations > 0:
            arguments |= {"enable_lora": True, "max_loras": 1, "max_lora_rank": _rank(self.recipe.train.rank)}
        return arguments


class _Worker:
    """The process that holds vLLM.

    Raises:
        UserError: it does not start.
    """

    def __init__(self, python: str, arguments: dict[str, Any], environment: Mapping[str, str]):
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 (`end` closes it)
        command = [python, str(Path(__file__).with_name("vllm_worker.py")), json.dumps(arguments)]
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.errors,
                env=environment,
                start_new_session=True,  # one group, ended as a whole; a signal of the terminal is the parent's
                text=True,
                encoding="utf-8",
            )
        except OSError as error:
            raise UserError(f"sampler.vllm.python = {python!r}: cannot be started: {error}") from None
        threading.Thread(target=self._end_together, daemon=True).start()
        if "missing" in self._reply():
            self.end()
            raise UserError(f"sampler.kind: vllm: {python} has no vLLM; {INSTALL}")
        self._reply()

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The reply to a request.

        Raises:
            UserError: the process has ended.
        """
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise self._death() from None
        return self._reply()

    def end(self) -> None:
        """End it, and what it has started; its memory is free when this returns."""
        group = self.process.pid
        members = [one for one in psutil.process_iter() if _is_alive_in(group, one)]
        self._kill()
        self.process.wait()
        while any(_is_alive_in(group, one) for one in members):
            time.sleep(0.05)
        for file in (self.process.stdin, self.process.stdout, self.errors):
            file.close()

    def _end_together(self) -> None:
        """Children that outlive the process would hold the pipe open, and whoever waits for a reply would for ever."""
        self.process.wait()
        self._kill()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def _reply(self) -> dict[str, Any]:
        line = self.process.stdout.readline()
        if not line.endswith("\n"):
            raise self._death()
        return json.loads(line)

    def _death(self) -> UserError:
        """What it said: the first error, and the last lines."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(GRACE)
        self._kill()
        code = self.process.wait()
        self.errors.seek(0)
        said = self.errors.read().decode("utf-8", "replace").strip()
        cause, last = _CAUSE.search(said), "\n  ".join(said.splitlines()[-12:])
        return UserError(
            f"vLLM ended with exit code {code}; a smaller sampler.vllm.gpu_memory_utilization or max_model_len may "
            f"help, and the same command goes on from here. {f'It says: {cut(cause[0], 500)}. ' if cause else ''}"
            f"Its last lines:\n  {cut(last, 2000)}"
        )


def _require_own_gpus(settings: VllmEngine, place: Place) -> None:
    if place.size > 1 and settings.tensor_parallel_size > 1:
        raise UserError(
            f"sampler.vllm.tensor_parallel_size = {settings.tensor_parallel_size} in a run of {place.size} processes: "
            "each would start a vLLM on the GPUs of the others. Set it to 1, which gives each process one of its own, "
            "start one process, or start vllm serve and sample with sampler.kind: openai"
        )


def environment_of_vllm(ours: Mapping[str, str], place: Place, has_gpus: bool) -> dict[str, str]:
    """Of vLLM's process: of several processes on a machine each has a GPU of its own, the one that it trains on."""
    kept = {name: value for name, value in ours.items() if not LAUNCHER.fullmatch(name)}
    if place.size > 1 and has_gpus:
        number = int(next((ours[name] for name in LOCAL_RANK if name in ours), "0"))
        visible = [one for one in ours.get("CUDA_VISIBLE_DEVICES", "").split(",") if one]
        if len(visible) != 1:  # else its launcher has given it this one
            kept["CUDA_VISIBLE_DEVICES"] = visible[number] if number < len(visible) else str(number)
    return {**ON_CPU, "VLLM_LOGGING_LEVEL": "WARNING", **kept}


def _is_alive_in(group: int, process: psutil.Process) -> bool:
    """Whether a process belongs to a process group and has not ended (who should reap it may never do so)."""
    try:
        return os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False


def _params(decoding: Decoding, stops: Stops) -> dict[str, Any]:
    """Of `vllm.SamplingParams`."""
    return {
        "temperature": decoding.temperature,
        "top_p": decoding.top_p,
        "top_k": decoding.top_k or -1,
        "max_tokens": decoding.max_new_tokens,
        "stop": list(stops.strings) or None,
        "stop_token_ids": list(stops.tokens) or None,
    }


def _rank(rank: int) -> int:
    """The smallest `max_lora_rank` that an adapter of this rank fits in."""
    if rank > RANKS[-1]:
        raise UserError(f"train.rank = {rank}: vLLM takes adapters of rank {RANKS[-1]} at most")
    return next(one for one in RANKS if one >= rank)
