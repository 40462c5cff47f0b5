"""What the loop costs around sampling and fine-tuning: a whole iteration on a million problems of one JSONL file.

    python scripts/bench_stream.py [--problems 1000000] [--folder DIR] [--profile FILE] [--json FILE] [key=value ...]

Everything is the product's: `check`, the run directory and its journals, prompts, verifier, step checker, selection,
mixing, audit, metrics, model card and report. Two things are not. The sampler is a fake that obeys the `Sampler`
protocol: it reads the prompt and answers right for 70% of the problems, wrong for 25%, and with garbage for 5%; of
hinted prompts, right for all but the garbage. Its working has no equation, unless `--equations`: to check one takes
longer than all else together, and belongs to verifying, not to the data path. And the fine-tuning step writes the
training rows, as ever, and then an empty adapter with its log.

Overhead is every CPU second of the process from the first row that is read until the report is written, less those in
the fake's `sample` and in nothing else; it is given by stage, and divided by the problems; then by activity: the data
path (reading problems, prompts, journals, selection, training rows, history, metrics, report), verifying (answers and
steps), and auditing (overlap with protected texts, signals, specimens). CPU seconds, so that what
else the machine does is not counted; the seconds on the wall stand below them. Imports come before, and take the same
for one problem as for a million. Peak memory is the process's (`ru_maxrss`), libraries included.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import random
import re
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from scripts.machine import machine  # noqa: E402
from star.files import to_line  # noqa: E402
from star.records import Completion, Prompt, derive_seed  # noqa: E402

RECIPE = """\
name: stream
iterations: 1
task: {{kind: jsonl, train: "{train}", held_out: "{held_out}", fields: {{id: id}}, verifier: numeric,
       answer_pattern: "#### (.+)"}}
model: {{path: "{model}", device: cpu, threads: 1}}
evaluation: {{problems: 200}}
audit: {{reference_texts: 0}}
train: {{steps: {{start: 1}}}}
"""
RIGHT, WRONG = 0.70, 0.25
"""Shares of the answers; the rest is garbage."""
MIB = 1 << 10
"""KiB of `ru_maxrss`."""
WORDS = 4000
"""Different words in the questions."""
QUESTION = re.compile(r"buys (\d+) \w+ and (\d+) \w+[^?]*\?(?! .*\?)", re.DOTALL)


class FakeSampler:
    """Obeys `star.sample.Sampler`: what it writes about a problem depends on the seed and the problem's id alone.

    Attributes:
        equations: whether it writes steps that can be checked.
        seconds: spent in `sample`.
    """

    def __init__(self, equations: bool) -> None:
        self.name, self.equations, self.seconds = "base", equations, 0.0

    def use(self, adapter: Path | None, name: str) -> None:
        self.name = name

    def release(self) -> None:
        """There are no weights."""

    def sample(self, prompts: Sequence[Prompt], decoding: Any, seed: int) -> list[Completion]:
        start = time.process_time()
        found = [self._complete(prompt, index, seed) for prompt in prompts for index in range(decoding.samples)]
        self.seconds += time.process_time() - start
        return found

    def _complete(self, prompt: Prompt, index: int, seed: int) -> Completion:
        own = derive_seed(seed, prompt.problem_id, index)
        text = self._write(prompt, own / 2**63)
        return Completion(prompt.problem_id, index, text, len(text) // 4 + 1, "eos", own, self.name)

    def _write(self, prompt: Prompt, draw: float) -> str:
        if draw >= RIGHT + WRONG:
            return f"the the of apples {draw:.6f} and so on and on"
        a, b = map(int, QUESTION.findall(prompt.text)[-1])
        total = a + b if draw < RIGHT or prompt.hinted else a + b + 1
        working = f"{a} + {b} = {total}" if self.equations else f"{a} and {b} make {total}"
        return f"First there are {a} of them. Then {b} more, so {working}. In all {total}.\n#### {total}"


def problem_rows(count: int, name: str) -> Iterable[dict[str, Any]]:
    """`count` word problems of some 40 words, most of which are drawn, so that no two share a run of them."""
    rng = random.Random(name)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(WORDS)]
    for number in range(count):
        drawn = rng.choices(words, k=32)
        a, b = rng.randint(10, 999), rng.randint(10, 999)
        text = f"{' '.join(drawn[:26])} buys {a} {drawn[26]} and {b} {drawn[27]} {' '.join(drawn[28:])}. How many?"
        yield {"id": f"{name}-{number}", "question": text, "answer": str(a + b)}


def write_data(folder: Path, count: int) -> str:
    """The files of the benchmark, if they are not there; returns the recipe."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {"train": folder / f"train-{count}.jsonl", "held_out": folder / "held-out.jsonl"}
    for name, path in files.items():
        if not path.exists():
            with path.open("w", encoding="utf-8") as file:
                file.writelines(map(to_line, problem_rows(count if name == "train" else 1000, name)))
    if not (folder / "model").exists():
        write_model(folder / "model")
    return RECIPE.format(**files, model=folder / "model")


