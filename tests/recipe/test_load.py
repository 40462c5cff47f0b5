"""Recipes: what is read, what is refused, and what the refusal says."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from star.errors import UserError
from star.recipe import canonical, difference, load_recipe, recipe_hash, schema
from star.recipe.base import Section
from star.recipe.schema import Steps, Training

BASE = """\
name: demo
task:
  kind: arithmetic
model:
  starter: {}
"""
HUB = "name: demo\ntask: {kind: gsm8k}\nmodel: {path: some/model}\n"
SECTIONS = [cls for cls in vars(schema).values() if isinstance(cls, type) and issubclass(cls, Section)]


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    """Load recipe text with overrides; the file is always `demo.yaml`, and `more` starts on its line 6."""
    path = tmp_path_factory.mktemp("recipe") / "demo.yaml"

    def load(*overrides, base=BASE, more=""):
        path.write_text(base + more, encoding="utf-8")
        return load_recipe(path, overrides)

    return load


@pytest.fixture(scope="module")
def complaint(load):
    """The message of the error that loading raises."""

    def complaint(*overrides, **text):
        with pytest.raises(UserError) as caught:
            load(*overrides, **text)
        return str(caught.value)

    return complaint


# What is read


def test_a_minimal_recipe_has_the_defaults_of_the_paper(load):
    recipe = load()
    assert (recipe.decoding.temperature, recipe.decoding.samples) == (0, 1)
    assert (recipe.rationalization.probability, recipe.rationalization.keep_hint) == (1, 0)
    assert (recipe.selection.keep_iterations, recipe.train.from_base, recipe.train.batch_size) == (1, True, 8)
    assert recipe.model.starter is not None


def test_a_loaded_recipe_never_changes(load):
    with pytest.raises(ValidationError, match="frozen"):
        load().train.lr = 1.0


@pytest.mark.parametrize("section", SECTIONS, ids=lambda cls: cls.__name__)
def test_every_section_and_every_field_says_what_it_is(section):
    assert section.__doc__
    assert [name for name, field in section.model_fields.items() if not field.description] == []


def test_evaluation_is_greedy_with_the_sampling_length_and_stop_strings(load):
    recipe = load("decoding={temperature: 0.7, samples: 4, max_new_tokens: 50, stop: [END]}")
    assert recipe.evaluation_decoding == schema.Decoding(max_new_tokens=50, stop=["END"])


def test_evaluation_decodes_as_its_own_section_says(load):
    recipe = load("evaluation.decoding={temperature: 0.5, samples: 3}", "decoding.max_new_tokens=50")
    assert recipe.evaluation_decoding == schema.Decoding(temperature=0.5, samples=3, max_new_tokens=50)
    own = load("evaluation.decoding={max_new_tokens: 7}", "decoding.stop=[END]", "decoding.temperature=1.0")
    assert own.evaluation_decoding == schema.Decoding(max_new_tokens=7, stop=["END"])


# What is refused


def test_all_problems_are_reported_together_each_with_its_place(complaint):
    message = complaint(
        "train.bar=1", "oops", more="train:\n  lr: -1\n  rank: 1.5\n  lrate: 1\nevaluation:\n  exemplars: maybe\n"
    )
    heading, *problems = message.splitlines()
    assert heading.endswith("demo.yaml: 6 problems")
    assert len(problems) == 6
    for part in (
        "demo.yaml:7: train.lr = -1: Input should be greater than 0",
        "demo.yaml:8: train.rank = 1.5: Input should be a valid integer",
        "demo.yaml:9: train.lrate: unknown key; did you mean lr?",
        "demo.yaml:11: evaluation.exemplars = 'maybe': Input should be 'with', 'without' or 'both'",
        "override 'train.bar=1': train.bar: unknown key",
        "override 'oops': expected KEY=VALUE",
    ):
        assert sum(part in problem for problem in problems) == 1, part


@pytest.mark.parametrize(
    ("more", "part"),
    [
        ("trian: {}\n", "demo.yaml:6: trian: unknown key; did you mean train?"),
        ("iteration: 3\n", "demo.yaml:6: iteration: unknown key; did you mean iterations?"),
        ("decoding:\n  temprature: 1\n", "demo.yaml:7: decoding.temprature: unknown key; did you mean temperature?"),
        ("train:\n  steps:\n    strat: 1\n", "demo.yaml:8: train.steps.strat: unknown key; did you mean start?"),
        (
            "evaluation:\n  decoding:\n    sample: 1\n",
            "demo.yaml:8: evaluation.decoding.sample: unknown key; did you mean samples?",
        ),
        (
            "selection:\n  zzz: 1\n",
            "demo.yaml:7: selection.zzz: unknown key; valid keys: keep_iterations, max_per_problem",
        ),
    ],
)
def test_an_unknown_key_names_its_line_and_the_nearest_valid_key(complaint, more, part):
    assert part in complaint(more=more)


def test_an_unknown_key_of_a_task_is_compared_with_the_keys_of_that_task(complaint):
    base = "name: x\ntask:\n  kind: jsonl\n  train: a\n  fields:\n    questoin: q\nmodel: {path: m}\n"
    assert "demo.yaml:6: task.fields.questoin: unknown key; did you mean question?" in complaint(base=base)


@pytest.mark.parametrize(
    ("override", "part"),
    [
        ("train.lr=.nan", "train.lr = nan: Input should be a finite number (nan and inf are not)"),
        ("train.lr=nan", "train.lr = 'nan': Input should be a valid number"),
        ("train.lr=.inf", "train.lr = inf: Input should be a finite number (nan and inf are not)"),
        ("train.lr=1e400", "train.lr = inf: Input should be a finite number (nan and inf are not)"),
        ("train.lr=-1e-4", "train.lr = -0.0001: Input should be greater than 0"),
        ("train.lr=0", "train.lr = 0: Input should be greater than 0"),
        ("train.lr=true", "train.lr = True: Input should be a valid number"),
        ("train.lr='1e-4'", "train.lr = '1e-4': Input should be a valid number"),
        ("train.lr=[1]", "train.lr = [1]: Input should be a valid number"),
        ("train.lr=", "train.lr = None: Input should be a valid number"),
        ("train.warmup_steps=true", "train.warmup_steps = True: Input should be a valid integer"),
        ("iterations=1.0", "iterations = 1.0: Input should be a valid integer"),
        ("iterations=0", "iterations = 0: Input should be greater than or equal to 1"),
        ("train.from_base=1", "train.from_base = 1: Input should be a valid boolean"),
        ("prompt.chat=yes", "prompt.chat = 'yes': Input should be a valid boolean"),
        ("name=017", "name = 17: Input should be a valid string"),
        ("name=a/b", "name = 'a/b': String should match pattern"),
        ("name=..", "name = '..': String should match pattern"),
        ("train=5", "train = 5: Input should be a valid dictionary"),
        ("decoding.stop=END", "decoding.stop = 'END': Input should be a valid list"),
        ("decoding.stop=[1]", "decoding.stop.0 = 1: Input should be a valid string"),
        ("task.train={13: 5}", "task.train.13 = 13: Input should be less than or equal to 12"),
        ("task.train.1=0", "task.train.1 = 0: Input should be greater than or equal to 1"),
        ("rationalization.probability=1.5", "rationalization.probability = 1.5: Input should be less than or equal"),
    ],
)
def test_a_wrong_value_names_its_key_and_the_value(complaint, override, part):
    message = complaint(override)
    assert "1 problem\n" in message
    assert f"override {override!r}: {part}" in message


def test_a_required_key_that_is_missing_is_named(complaint):
    assert "demo.yaml: task: this key is required" in complaint(base="name: x\nmodel: {path: m}\n")
    assert "demo.yaml:2: task.train: this key is required" in complaint(
        base="name: x\ntask:\n  kind: jsonl\nmodel: {path: m}\n"
    )


def test_a_task_without_a_kind_lists_the_kinds(complaint):
    message = complaint(base="name: x\ntask: {train: a}\nmodel: {path: m}\n")
    assert "demo.yaml:2: task.kind: this key is required; one of arithmetic, gsm8k, jsonl" in message


def test_an_unknown_kind_of_task_names_the_nearest_one(complaint):
    message = complaint(base="name: x\ntask: {kind: gsm}\nmodel: {path: m}\n")
    assert "task.kind = 'gsm': expected one of arithmetic, gsm8k, jsonl; did you mean gsm8k?" in message


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        (["train={steps: {start: 5}, epochs: 2}"], "train: give steps or epochs, not both"),
        (["train.steps={growth: 1.5, increment: 3}"], "train.steps: give growth or increment, not both"),
        (["train.micro_batch_size=9"], "train: micro_batch_size 9 is larger than batch_size 8"),
        (["decoding.samples=4"], "decoding: samples is 4, but at temperature 0 they are all the same"),
        (["evaluation.decoding.samples=4"], "evaluation.decoding: samples is 4, but at temperature 0"),
        (["decoding.stop=['']"], "decoding.stop.0 = '': String should have at least 1 character"),
        (["model.path=m"], "model: give exactly one of path, gguf and starter (given: path, starter)"),
        (["model.starter=null"], "model: give exactly one of path, gguf and starter (given: none)"),
        (["model.revision=main"], "model: revision belongs to a hub model: it needs path"),
        (["task={kind: gsm8k}"], "model.starter knows only sums: it needs task.kind arithmetic"),
        (
            ["task.style=words"],
            "it needs task.kind arithmetic of style columns or paper",
        ),
        (["prompt.shots=3"], "prompt.shots needs prompt.exemplars"),
        (["prompt.train_with=true"], "prompt.train_with needs prompt.exemplars"),
        (["evaluation.exemplars=both"], "evaluation.exemplars: both needs prompt.exemplars"),
        (["evaluation.exemplars=with"], "evaluation.exemplars: with needs prompt.exemplars"),
        (["prompt.system=Be terse."], "prompt.system needs prompt.chat: true"),
    ],
)
def test_settings_that_contradict_each_other_are_an_error_that_names_both(complaint, settings, part):
    assert part in complaint(*settings)


@pytest.mark.parametrize(
    "settings",
    [
        ["train.epochs=0.5"],
        ["train.steps={increment: 20}"],
        ["decoding={samples: 4, temperature: 0.7}"],
        ["evaluation.exemplars=without"],
        ["prompt={exemplars: file, shots: 3, train_with: true}", "evaluation.exemplars=both"],
        ["prompt={chat: true, system: Be terse.}"],
        ["model.starter=null", "model.path=m", "model.revision=main", "task={kind: gsm8k}"],
    ],
)
def test_settings_that_agree_are_accepted(load, settings):
    load(*settings)


# YAML


@pytest.mark.parametrize(
    ("more", "line", "key"), [("name: other\n", 6, "name"), ("train:\n  lr: 1\n  rank: 2\n  lr: 2\n", 9, "lr")]
)
def test_a_duplicate_key_is_an_error_that_names_its_line(complaint, more, line, key):
    message = complaint(more=more)
    assert f'demo.yaml:{line}: found duplicate key "{key}"' in message
    assert message.endswith("keep one of them")


@pytest.mark.parametrize(
    ("more", "line"), [("train: [\n", 7), ("a: b: c\n", 6), ("\tx: 1\n", 6), ("x: *nowhere\n", 6), ("---\nx: 1\n", 6)]
)
def test_a_yaml_error_names_its_line(complaint, more, line):
    assert f"demo.yaml:{line}: not valid YAML: " in complaint(more=more)


@pytest.mark.parametrize(("text", "found"), [("", "NoneType"), ("hello\n", "str"), ("- a\n", "CommentedSeq")])
def test_a_file_that_is_no_mapping_is_an_error(complaint, text, found):
    assert complaint(base=text).endswith(f"demo.yaml: expected `key: value` lines, found {found}")


def test_a_file_that_is_not_utf8_is_an_error(tmp_path):
    path = tmp_path / "bytes.yaml"
    path.write_bytes(b"name: \xff\n")
    with pytest.raises(UserError, match=r"bytes\.yaml: cannot be read as UTF-8 text: .*0xff in position 6"):
        load_recipe(path)


def test_a_folder_is_no_recipe(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        load_recipe(tmp_path)


def test_a_missing_file_is_an_error_that_suggests_the_nearest_name(tmp_path):
    (tmp_path / "arithmetic.yaml").write_text(BASE)
    with pytest.raises(UserError) as caught:
        load_recipe(tmp_path / "arithmetics.yaml")
    assert str(caught.value) == (
        f"recipe {tmp_path}/arithmetics.yaml: there is no such file; did you mean {tmp_path}/arithmetic.yaml?"
    )


def test_a_missing_file_with_nothing_near_it_suggests_nothing(tmp_path):
    with pytest.raises(UserError) as caught:
        load_recipe(tmp_path / "nowhere" / "x.yaml")
    assert str(caught.value).endswith("x.yaml: there is no such file")


def test_yaml_is_read_as_version_1_2(load):
    recipe = load(more="prompt:\n  exemplars: no\nseed: 017\ntrain: {lr: 1e-4}\niterations: 0o17\n")
    assert recipe.prompt.exemplars == "no"
    assert (recipe.seed, recipe.iterations) == (17, 15)
    assert recipe.train.lr == 1e-4


# Overrides


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
        ("quux=1", "quux: unknown key; valid keys: decoding, evaluation, iterations"),
    ],
)
def test_an_override_of_an_unknown_key_names_the_nearest_valid_key(complaint, override, advice):
    assert advice in complaint(override)


# Canonical form, hash, difference

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
    "problems_per_iteration=5",
    "limit=5",
    "task.style=paper",
    "task.seed=1",
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
    "train.lr=0.5",
    "train.steps={}",
    "train.epochs=1",
    "evaluation.decoding={temperature: 0.5}",
]


def test_the_hash_changes_with_every_setting(load):
    hashes = {override: recipe_hash(load(override)) for override in ["seed=0", *CHANGES]}
    assert len(set(hashes.values())) == len(hashes)


def test_the_hash_ignores_the_name_and_how_many_iterations_are_asked_for(load):
    assert recipe_hash(load("name=other", "iterations=77")) == recipe_hash(load())


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
    assert difference(load(base=HUB), load(base=HUB)) == []


# Steps


@pytest.mark.parametrize(
    ("steps", "schedule"),
    [
        (Steps(), [40, 48, 57, 69, 82, 99]),
        (Steps(start=300, increment=20), [300, 320, 340, 360]),
        (Steps(cap=50), [40, 48, 50, 50]),
        (Steps(start=300, increment=20, cap=330), [300, 320, 330, 330]),
        (Steps(start=10, growth=1.0), [10, 10, 10]),
        (Steps(start=10, growth=2.0), [10, 20, 40]),
        (Steps(start=10, increment=0), [10, 10, 10]),
        (Steps(start=9, cap=5), [5, 5]),
    ],
)
def test_steps_follow_the_schedule_of_the_paper(steps, schedule):
    assert [steps.in_iteration(number) for number in range(1, len(schedule) + 1)] == schedule


def test_training_follows_the_schedule_of_the_paper_unless_told_otherwise():
    assert [Training().steps_in(number, 1000) for number in (1, 2, 3)] == [40, 48, 57]


@given(st.integers(1, 5000), st.integers(1, 64), st.sampled_from([0.1, 0.5, 1.0, 3.0]))
def test_epochs_count_a_last_partial_batch_as_a_step(examples, batch_size, epochs):
    steps = Training(epochs=epochs, batch_size=batch_size).steps_in(1, examples)
    assert steps == max(1, math.ceil(examples * epochs / batch_size))
    assert steps * batch_size >= examples * epochs
