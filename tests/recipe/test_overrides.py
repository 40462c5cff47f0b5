"""Overrides on the command line: `key=value`, the value read as YAML."""

import pytest


def test_an_override_reaches_into_sections_and_beats_the_file(load):
    recipe = load("train.lr=1e-4", "train.steps.start=7", "task.train.2=5", more="train:\n  lr: 0.5\n  rank: 3\n")
    assert (recipe.train.lr, recipe.train.rank, recipe.train.steps.start) == (1e-4, 3, 7)
    assert recipe.task.train == {2: 5}


def test_of_two_overrides_of_one_key_the_last_one_counts(load):
    assert load("seed=1", "seed=2").seed == 2


@pytest.mark.parametrize(
    ("override", "read"),
    [
        ("prompt.exemplars=no", "no"),
        ("prompt.exemplars=on", "on"),
        ("prompt.exemplars='017'", "017"),
        ("prompt.exemplars=a=b", "a=b"),
        ("prompt.exemplars=null", None),
    ],
)
def test_an_override_is_read_as_yaml_1_2(load, override, read):
    assert load(override).prompt.exemplars == read


def test_numbers_in_overrides_are_read_as_yaml_1_2(load):
    recipe = load("seed=017", "iterations=0x10", "train.alpha=1e2", "decoding.stop=['1', no]")
    assert (recipe.seed, recipe.iterations, recipe.train.alpha) == (17, 16, 100.0)
    assert recipe.decoding.stop == ["1", "no"]


@pytest.mark.parametrize("override", ["lr", "", "=1", "train..lr=1", ".lr=1", "train.=1"])
def test_an_override_that_is_not_key_equals_value_is_an_error_with_an_example(complaint, override):
    assert f"override {override!r}: expected KEY=VALUE, for example train.lr=1e-4" in complaint(override)


@pytest.mark.parametrize("value", ["[1", "{a: 1", "a: b: c", "'x", "*a", "@x", "1\n---\n2"])
def test_an_override_whose_value_is_not_yaml_is_an_error_that_shows_it(complaint, value):
    override = f"train.lr={value}"
    assert f"override {override!r}: the value {value!r} is not valid YAML" in complaint(override)


@pytest.mark.parametrize(
    ("override", "advice"),
    [
        ("train.lrr=1", "train.lrr: unknown key; did you mean lr?"),
        ("trian.lr=1", "trian: unknown key; did you mean train?"),
        ("model.starter.layer=3", "model.starter.layer: unknown key; did you mean layers?"),
        ("quux=1", "quux: unknown key; valid keys: audit, curriculum, decoding"),
    ],
)
def test_an_override_of_an_unknown_key_names_the_nearest_valid_key(complaint, override, advice):
    assert advice in complaint(override)
