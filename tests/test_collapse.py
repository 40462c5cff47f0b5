"""What scripts/collapse_experiment.sh finds, from made-up metrics in which the right findings are known."""

import json
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from star.audit.signals import BY_NAME
from star.recipe import load_recipe
from star.report.compare import Run, load_runs
from star.tasks import build_task, load_problems

ROOT = Path(__file__).parents[1]
BLEU, WORDS, KL = BY_NAME["self_bleu"], BY_NAME["distinct_2"], BY_NAME["base_kl"]


def script(name):
    spec = spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


collapse, worked = script("collapse_figure"), script("worked_solutions")


def run(name, accuracy, **signals):
    """A run with these values in its iterations; a signal has one value less, and none for the base model."""
    rows = []
    for number, share in enumerate(accuracy):
        score = {"correct": 0, "total": 100, "accuracy": share, "low": 0.0, "high": 1.0}
        audit = {key: values[number - 1] if number else None for key, values in signals.items()}
        scores = {"zero-shot": {"all": score, "groups": {}}}
        row = {"iteration": number, "accuracy": scores, "audit": audit, "seconds": {}}
        rows.append(row | ({"train_loss_last": 1 / number} if number else {}))
    return Run(name, rows)


VERIFIED = run("verified", [0.4, 0.45, 0.5, 0.5], self_bleu=[0.5, 0.6, 0.5], distinct_2=[0.3, 0.3, 0.2])
COLLAPSED = run("voted", [0.4, 0.37, 0.35, 0.2], self_bleu=[0.7, 0.84, 0.86], distinct_2=[0.3, 0.9, 0.2])


def test_accuracy_falls_where_a_tenth_of_that_of_the_base_model_is_lost():
    assert collapse.fell(COLLAPSED) == 2
    assert collapse.fell(VERIFIED) is None


def test_a_signal_warns_where_its_change_leaves_the_band_by_half_its_width():
    low, high = collapse.band(VERIFIED, BLEU)
    assert (low, high) == pytest.approx((-0.05, 0.15))
    assert collapse.warned(COLLAPSED, BLEU, (low, high)) == 3  # changed by 0.14, then by 0.16
    assert collapse.warned(VERIFIED, BLEU, (low, high)) is None


def test_a_signal_warns_of_its_own_first_value_where_it_is_a_tenth_worse():
    assert collapse.warned(COLLAPSED, BLEU, collapse.own(COLLAPSED, BLEU)) == 2
    assert collapse.own(run("zero", [1, 1, 1], self_bleu=[0.0, 0.5]), BLEU) is None


def test_only_the_bad_direction_warns_unless_a_signal_has_none():
    assert collapse.warned(COLLAPSED, WORDS, collapse.own(COLLAPSED, WORDS)) == 3  # more distinct words are no warning
    for far in (0.2, 0.4):
        moved = run("moved", [1, 1, 1], base_kl=[0.3, far])
        assert collapse.warned(moved, KL, collapse.own(moved, KL)) == 2


@pytest.fixture
def folders(tmp_path):
    for made in (VERIFIED, COLLAPSED):
        folder = tmp_path / f"collapse-{made.name}"
        folder.mkdir()
        (folder / "recipe.yaml").write_text(f"name: collapse-{made.name}\n")
        (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in made.rows))
    return [tmp_path / "collapse-verified", tmp_path / "collapse-voted"]


def test_the_findings_are_printed_and_drawn(folders, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["collapse_figure.py", *map(str, folders), "--out", str(tmp_path / "out.png")])
    assert collapse.main() == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["accuracy", "fell", "never", "2"] in lines
    assert ["self-BLEU", "nothing", "never", "3", "(-1)"] in lines  # by the band
    assert ["self-BLEU", "nothing", "2", "2", "(+0)"] in lines  # by its own first value
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    assert [run.name for run in load_runs(folders)] == ["collapse-verified", "collapse-voted"]


def test_a_run_that_is_not_there_is_one_message(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["collapse_figure.py", str(tmp_path / "none"), "--out", str(tmp_path / "out.png")])
    assert collapse.main() == 2
    assert "there is no such folder" in capsys.readouterr().err.replace("\n", " ")


def test_the_arms_differ_in_what_they_train_on_alone():
    arms = {path.stem: load_recipe(path) for path in (ROOT / "recipes/collapse").glob("*.yaml")}
    assert sorted(arms) == ["mixed", "self-voted", "unverified", "verified"]
    same = [arm.model_dump(exclude={"name": True, "selection": {"accept"}, "mix": True}) for arm in arms.values()]
    assert all(other == same[0] for other in same)
    assert {name: arm.selection.accept for name, arm in arms.items()} == {
        "verified": "correct",
        "unverified": "all",
        "self-voted": "majority",
        "mixed": "correct",
    }


def test_worked_solutions_solve_training_problems_and_no_held_out_one():
    recipe = load_recipe(ROOT / "recipes/collapse/mixed.yaml")
    task = build_task(recipe)
    train, held_out = ({p.question: p for p in problems} for problems in load_problems(recipe, task)[:2])
    rows = worked.rows(recipe, 40)
    assert len({row["question"] for row in rows}) == 40
    for row in rows:
        assert row["question"] in train
        assert row["question"] not in held_out
        assert task.judge(train[row["question"]], row["rationale"]).accepted
    assert rows == worked.rows(recipe, 40)
