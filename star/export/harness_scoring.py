"""Judges completions as the run did: for lm-evaluation-harness, with star-trainer installed beside it."""

import json
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent


def problems(**_settings):
    """The held-out problems, each with its prompt."""
    from datasets import Dataset

    rows = [json.loads(line) for line in (HERE / "problems.jsonl").read_text(encoding="utf-8").splitlines()]
    return {"test": Dataset.from_list(rows)}


def process_results(doc, results):
    """1 for a right answer."""
    from star.records import Problem

    problem = Problem.from_dict(json.loads(doc["problem"]))
    return {"acc": float(_task().judge(problem, results[0]).accepted)}


@cache
def _task():
    from star.recipe import load_recipe
    from star.tasks import build_task

    return build_task(load_recipe(HERE / "recipe.yaml"))
