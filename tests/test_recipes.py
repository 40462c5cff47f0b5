"""Every shipped recipe loads, keeps its meaning in canonical form, and dry-runs; the paper's numbers are pinned."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from star.cli import main
from star.recipe import canonical, difference, load_recipe

ROOT = Path(__file__).parent.parent
LAUNCHES = ROOT / "recipes/accelerate"
RECIPES = sorted(path for path in (ROOT / "recipes").rglob("*.yaml") if path.parent != LAUNCHES)
PAPER = ROOT / "recipes/paper"
SETTINGS = {
    "arithmetic": {
        "iterations": 16,
        "problems_per_iteration": 10_000,
        "task.style": "paper",
        "prompt.train_with": False,
        "train.steps": {"start": 300, "growth": None, "increment": 20, "cap": None},
        "train.batch_size": 80,
    },
    "commonsenseqa": {
        "problems_per_iteration": None,
        "task.held_out": "dev",
        "prompt.shots": 7,
        "prompt.train_with": True,
        "decoding.max_new_tokens": 96,
        "train.steps": {"start": 40, "growth": 1.2, "increment": None, "cap": None},
        "train.batch_size": 12,
    },
    "gsm8k": {
        "iterations": 46,
        "problems_per_iteration": None,
        "task.held_out": "test",
        "task.annotations": "keep",
        "prompt.train_with": False,
        "train.steps": {"start": 40, "growth": 1.2, "increment": None, "cap": 7912},
        "train.batch_size": 48,
    },
}
"""What the paper decides for each task, by dotted key; `EVERYWHERE` for all."""
EVERYWHERE = {
    "method": "star",
    "model.path": "EleutherAI/gpt-j-6b",
    "prompt.sample_with": "always",
    "decoding.temperature": 0.0,
    "decoding.samples": 1,
    "rationalization.probability": 1.0,
    "rationalization.keep_hint": 0.0,
    "selection.keep_iterations": 1,
    "train.from_base": True,
    "train.schedule": "constant",
    "train.warmup_steps": 100,
    "train.weight_decay": 0.0,
}
ABLATIONS = {
    "arithmetic-direct": {"method", "iterations", "prompt.sample_with", "train.steps"},
    "arithmetic-no-rationalization": {"rationalization.probability", "train.steps"},
    "commonsenseqa-direct": {
        "method",
        "iterations",
        "prompt.sample_with",
        "prompt.train_with",
        "train.batch_size",
        "train.micro_batch_size",
        "train.steps",
    },
    "commonsenseqa-few-shot": {"iterations"},
    "commonsenseqa-high-temperature": {
        "rationalization.probability",
        "decoding.temperature",
        "decoding.samples",
    },
    "commonsenseqa-no-rationalization": {"rationalization.probability"},
    "gsm8k-direct": {"method", "iterations", "prompt.sample_with", "train.steps"},
    "gsm8k-no-rationalization": {"iterations", "rationalization.probability"},
}
"""In what each ablation differs from the recipe that it is an ablation of."""


def at(recipe, key):
    """The value at a dotted key."""
    value = recipe.model_dump(mode="json")
    for part in key.split("."):
        value = value[part]
    return value


def name_of(path):
    """What a shipped recipe is called: runs of two recipes must not share a directory."""
    if PAPER in path.parents:
        return f"paper-{path.stem}"
    return path.stem if path.parent == ROOT / "recipes" else f"{path.parent.name}-{path.stem}"


@pytest.fixture(scope="session")
def smollm2():
    """The real model that some recipes need, fetched as the README says."""
    subprocess.run(["bash", str(ROOT / "scripts/get_smollm2.sh")], check=True)


@pytest.fixture
def gsm8k(tmp_path):
    """A data set in GSM8K's format, with a thousands separator."""
    for split, apples in (("train", 3), ("test", 5)):
        rows = [
            {
                "question": f"Ann has {apples} bags of {i} apples. How many?",
                "answer": f"{apples}*{i}={apples * i:,}\n#### {apples * i:,}",
            }
            for i in range(1, 900, 150)
        ]
        (tmp_path / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


@pytest.fixture
def commonsenseqa(tmp_path):
    """A data set in CommonsenseQA's format."""
    folder = tmp_path / "commonsenseqa"
    folder.mkdir()
    for split, count in (("train", 6), ("dev", 3)):
        choices = [{"label": label, "text": f"the {label} {split}"} for label in "ABCDE"]
        rows = [
            {
                "answerKey": "ABCDE"[i % 5],
                "id": f"{split}{i}",
                "question": {"question_concept": "one", "choices": choices, "stem": f"Which is {split} {i}?"},
            }
            for i in range(count)
        ]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture
def math(tmp_path):
    """A data set in MATH's format."""
    folder = tmp_path / "math"
    folder.mkdir()
    for split, half in (("train", r"\frac{1}{2}"), ("test", "0.5")):
        row = {"problem": f"What is ${half}$ of the {split} split?", "solution": rf"It is $\boxed{{{half}}}$."}
        (folder / f"{split}.jsonl").write_text(json.dumps(row) + "\n")
    return folder


@pytest.fixture
def worked_solutions(tmp_path):
    """What scripts/collapse_experiment.sh mixes in, written as it writes it."""
    file = tmp_path / "worked.jsonl"
    script, recipe = ROOT / "scripts/worked_solutions.py", ROOT / "recipes/collapse/mixed.yaml"
    subprocess.run([sys.executable, script, recipe, "20", file], check=True)
    return file


@pytest.fixture(scope="session")
def long_context_model(random_models, tmp_path_factory):
    """Stands in for models that only a hub has: a tokenizer and a configuration with room for long prompts."""
    folder = tmp_path_factory.mktemp("models") / "long-context"
    shutil.copytree(random_models["llama"], folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 16384}))
    return folder


