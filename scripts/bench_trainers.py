"""One side of `bench_train.py`: `bench_trainers.py ours|trl CHECKPOINT DTYPE`.

A request is a line of JSON on standard input: rows (pairs of prompt and target, in the order of training), batch_size
and TRL's setting. Its answer is a line of JSON on standard output: for every optimizer step its loss, its tokens and
when it ended. Both are timed by the same hook of torch, at the end of each `optimizer.step()`.
"""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
import time
import warnings
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from scripts.bench_contenders import peak_mib  # noqa: E402

LORA = {"r": 16, "lora_alpha": 32, "target_modules": "all-linear"}
LR = 5e-4


class Ours:
    """`star.train.train_lora`, as an iteration calls it."""

    def __init__(self, checkpoint: str, dtype: str):
        self.checkpoint, self.dtype = checkpoint, dtype

    def run(self, rows: list[list[str]], batch_size: int, setting: dict[str, Any], folder: Path) -> dict[str, Any]:
        from star.models import Checkpoint, encode_prompt, encode_target, load_tokenizer
        from star.order import batches
        from star.recipe import load_recipe
        from star.records import Example, derive_seed
        from star.train import train_lora

        steps = len(rows) // batch_size
        recipe = folder / "recipe.yaml"
        recipe.write_text(
            f"{{name: bench, task: {{kind: gsm8k}}, model: {{path: {json.dumps(self.checkpoint)}, dtype: {self.dtype}, "
            f"device: cpu}}, train: {{rank: {LORA['r']}, alpha: {LORA['lora_alpha']}, lr: {LR}, warmup_steps: 0, "
            f"batch_size: {batch_size}, steps: {{start: {steps}}}}}}}\n"
        )
        recipe = load_recipe(recipe)
        # training shuffles: hand the rows over such that it comes upon them in the order asked for
        order = batches(len(rows), batch_size, steps, None, derive_seed(recipe.seed, 1, "order"))
        places = [place for batch in order for place in batch]
        examples: list[Any] = [None] * len(rows)
        for number, (place, (prompt, target)) in enumerate(zip(places, rows, strict=True)):
            examples[place] = Example(prompt, target, f"row {number}", 1)
        checkpoint = Checkpoint(self.checkpoint)
        train_lora(recipe, checkpoint, examples, 1, folder)
        log = [json.loads(line) for line in (folder / "training.jsonl").read_text().splitlines()]
        tokenizer = load_tokenizer(checkpoint)
        lengths = [len(encode_prompt(tokenizer, p, False)) + len(encode_target(tokenizer, t)) for p, t in rows]
        return {"losses": [entry["loss"] for entry in log[1:]], "lengths": lengths}


class Trl:
    """TRL's `SFTTrainer` on the same rows in the same order, its loss on the completions only."""

    def __init__(self, checkpoint: str, dtype: str):
        self.checkpoint, self.dtype = checkpoint, dtype

    def run(self, rows: list[list[str]], batch_size: int, setting: dict[str, Any], folder: Path) -> dict[str, Any]:
        from datasets import Dataset
        from peft import LoraConfig
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from trl import SFTConfig, SFTTrainer

        attention = setting.pop("attention", None)  # of the model; the rest is SFTConfig's
        micro = setting.pop("micro_batch", batch_size)
        model = AutoModelForCausalLM.from_pretrained(self.checkpoint, dtype=self.dtype, attn_implementation=attention)
        options = {
            "per_device_train_batch_size": micro,
            "gradient_accumulation_steps": batch_size // micro,
            "learning_rate": LR,
            "lr_scheduler_type": "constant",
            "max_steps": len(rows) // batch_size,
            "max_length": None,
            "train_sampling_strategy": "sequential",
            "logging_steps": 1,
            "save_strategy": "no",
            "report_to": "none",
            "disable_tqdm": True,
            "use_cpu": True,
        }
        if self.dtype == "float32":
            setting["bf16"] = False  # TRL's default, autocast to bfloat16, would be another arithmetic
        trainer = SFTTrainer(
            model,
            args=SFTConfig(output_dir=str(folder), **(options | setting)),
            train_dataset=Dataset.from_list([{"prompt": prompt, "completion": target} for prompt, target in rows]),
            processing_class=AutoTokenizer.from_pretrained(self.checkpoint),
            peft_config=LoraConfig(task_type="CAUSAL_LM", **LORA),
        )
        trainer.train()
        losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
        return {"losses": losses, "lengths": [len(ids) for ids in trainer.train_dataset["input_ids"]]}


def main() -> None:
    """Serve requests until standard input ends."""
    os.environ |= {"TQDM_DISABLE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "TRANSFORMERS_VERBOSITY": "error"}
    warnings.simplefilter("ignore")
    import torch
    from torch.optim.optimizer import register_optimizer_step_post_hook

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    ends: list[float] = []
    register_optimizer_step_post_hook(lambda *_: ends.append(time.perf_counter()))
    trainer = {"ours": Ours, "trl": Trl}[sys.argv[1]](*sys.argv[2:])
    for line in sys.stdin:
        ends.clear()
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):  # trainers print
            figures = trainer.run(**json.loads(line), folder=Path(folder))
        print(json.dumps({**figures, "ends": ends, "peak_mib": peak_mib()}), flush=True)


if __name__ == "__main__":
    main()
