"""One engine of `bench_sampler.py`: `bench_contenders.py ours|generate|vllm CHECKPOINT DTYPE`.

A request is a line of JSON on standard input: prompts, samples, max_new_tokens, stop (empty: exactly max_new_tokens
each, end tokens ignored) and batch_size. Its answer is a line of JSON on standard output. T = 0.7, top_p = 0.95.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

TEMPERATURE, TOP_P = 0.7, 0.95


class Ours:
    """Our own engine; also says what its decoding steps would take if they were bare matrix products."""

    def __init__(self, checkpoint: str, dtype: str):
        sys.path.insert(0, str(Path(__file__).parents[1]))
        from star.models import Checkpoint
        from star.recipe import Decoding, Model, SamplerSettings
        from star.records import Prompt
        from star.sample import LocalSampler
        from star.sample.rows import Endings

        class Endless(LocalSampler):
            """Without stop strings, a completion has all its tokens: end tokens are ignored."""

            def endings(self, stop: tuple[str, ...]) -> Endings:
                return super().endings(stop) if stop else Endings(self.tokenizer, set(), ())

        self.prompt, self.decoding, self.settings = Prompt, Decoding, SamplerSettings
        model = Model(path=checkpoint, dtype=dtype)
        self.sampler = Endless(model, SamplerSettings(), Checkpoint(checkpoint), False, 1 << 20)

    def run(self, prompts: list[str], samples: int, max_new_tokens: int, stop: list[str], batch_size: int) -> dict:
        self.sampler.settings = self.settings(batch_size=batch_size)
        asked = [self.prompt(str(i), text) for i, text in enumerate(prompts)]
        decoding = self.decoding(
            samples=samples, max_new_tokens=max_new_tokens, stop=stop, temperature=TEMPERATURE, top_p=TOP_P
        )
        self.sampler._load()
        prefill, steps = self._watch()
        self.sampler.engine._prefix = ((), None)  # the prefix is computed in every run: no contender may keep it
        start = time.perf_counter()
        completions = self.sampler.sample(asked, decoding, seed=0)
        seconds = time.perf_counter() - start
        return {
            "seconds": seconds,
            "tokens": sum(completion.num_tokens for completion in completions),
            "decode_seconds": seconds - sum(prefill),
            "gemm_seconds": self._gemms(steps),
        }

    def _watch(self) -> tuple[list[float], Counter[int]]:
        """Seconds of each prefill, and how many steps there were of how many rows."""
        engine, prefill, steps = self.sampler.engine, [], Counter()
        for name in ("start", "admit", "step"):
            engine.__dict__.pop(name, None)
            plain = getattr(engine, name)

            def watched(*arguments: Any, plain: Any = plain, name: str = name) -> Any:
                if name == "step":
                    steps[len(arguments[0])] += 1
                    return plain(*arguments)
                start = time.perf_counter()
                result = plain(*arguments)
                prefill.append(time.perf_counter() - start)
                return result

            setattr(engine, name, watched)
        return prefill, steps

    def _gemms(self, steps: Counter[int]) -> float:
        """Seconds that the matrix products of all steps take, each linear layer on as many rows, nothing between."""
        import torch

        linear = [module for module in self.sampler.model.modules() if isinstance(module, torch.nn.Linear)]
        total, sizes = 0.0, Counter()
        for rows, count in steps.items():
            sizes[rows if rows < 8 else (rows + 7) // 8 * 8] += count
        with torch.inference_mode():
            for rows, count in sizes.items():
                inputs = {m.in_features: torch.randn(rows, m.in_features).to(self.sampler.model.dtype) for m in linear}
                once = []
                for _ in range(4):
                    start = time.perf_counter()
                    for module in linear:
                        module(inputs[module.in_features])
                    once.append(time.perf_counter() - start)
                total += count * min(once)
        return total


class Generate:
    """transformers' `generate`, as it is, longest prompts first."""

    def __init__(self, checkpoint: str, dtype: str):
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(checkpoint, padding_side="left")
        self.model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=dtype).eval()

    def run(self, prompts: list[str], samples: int, max_new_tokens: int, stop: list[str], batch_size: int) -> dict:
        ends = {} if stop else {"min_new_tokens": max_new_tokens}
        if stop:
            ends = {"stop_strings": stop, "tokenizer": self.tokenizer}
        start, tokens = time.perf_counter(), 0
        ordered = sorted((text for text in prompts for _ in range(samples)), key=len, reverse=True)
        for at in range(0, len(ordered), batch_size):
            batch = self.tokenizer(ordered[at : at + batch_size], return_tensors="pt", padding=True)
            out = self.model.generate(
                **batch, max_new_tokens=max_new_tokens, do_sample=True, temperature=TEMPERATURE, top_p=TOP_P, top_k=0,
                pad_token_id=self.tokenizer.pad_token_id, **ends,
            )  # fmt: skip
            for row in out[:, batch["input_ids"].shape[1] :].tolist():
                tokens += count(row, self.tokenizer, stop)
        return {"seconds": time.perf_counter() - start, "tokens": tokens}


class Vllm:
    """vLLM, compiled, with prefix caching, up to 128 sequences at once; its cache is emptied between runs.

    It is bound to all cores of this process: left to itself, it keeps one of two for other things (169 instead of 307
    tokens/s).
    """

    def __init__(self, checkpoint: str, dtype: str):
        os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "4")
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
        os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", ",".join(map(str, sorted(os.sched_getaffinity(0)))))
        from vllm import LLM, SamplingParams

        self.params = SamplingParams
        self.llm = LLM(
            checkpoint, dtype=dtype, max_model_len=2048, enable_prefix_caching=True, max_num_seqs=128,
            disable_log_stats=True,
        )  # fmt: skip

    def run(self, prompts: list[str], samples: int, max_new_tokens: int, stop: list[str], batch_size: int) -> dict:
        params = self.params(
            n=samples, max_tokens=max_new_tokens, temperature=TEMPERATURE, top_p=TOP_P, ignore_eos=not stop,
            stop=stop or None,
        )  # fmt: skip
        self.llm.reset_prefix_cache()
        start = time.perf_counter()
        outputs = self.llm.generate(prompts, params, use_tqdm=False)
        seconds = time.perf_counter() - start
        return {"seconds": seconds, "tokens": sum(len(one.token_ids) for out in outputs for one in out.outputs)}


def count(tokens: list[int], tokenizer: Any, stop: list[str]) -> int:
    """How many of a row's tokens were needed: up to the end token, or the one that completes a stop string."""
    if not stop:
        return len(tokens)
    for place, token in enumerate(tokens, 1):
        if token == tokenizer.eos_token_id or any(text in tokenizer.decode(tokens[:place]) for text in stop):
            return place
    return len(tokens)


def peak_mib() -> float:
    """The most memory that this process and its children (vLLM has some) ever held, in MiB, summed over them."""
    import psutil

    this = psutil.Process()
    statuses = [Path(f"/proc/{one.pid}/status").read_text() for one in (this, *this.children(recursive=True))]
    return sum(int(line.split()[1]) for text in statuses for line in text.splitlines() if "VmHWM" in line) / 1024


def main() -> None:
    """Serve requests until standard input ends."""
    engine = {"ours": Ours, "generate": Generate, "vllm": Vllm}[sys.argv[1]](*sys.argv[2:])
    for line in sys.stdin:
        figures = engine.run(**json.loads(line))
        figures["peak_mib"] = peak_mib()
        print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