@pytest.mark.parametrize("path", RECIPES, ids=name_of)
def test_a_shipped_recipe_loads_and_its_canonical_form_means_the_same(path, tmp_path):
    recipe = load_recipe(path)
    (tmp_path / "canonical.yaml").write_text(canonical(recipe))
    assert load_recipe(tmp_path / "canonical.yaml") == recipe
    assert recipe.name == name_of(path)


@pytest.mark.parametrize("path", RECIPES, ids=name_of)
def test_a_shipped_recipe_dry_runs(path, request, gsm8k, commonsenseqa, math, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    recipe = load_recipe(path)
    folders = {"gsm8k": gsm8k, "commonsenseqa": commonsenseqa, "math": math}
    overrides = [f"task.path={folders[recipe.task.kind]}"] if recipe.task.kind in folders else []
    if recipe.task.kind == "reasoning_gym":
        pytest.importorskip("reasoning_gym")
    if recipe.mix.real:
        overrides.append(f"mix.real.path={request.getfixturevalue('worked_solutions')}")
    if recipe.model.gguf:
        request.getfixturevalue("smollm2")
    if recipe.model.path:
        overrides.append(f"model.path={request.getfixturevalue('long_context_model')}")
    assert main(["run", str(path), "--dry-run", *overrides]) == 0
    shown = capsys.readouterr().out
    assert "plain prompt" in shown
    if recipe.method == "star" and recipe.iterations and recipe.rationalization.probability:
        assert "hinted prompt" in shown
    assert "everything checks out" in shown


@pytest.mark.parametrize("task", SETTINGS)
def test_a_recipe_of_the_paper_has_its_numbers(task):
    recipe = load_recipe(PAPER / f"{task}.yaml")
    wanted = EVERYWHERE | SETTINGS[task]
    assert {key: at(recipe, key) for key in wanted} == wanted


def test_the_steps_of_the_paper_grow_as_it_says():
    arithmetic, commonsenseqa, gsm8k = (load_recipe(PAPER / f"{task}.yaml").train.steps for task in SETTINGS)
    assert [arithmetic.in_iteration(n) for n in (1, 2, 16)] == [300, 320, 600]
    assert [commonsenseqa.in_iteration(n) for n in (1, 2, 3, 20)] == [40, 48, 57, 1277]
    assert [gsm8k.in_iteration(n) for n in (1, 30, 31, 46)] == [40, 7912, 7912, 7912]  # 4.5: "after 7,912 steps"


def test_an_ablation_changes_what_it_is_about_and_nothing_else():
    assert sorted(path.stem for path in (PAPER / "ablations").glob("*.yaml")) == sorted(ABLATIONS)
    for name, changes in ABLATIONS.items():
        whole = load_recipe(PAPER / f"{name.partition('-')[0]}.yaml")
        ablation = load_recipe(PAPER / f"ablations/{name}.yaml")
        keys = {key for key, _, _ in difference(whole, ablation)} - {"name"}
        assert {"train.steps" if key.startswith("train.steps.") else key for key in keys} == changes, name


@pytest.mark.parametrize("chat", ["false", "true"])
def test_the_real_model_goes_through_a_whole_iteration(smollm2, tmp_path, monkeypatch, capsys, chat):
    """A few problems, few-shot, LoRA on a real pretrained model; what it learns from so little is not asserted."""
    monkeypatch.chdir(ROOT)
    overrides = [
        "--limit",
        "2",
        "iterations=1",
        "evaluation.problems=2",
        "train.epochs=null",
        "train.steps={start: 2}",
        "train.batch_size=4",
        f"prompt.chat={chat}",
    ]
    recipe = ROOT / "recipes/smollm2-arithmetic.yaml"
    assert main(["run", str(recipe), "--runs", str(tmp_path), f"prompt.chat={chat}", *overrides]) == 0
    metrics = json.loads((tmp_path / "smollm2-arithmetic/metrics.jsonl").read_text().splitlines()[1])
    assert metrics["solved"] > 0
    assert metrics["train_steps"] == 2
    attempts = (tmp_path / "smollm2-arithmetic/iterations/001/attempts.jsonl").read_text()
    assert ("<|im_start|>assistant" in attempts) == (chat == "true")
    assert "few-shot" in capsys.readouterr().out
