"""The README keeps its word: its reference is current, its files exist, its recipe for your own data works."""

import json
import re
import subprocess
import sys
from pathlib import Path

from star.cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_the_recipe_reference_is_up_to_date():
    done = subprocess.run([sys.executable, str(ROOT / "scripts/recipe_reference.py"), "--check"], check=False)
    assert done.returncode == 0, "run: python scripts/recipe_reference.py"


def test_every_file_it_names_exists():
    named = set(re.findall(r"\b(?:recipes|scripts|star|tests|docs)/[\w./-]+\.(?:py|yaml|sh|md|png|svg|txt)\b", README))
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_the_recipe_for_your_own_data_runs_as_printed(tmp_path, monkeypatch, random_models, capsys):
    [recipe] = re.findall(r"```yaml\n(name: my-problems.*?)```", README, re.DOTALL)
    [rows] = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
    [exemplars] = re.findall(r"```text\n(question:.*?)```", README, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    more = [{"question": f"What is {i} plus {i}?", "answer": str(2 * i)} for i in range(40)]
    (tmp_path / "problems.jsonl").write_text(rows + "".join(json.dumps(row) + "\n" for row in more))
    (tmp_path / "exemplars.txt").write_text(exemplars)
    (tmp_path / "my-problems.yaml").write_text(recipe)
    assert main(["run", "my-problems.yaml", "--dry-run", f"model.path={random_models['llama']}"]) == 0
    assert "everything checks out" in capsys.readouterr().out
