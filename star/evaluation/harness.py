"""An evaluation in the files of lm-evaluation-harness, for what reads those.

Written as its `EvaluationTracker` does (lm_eval/loggers/evaluation_tracker.py and evaluator.py of 0.4.13,
https://github.com/EleutherAI/lm-evaluation-harness): `MODEL/results_DATE.json` and `MODEL/samples_TASK_DATE.jsonl`.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from star.evaluation.score import Evaluation
from star.files import make_folder, to_line, write_json, write_text
from star.recipe import Recipe
from star.records import Attempt
from star.scores import SEVERAL

METRIC = "acc"
"""The mean over problems of the share of right samples. What k samples give is `best_of_4` and the like beside it."""
FILTER = "none"
VERSION = 1
"""Of the task, as lm-eval counts versions."""


def harness_task(recipe: Recipe, mode: str) -> str:
    """What the held-out problems of a recipe are called in lm-eval."""
    return re.sub(r"\W+", "_", f"star_{recipe.name}_{mode}")


def write_harness_results(evaluation: Evaluation, folder: Path) -> Path:
    """Write results and samples below `folder`; returns where the results are."""
    results, now = evaluation.results, datetime.now()
    base = Path(results["base_model"])
    name = f"{base.name if base.is_dir() else base},{results['model']}"
    sanitized = re.sub(r"[\"<>:/|\\?*\[\]]+", "__", name)
    date, folder = now.isoformat().replace(":", "-"), folder / sanitized
    make_folder(folder)
    found: dict[str, Any] = defaultdict(dict)
    for mode in results["scores"]:
        task, samples = harness_task(evaluation.recipe, mode), list(_samples(evaluation, mode))
        write_text(folder / f"samples_{task}_{date}.jsonl", "".join(map(to_line, samples)))
        for key, value in _of_task(evaluation, mode, samples).items():
            found[key][task] = value
    page = {
        **found,
        "group_subtasks": {},
        "config": {
            "model": "star",
            "model_args": {"pretrained": results["base_model"], "adapter_sha256": results["adapter_sha256"]},
            "device": results["device"],
            "model_dtype": results["dtype"],
            "random_seed": results["seed"],
            "gen_kwargs": results["decoding"],
        },
        "date": now.timestamp(),
        "transformers_version": results["versions"]["transformers"],
        "model_source": "star",
        "model_name": name,
        "model_name_sanitized": sanitized,
        **dict.fromkeys(("chat_template", "chat_template_sha", "system_instruction", "system_instruction_sha")),
    }
    write_json(folder / f"results_{date}.json", page)
    return folder / f"results_{date}.json"


def _of_task(evaluation: Evaluation, mode: str, samples: list[dict[str, Any]]) -> dict[str, Any]:
    """What the results say of one task, by the key that it stands under."""
    task, scores = harness_task(evaluation.recipe, mode), evaluation.results["scores"][mode]
    several = {f"{kind}_{k}": share for kind in SEVERAL for k, share in scores.get(kind, {}).items()}
    shares, count = [sample[METRIC] for sample in samples], len(samples)
    error = stdev(shares) / math.sqrt(count) if count > 1 else "N/A"
    hashes = "".join(sample["doc_hash"] + sample["prompt_hash"] + sample["target_hash"] for sample in samples)
    config = {
        "task": task,
        "output_type": "generate_until",
        "metadata": {"version": VERSION, "verifier": evaluation.results["verifier"]},
        "generation_kwargs": samples[0]["arguments"]["gen_args_0"]["arg_1"],
        "repeats": evaluation.results["decoding"]["samples"],
    }
    return {
        "results": {
            "alias": task,
            f"{METRIC},{FILTER}": mean(shares),
            f"{METRIC}_stderr,{FILTER}": error,
            **{f"{metric},{FILTER}": share for metric, share in several.items()},
        },
        "configs": config,
        "versions": VERSION,
        "n-shot": 0,
        "higher_is_better": dict.fromkeys((METRIC, *several), True),
        "n-samples": {"original": count, "effective": count},
        "task_hashes": _hash(hashes),
    }


def _samples(evaluation: Evaluation, mode: str) -> Iterator[dict[str, Any]]:
    """A row for each problem."""
    decoding = evaluation.results["decoding"]
    arguments = {
        "until": decoding["stop"],
        "max_gen_toks": decoding["max_new_tokens"],
        "do_sample": decoding["temperature"] > 0,
        "temperature": decoding["temperature"],
    }
    for number, (_, tries) in enumerate(groupby(evaluation.attempts(mode), key=lambda attempt: attempt.problem.id)):
        attempts: list[Attempt] = list(tries)
        first, texts = attempts[0], [attempt.completion.text for attempt in attempts]
        doc = first.problem.to_dict()
        yield {
            "doc_id": number,
            "doc": doc,
            "target": first.problem.answer,
            "arguments": {"gen_args_0": {"arg_0": first.prompt.text, "arg_1": arguments}},
            "resps": [texts],
            "filtered_resps": [texts[0]] if len(texts) == 1 else [texts],
            "filter": FILTER,
            "metrics": [METRIC],
            "doc_hash": _hash(json.dumps(doc, indent=2, ensure_ascii=False)),
            "prompt_hash": _hash(first.prompt.text),
            "target_hash": _hash(first.problem.answer),
            METRIC: mean(float(attempt.verdict.accepted) for attempt in attempts),
        }


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
