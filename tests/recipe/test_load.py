"""Recipes: what is read, what is refused, and what the refusal says."""

from ast import literal_eval

import pytest
from pydantic import ValidationError

from star.errors import UserError
from star.recipe import load_recipe, model, schema, tasks
from star.recipe.base import Section

SECTIONS = {
    cls
    for module in (model, schema, tasks)
    for cls in vars(module).values()
    if isinstance(cls, type) and issubclass(cls, Section)
}
KINDS = "arithmetic, commonsenseqa, custom, gsm8k, jsonl, math, reasoning_gym"


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


@pytest.mark.parametrize("section", sorted(SECTIONS, key=lambda cls: cls.__name__), ids=lambda cls: cls.__name__)
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
            "demo.yaml:7: selection.zzz: unknown key; valid keys: accept, balance, distinct",
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
        ("iterations=-1", "iterations = -1: Input should be greater than or equal to 0"),
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
    assert f"demo.yaml:2: task.kind: this key is required; one of {KINDS}" in message


def test_an_unknown_kind_of_task_names_the_nearest_one(complaint):
    message = complaint(base="name: x\ntask: {kind: gsm}\nmodel: {path: m}\n")
    assert f"task.kind = 'gsm': expected one of {KINDS}; did you mean gsm8k?" in message


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


@pytest.mark.parametrize("text", ["version: 2\nwhatever: {is: new}\n", "version: 2\nextends: gone.yaml\n"])
def test_a_newer_recipe_gets_one_error_and_no_guesses_about_its_other_keys(complaint, text):
    assert complaint("also=new", "train.lr=-1", base=text).endswith(
        "demo.yaml:1: version = 2: this star reads up to version 1; upgrade star"
    )


@pytest.mark.parametrize("version", ["0", "-1", "'2'", "true", "1.5"])
def test_a_version_that_is_none_is_an_error_like_any_other(complaint, version):
    assert f"demo.yaml:6: version = {literal_eval(version.title())!r}: Input should be" in complaint(
        more=f"version: {version}\n"
    )


def test_a_long_value_is_cut(complaint):
    message = complaint("train.lr=" + "x" * 5000)
    assert len(message) < 600
    assert "x... (5002 characters): Input should be a valid number" in message


@pytest.mark.parametrize("settings", [["model.path=a1b2c3d4e5"], ["task.options={a: [x, {b: zz-a1b2c3d4e5}]}"]])
def test_a_token_of_the_environment_is_refused_and_not_repeated(complaint, monkeypatch, settings):
    monkeypatch.setenv("HF_TOKEN", "a1b2c3d4e5")
    message = complaint("train.lr=oops", *settings)
    assert "holds the value of the environment variable HF_TOKEN" in message
    assert "a1b2c3d4e5" not in message


@pytest.mark.parametrize("url", ["https://me:s3cret@host/data", "s3://s3cret@host", "git+ssh://me:s3@cret@host:22/x"])
def test_credentials_in_a_url_are_refused_and_not_repeated(complaint, url):
    message = complaint(more=f"prompt:\n  exemplars: {url}\n")
    assert "demo.yaml:7: prompt.exemplars = '" in message
    assert "://***@host" in message
    assert "holds credentials in a URL" in message
    assert not any(secret in message for secret in ("s3cret", "s3@", "cret@"))


@pytest.mark.parametrize("harmless", ["https://host/@name", "me@host.org", "x://", "HF_TOKEN"])
def test_what_only_looks_like_a_secret_is_accepted(load, monkeypatch, harmless):
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")  # a setting, whatever its name ends in
    assert load(f"prompt.exemplars={harmless}").prompt.exemplars == harmless


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
    (tmp_path / "arithmetic.yaml").touch()
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
