"""Every shipped recipe loads, keeps its meaning in canonical form, and dry-runs."""

import json
import subprocess
from pathlib import Path

import pytest

from star.cli import main
from star.recipe import canonical, load_recipe

ROOT = Path(__file__).parent.parent
RECIPES = sorted((ROOT / "recipes").rglob("*.yaml"))


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


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_shipped_recipe_loads_and_its_canonical_form_means_the_same(path, tmp_path):
    recipe = load_recipe(path)
    (tmp_path / "canonical.yaml").write_text(canonical(recipe))
    assert load_recipe(tmp_path / "canonical.yaml") == recipe
    assert recipe.name == path.stem


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_shipped_recipe_dry_runs(path, gsm8k, smollm2, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    recipe = load_recipe(path)
    overrides = [f"task.path={gsm8k}"] if recipe.task.kind == "gsm8k" else []
    assert main(["run", str(path), "--dry-run", *overrides]) == 0
    shown = capsys.readouterr().out
    assert "hinted prompt" in shown
    assert "everything checks out" in shown


@pytest.mark.parametrize("chat", ["false", "true"])
def test_the_real_model_goes_through_a_whole_iteration(smollm2, tmp_path, monkeypatch, capsys, chat):
    """A few problems, few-shot, LoRA on a real pretrained model; what it learns from so little is not asserted."""
    monkeypatch.chdir(ROOT)
    overrides = [
        "--limit",
        "6",
        "iterations=1",
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
