"""The canonical form of a recipe, its hash, and how two recipes differ."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from star.recipe import NOT_DECIDING, ROUNDING, canonical, difference, recipe_hash

TEXT = st.text("aé:#'\"\n\t -017{}[]&*!|>%@,~.?\\", min_size=1, max_size=8)
OVERRIDES = st.fixed_dictionaries(
    {},
    optional={
        "train.lr": st.floats(min_value=0, exclude_min=True, allow_infinity=False),
        "seed": st.integers(-(2**70), 2**70),
        "iterations": st.integers(1, 10**6),
        "decoding.temperature": st.floats(0, 1e6),
        "decoding.stop": st.lists(TEXT, max_size=3),
        "train.target_modules": st.lists(TEXT, max_size=3) | TEXT,
        "prompt.exemplars": TEXT
        | st.none()
        | st.sampled_from(["no", "017", "1e-4", "null", "true", "2024-01-01", "="]),
        "task.train.4": st.integers(1, 100),
        "train.from_base": st.booleans(),
    },
)


@settings(max_examples=40, deadline=None)
@given(OVERRIDES)
def test_the_canonical_form_reads_back_to_an_equal_recipe(load, overrides):
    recipe = load(*(f"{key}={json.dumps(value)}" for key, value in overrides.items()))
    again = load(base=canonical(recipe))
    assert again == recipe
    assert recipe_hash(again) == recipe_hash(recipe)
    assert difference(recipe, again) == []


def test_the_canonical_form_writes_every_default_out(load):
    lines = canonical(load()).splitlines()
    for line in ("iterations: 10", "  temperature: 0.0", "  lr: 0.0001", "    hidden_size: 128", "  keep_hint: 0.0"):
        assert line in lines


CHANGES = [
    "seed=1",
    "method=direct",
    "problems_per_iteration=5",
    "limit=5",
    "task.style=paper",
    "task.seed=1",
    "task.operation=subtraction",
    "task.train={1: 3}",
    "model.starter.steps=7",
    "model.dtype=float32",
    "prompt.exemplars=file",
    "decoding.temperature=0.5",
    "decoding.stop=[END]",
    "decoding.stop=[]",
    "rationalization.probability=0",
    "sampler.wave=8",
    "selection.keep_iterations=2",
    "selection.require_sound_steps=true",
    "train.lr=0.5",
    "train.steps={}",
    "train.epochs=1",
    "evaluation.decoding={temperature: 0.5}",
    "synthesize={kind: self_instruct}",
    "synthesize={kind: self_instruct, vote: {samples: 5}}",
]


def test_the_hash_changes_with_every_setting_that_decides_results(load):
    deciding = [change for change in CHANGES if change.partition("=")[0] not in ROUNDING]
    hashes = {override: recipe_hash(load(override)) for override in ["seed=0", *deciding]}
    assert len(set(hashes.values())) == len(hashes)
    assert len(deciding) < len(CHANGES)
    assert all(recipe_hash(load(f"{key}=2048")) == recipe_hash(load()) for key in ROUNDING if "micro" not in key)


def test_the_hash_ignores_the_name_and_how_many_iterations_are_asked_for(load):
    assert recipe_hash(load("name=other", "iterations=77")) == recipe_hash(load())
    assert recipe_hash(load("synthesize={kind: none}")) == recipe_hash(load())
    assert "version" in NOT_DECIDING


def test_the_hash_ignores_how_the_recipe_is_written(load):
    reordered = "model: {starter: {steps: 450}}\ntrain: {alpha: 32.0}\nseed: 0\ntask: {kind: arithmetic}\nname: demo\n"
    assert recipe_hash(load(base=reordered)) == recipe_hash(load())


def test_the_difference_lists_dotted_keys_with_old_and_new_values(load):
    new = load("name=other", "train.lr=1", "task.train={1: 80, 2: 9}", "train.steps.start=4", "decoding.stop=[END]")
    changes = {key: (old, now) for key, old, now in difference(load(), new)}
    assert changes == {
        "name": ("demo", "other"),
        "train.lr": (1e-4, 1.0),
        "task.train.2": (2000, 9),
        "task.train.3": (2000, None),
        "train.steps.start": (None, 4),
        "decoding.stop": (None, ["END"]),
    }


def test_a_recipe_does_not_differ_from_itself(load):
    hub = "name: demo\ntask: {kind: gsm8k}\nmodel: {path: some/model}\n"
    assert difference(load(base=hub), load(base=hub)) == []
