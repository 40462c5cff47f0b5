"""The exported task asks what the run asked, and judges as the run judged. (Real lm-eval: scripts/check_lm_eval.sh.)"""

import importlib.util

import pytest
from ruamel.yaml import YAML

from star.cli import main
from star.files import read_rows


@pytest.fixture(scope="module")
def exported(tiny_run, tmp_path_factory):
    """The folder."""
    folder = tmp_path_factory.mktemp("lm-eval") / "task"
    assert main(["export", str(tiny_run), "--lm-eval", str(folder)]) == 0
    return folder


def test_it_has_the_prompts_and_the_verdicts_of_the_run(exported, tiny_run):
    spec = importlib.util.spec_from_file_location("scoring", exported / "scoring.py")
    scoring = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(scoring)
    docs = list(scoring.problems()["test"])
    attempts = read_rows(tiny_run / "iterations/002/evaluation-zero-shot.jsonl")
    assert [doc["prompt"] for doc in docs] == [row["prompt"]["text"] for row in attempts]
    verdicts = [
        scoring.process_results(doc, [row["completion"]["text"]]) for doc, row in zip(docs, attempts, strict=True)
    ]
    assert verdicts == [{"acc": float(row["verdict"]["status"] == "correct")} for row in attempts]
    assert scoring.process_results(docs[0], [f"#{docs[0]['answer']}"]) == {"acc": 1.0}


def test_its_settings_are_those_of_evaluation(exported):
    yaml = YAML()
    yaml.constructor.add_constructor("!function", lambda constructor, node: node.value)
    [file] = exported.glob("star_*.yaml")
    task = yaml.load(file.read_text())
    assert task["task"] == file.stem == "star_tiny_zero_shot"
    assert task["generation_kwargs"]["max_gen_toks"] == 40
    assert task["generation_kwargs"]["do_sample"] is False


def test_the_command_names_base_model_and_adapter(tiny_run, tmp_path, capsys):
    assert main(["export", str(tiny_run), "--lm-eval", str(tmp_path / "task"), "--iteration", "1"]) == 0
    command = capsys.readouterr().out.splitlines()[-1]
    assert "pretrained=" in command
    assert f"peft={tiny_run}/iterations/001/adapter" in command