def write_model(folder: Path) -> None:
    """A model of a few thousand parameters, and a byte-level BPE tokenizer of 4,000 tokens trained on the questions."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=4000, special_tokens=["<eos>"], initial_alphabet=alphabet)
    tokenizer.train_from_iterator((row["question"] for row in problem_rows(2000, "train")), trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<eos>", eos_token="<eos>")
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = LlamaConfig(vocab_size=len(fast), max_position_embeddings=4096, **sizes)
    LlamaForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)


def no_training(recipe: Any, checkpoint: Any, examples: Any, number: int, folder: Path, **_: Any) -> None:
    """In place of `train_lora`: what an adapter's directory must have, and nothing learned."""
    header = {"examples": len(examples), "too_long": [], "steps": 1}
    step = {"step": 1, "loss": 0.0, "lr": 0.0, "grad_norm": 0.0, "examples": 0}
    (folder / "training.jsonl").write_text(to_line(header) + to_line(step))
    (folder / "adapter_model.safetensors").write_bytes(b"")


def run_once(recipe_file: Path, overrides: Sequence[str], runs: Path, equations: bool) -> dict[str, Any]:
    """One whole iteration; returns seconds by stage, and what was done in them."""
    import star.session
    import star.store.iteration
    from star.clock import clock
    from star.garbage import spare_libraries
    from star.loop import run
    from star.opening import open_session
    from star.preflight import check
    from star.processes.world import Alone
    from star.recipe import load_recipe
    from star.store import Store

    star.session.train_lora = no_training
    star.store.iteration.time = SimpleNamespace(monotonic=time.process_time)
    clock._now = time.process_time
    clock.take()
    recipe = load_recipe(recipe_file, overrides)
    began, start = time.monotonic(), time.process_time()
    checked = check(recipe)
    checked_at = time.process_time()
    sampler = FakeSampler(equations)
    with Store.open(runs / recipe.name, recipe) as store, spare_libraries():
        session = open_session(checked, store, Alone())
        session.sampler = sampler
        opened_at, spent = time.process_time(), clock.take()
        run(session, store)
        ended = time.process_time()
        [base, metrics] = store.metrics()
    stages = {"check": checked_at - start, "open": opened_at - checked_at}
    for row in (base, metrics):
        for name, seconds in row["seconds"].items():
            stages[name] = stages.get(name, 0.0) + seconds
    stages["metrics, card, report and between"] = ended - start - sum(stages.values())
    stages["(the fake sampler)"] = -sampler.seconds
    spent += Counter(base["spent"]) + Counter(metrics["spent"])
    activities = {name: spent[name] for name in ("verifying", "auditing")}
    activities = {"data path": sum(stages.values()) - sum(activities.values())} | activities
    return {"stages": stages, "activities": activities, "metrics": metrics, "wall": time.monotonic() - began}


def main() -> int:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="recipe keys to change")
    parser.add_argument("--problems", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--equations", action="store_true", help="rationales have a step to check, which takes long")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="keep data and run there")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="write a cProfile there (which slows it all down)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    arguments = parser.parse_args()
    with nullcontext(arguments.folder) if arguments.folder else tempfile.TemporaryDirectory() as folder:
        folder = Path(folder).absolute()
        (path := folder / "stream.yaml").parent.mkdir(parents=True, exist_ok=True)
        path.write_text(write_data(folder, arguments.problems))
        runs = tempfile.mkdtemp(prefix="runs-", dir=folder)
        few = [f"task.train={folder / 'held-out.jsonl'}", "task.held_out=null", "name=warm-up"]
        run_once(path, [*arguments.overrides, *few], Path(runs), False)  # imports
        work: Callable[[], dict[str, Any]] = partial(
            run_once, path, arguments.overrides, Path(runs), arguments.equations
        )
        profile = cProfile.Profile() if arguments.profile else None
        found = profile.runcall(work) if profile else work()
    if profile:
        profile.dump_stats(arguments.profile)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB
    micro = {name: round(1e6 * s / arguments.problems, 2) for name, s in found["stages"].items()}
    kinds = {name: round(1e6 * s / arguments.problems, 2) for name, s in found["activities"].items()}
    for name, each in (*micro.items(), ("overhead", sum(micro.values())), *kinds.items()):
        print(f"{name:36}{each:10.1f} µs a problem")
    print(f"{'on the wall, sampler included':36}{1e6 * found['wall'] / arguments.problems:10.1f} µs a problem")
    print(f"{'peak RSS':36}{peak:10.0f} MiB")
    figures = {"machine": machine("torch", "transformers"), "problems": arguments.problems, "peak_mib": round(peak)}
    counts = {name: found["metrics"][name] for name in ("solved", "hinted", "rationalized", "examples")}
    if arguments.json:
        figures |= {
            "microseconds": micro,
            "activities": kinds,
            "overhead": round(sum(micro.values()), 1),
            "counts": counts,
        }
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
