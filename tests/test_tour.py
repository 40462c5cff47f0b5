"""Every command of docs/tour.md works as printed."""

import json
import re
import shlex
import shutil
from pathlib import Path

from star.cli import main
from star.files import read_rows

TOUR = (Path(__file__).parent.parent / "docs/tour.md").read_text()


def test_every_command_of_the_tour_works_in_its_order(tiny_run, random_models, tmp_path, monkeypatch):
    """The run is that of the tiny recipe, so that nothing is trained again, and no model is downloaded."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny_run, "runs/arithmetic")
    Path("recipes").mkdir()
    shutil.copy(tiny_run.parent.parent / "tiny.yaml", "recipes/arithmetic.yaml")
    rows = [{"question": f"What is {i} plus {i}?", "answer": str(2 * i)} for i in range(40)]
    Path("problems.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    stand_in = [
        f"model.path={random_models['llama']}",
        "prompt.chat=false",
        "iterations=0",
        "decoding.max_new_tokens=8",
    ]
    more = {"recipes/arithmetic.yaml": ["--name", "arithmetic"], "problems.yaml": stand_in}
    example = read_rows(Path("runs/arithmetic/iterations/001/train.jsonl"))[0]["attempt_id"]
    commands = re.findall(r"^star (.*)$", "".join(re.findall(r"```bash\n(.*?)```", TOUR, re.DOTALL)), re.MULTILINE)
    assert len(commands) == 17
    for command in commands:
        words = [example if word == "EXAMPLE_ID" else word for word in shlex.split(command, comments=True)]
        assert main([*words, *more.get(words[1], [])]) == 0, command
    assert Path("my-adapter/adapter_model.safetensors").is_file()
    assert len(list(Path("runs/arithmetic/evaluations").glob("*/*/results.json"))) == 3
