"""Recipes on top of other recipes: what is inherited, and which file an error names."""

import pytest

from star.errors import UserError
from star.recipe import load_recipe

BASE = """\
name: base
iterations: 5
task:
  kind: arithmetic
  train: {1: 10, 2: 20}
model: {starter: {steps: 7}, threads: 3}
decoding:
  max_new_tokens: 40
  stop: [END, STOP]
train:
  lr: 1.0e-3
  steps: {start: 6, growth: 1.5}
"""


@pytest.fixture
def load(tmp_path):
    """Load `child.yaml` out of files with these texts, of which `base.yaml` is one."""

    def load(child, *overrides, **files):
        for name, text in {"base": BASE, "child": child, **files}.items():
            (tmp_path / f"{name}.yaml").write_text(text)
        return load_recipe(tmp_path / "child.yaml", overrides)

    return load


@pytest.fixture
def complaint(load, tmp_path):
    """What is said about these files, their folder left out."""

    def complaint(child, *overrides, **files):
        with pytest.raises(UserError) as caught:
            load(child, *overrides, **files)
        return str(caught.value).replace(f"{tmp_path}/", "")

    return complaint


def test_what_is_different_goes_on_top_of_the_other_recipe_section_by_section(load):
    recipe = load("extends: base.yaml\nname: child\ntrain: {steps: {start: 9}}\ndecoding: {stop: [X]}\n")
    assert (recipe.name, recipe.iterations) == ("child", 5)
    assert (recipe.train.lr, recipe.train.steps.start, recipe.train.steps.growth) == (1e-3, 9, 1.5)
    assert (recipe.decoding.max_new_tokens, recipe.decoding.stop) == (40, ["X"])
    assert (recipe.task.train, recipe.model.starter.steps) == ({1: 10, 2: 20}, 7)


def test_nothing_more_than_extends_is_the_other_recipe(load, tmp_path):
    assert load("extends: base.yaml\n") == load_recipe(tmp_path / "base.yaml")


def test_a_null_takes_a_setting_back_to_its_default(load):
    recipe = load("extends: base.yaml\ntrain: {steps: null, epochs: 2}\n")
    assert (recipe.train.steps, recipe.train.epochs) == (None, 2)


def test_the_nearest_of_a_chain_counts_and_overrides_beat_them_all(load):
    middle = "extends: base.yaml\nseed: 1\niterations: 6\n"
    recipe = load("extends: middle.yaml\niterations: 7\n", middle=middle)
    assert (recipe.seed, recipe.iterations, recipe.name) == (1, 7, "base")
    assert load("extends: middle.yaml\n", "iterations=8", middle=middle).iterations == 8


def test_the_path_starts_at_the_folder_of_the_recipe_that_names_it(load, tmp_path):
    load("extends: base.yaml\n")
    (tmp_path / "more/deep").mkdir(parents=True)
    (tmp_path / "more/middle.yaml").write_text("extends: ../base.yaml\nseed: 1\n")
    (tmp_path / "more/deep/leaf.yaml").write_text("extends: ../middle.yaml\nname: leaf\n")
    recipe = load_recipe(tmp_path / "more/deep/leaf.yaml")
    assert (recipe.name, recipe.seed, recipe.iterations) == ("leaf", 1, 5)


def test_a_task_of_another_kind_replaces_the_whole_section_and_one_of_the_same_kind_does_not(load):
    model = "model: {path: m}\n"
    assert load(f"extends: base.yaml\ntask: {{kind: gsm8k}}\n{model}").task.path == "openai/gsm8k"
    assert load("extends: base.yaml\ntask: {kind: arithmetic, seed: 4}\n").task.train == {1: 10, 2: 20}


def test_a_model_from_another_source_replaces_the_whole_section_and_a_setting_of_it_does_not(load):
    model = load("extends: base.yaml\ntask: {kind: gsm8k}\nmodel: {path: m}\n").model
    assert (model.path, model.starter, model.threads) == ("m", None, None)
    model = load("extends: base.yaml\nmodel: {starter: {layers: 2}}\n").model
    assert (model.starter.layers, model.starter.steps, model.threads) == (2, 7, 3)


@pytest.mark.parametrize(
    ("child", "message"),
    [
        ("seed: 1\nextends: nowhere.yaml\n", "child.yaml:2: extends = 'nowhere.yaml': there is no recipe nowhere.yaml"),
        ("extends: child.yaml\n", "child.yaml:1: extends = 'child.yaml': the recipe would extend itself"),
        ("extends: other.yaml\n", "other.yaml:1: extends = './child.yaml': the recipe would extend itself"),
        ("extends: [base.yaml]\n", "child.yaml:1: extends = ['base.yaml']: expected the path of a recipe"),
        ("extends: 3\n", "child.yaml:1: extends = 3: expected the path of a recipe"),
        ("extends: bad.yaml\n", "recipe bad.yaml:2: not valid YAML: "),
        ("extends: .\n", "child.yaml:1: extends = '.': there is no recipe "),
    ],
)
def test_a_recipe_that_cannot_be_extended_is_an_error_that_names_the_line(complaint, child, message):
    assert complaint(child, other="extends: ./child.yaml\n", bad="train: [\n").startswith(message)


def test_an_error_names_the_file_in_which_the_value_stands(complaint):
    base = BASE.replace("lr: 1.0e-3", "lr: -1").replace("iterations: 5", "iterations: many")
    message = complaint("extends: base.yaml\nname: a/b\ntrain:\n  rank: 0\n", base=base)
    heading, *problems = message.splitlines()
    assert heading == "recipe child.yaml: 4 problems"
    places = {problem.split(" = ")[0].strip() for problem in problems}
    assert places == {
        "base.yaml:2: iterations",
        "base.yaml:11: train.lr",
        "child.yaml:2: name",
        "child.yaml:4: train.rank",
    }


def test_an_error_about_a_replaced_section_does_not_name_the_file_that_no_longer_counts(complaint):
    message = complaint("extends: base.yaml\ntask: {kind: jsonl}\nmodel: {path: m}\n")
    assert "child.yaml:2: task.train: this key is required" in message
    assert "base.yaml" not in message


def test_extends_is_for_files_and_not_for_the_command_line(complaint):
    assert "extends: unknown key" in complaint("extends: base.yaml\n", "extends=other.yaml")
