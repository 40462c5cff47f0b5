"""Cards say what the run says, in metadata that the hub reads and in text that nothing can turn into markup."""

import re
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from star.cards import model_card
from star.cards.columns import COLUMNS
from star.cards.dataset import Counts, dataset_card
from star.cards.licences import common_licence, licence_of
from star.cards.render import base_name, block, code, text, yaml
from star.cli import main
from star.files import read_json
from star.report.table import printable
from star.store import Artefacts, Store

GSM8K = "SHA-256 17f347dc51477c50d4efb83959dbb7c56297aba886e5544ee2aaed3024813465"


def metadata(card):
    return YAML(typ="safe").load(card.split("---\n")[1])


def row(**more):
    """A row of a data set, of which only what is counted is there."""
    return {column.name: None for column in COLUMNS} | {"kind": "plain", "iteration": 1, "model": "base"} | more


def test_an_iteration_has_a_card_beside_its_adapter_and_an_exported_adapter_has_it_too(tiny_run, tmp_path):
    card = (tiny_run / "iterations/002/model-card.md").read_text()
    assert "model-card.md" in read_json(tiny_run / "iterations/002/MANIFEST.json")["files"]
    assert not (tiny_run / "iterations/000/model-card.md").exists()
    assert main(["export", str(tiny_run), "--adapter", str(tmp_path / "adapter")]) == 0
    assert (tmp_path / "adapter/README.md").read_text() == card


def test_the_model_card_has_accuracy_counts_hashes_and_a_snippet_that_loads(tiny_run):
    card = (tiny_run / "iterations/002/model-card.md").read_text()
    metrics, facts = read_json(tiny_run / "iterations/002/metrics.json"), read_json(tiny_run / "run.json")
    found = metadata(card)
    assert found["library_name"] == "peft"
    assert "base_model" not in found  # a starter is on no hub
    score = metrics["accuracy"]["zero-shot"]["all"]
    assert f"| zero-shot | all | {100 * score['accuracy']:.1f}% | {100 * score['low']:.1f}% to" in card
    assert f"| {metrics['examples']} | in all, of which 9 optimizer steps came to" in card
    for name in ("recipe_sha256", "base_model_sha256", "problems_sha256", "verifier"):
        assert f"`{facts[name]}`" in card
    [snippet] = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    base = str(facts["base_model"])
    snippet = snippet.replace('"starter-', f'"{base.rpartition("/")[0]}/starter-')
    scope = {}
    exec(snippet.replace("this-folder", str(tiny_run / "iterations/002/adapter")), scope)
    assert scope["model"].peft_config["default"].r == 4


def test_a_card_holds_no_place_and_no_time_of_its_run(tiny_run, varied_run, cache, tmp_path):
    assert main(["export", str(tiny_run), "--dataset", str(tmp_path / "data")]) == 0
    cards = [*tiny_run.glob("iterations/*/model-card.md"), *varied_run.glob("iterations/*/model-card.md")]
    assert len(cards) == 5
    for card in (*cards, tmp_path / "data/README.md"):
        shown = card.read_text()
        assert str(cache) not in shown
        assert str(tiny_run.parent) not in shown
        assert "seconds" not in shown
        assert not re.search(r"20\d\d-\d\d-\d\d", shown)


def test_a_hub_model_is_named_in_the_metadata(tiny_run, recipe_with):
    iteration = Artefacts(Store.existing(tiny_run), 2)
    iteration.facts = {**iteration.facts, "base_model": "org/model"}
    recipe = recipe_with("model.path=org/model", "train.steps={start: 6}")
    found = metadata(model_card(iteration, recipe))
    assert found["base_model"] == "org/model"
    assert "base_model:adapter:org/model" in found["tags"]
    found = metadata(model_card(iteration, recipe, merged=True))
    assert found["library_name"] == "transformers"
    assert "base_model:finetune:org/model" in found["tags"]


@pytest.mark.parametrize(
    ("override", "recorded", "expected"),
    [
        ("model.path=gpt2", "gpt2", ("gpt2", True)),
        ("model.path=org/model", "org/model", ("org/model", True)),
        ("model.path=/home/me/model", "/home/me/model", ("model", False)),
        ("model.path=./model/", "./model/", ("model", False)),
        ("model={gguf: a.gguf}", "/home/me/.cache/star/a-0123", ("a-0123", False)),
        ("model={gguf: a.gguf}", "cache/a-0123", ("a-0123", False)),
    ],
)
def test_a_base_model_in_a_folder_goes_by_its_name_alone(recipe_with, override, recorded, expected):
    assert base_name(recipe_with(override), recorded) == expected


def test_the_data_set_card_counts_what_is_wrong_with_the_rows(tiny_run):
    store, counts = Store.existing(tiny_run), Counts()
    plain = {"verdict": "correct", "steps_checked": 2, "steps_wrong": 0, "times_learned": 1, "problem_id": "a"}
    counts.add(row(**plain))
    counts.add(row(**{**plain, "steps_wrong": 1, "problem_id": "b"}))
    counts.add(row(**{**plain, "steps_checked": 0, "verdict": "wrong", "times_learned": 0}))
    counts.add(row(**plain, kind="hinted", kept_hint=True))
    card = dataset_card(Artefacts(store, 2), store.recipe, counts)
    limits = card.partition("## Known limits")[2].partition("##")[0]
    assert "4 rows, from 2 problems" in card
    assert "1 of 4 (25.0%) of the sampled rows do not end in the ground truth" in limits
    assert "1 of 3 (33.3%) of the sampled rows with a step that can be checked have a step" in limits
    assert "Of 1 of 4 (25.0%) sampled rows no step could be checked" in limits
    assert "1 of 4 (25.0%) rows were written by a model that saw the answer" in limits
    assert "1 of 4 (25.0%) training prompts show the answer" in limits
    assert "Optimizer steps came to 3 of 4 (75.0%) rows" in limits


def test_the_metadata_of_a_data_set_has_size_files_features_and_licence(tiny_run):
    store, counts = Store.existing(tiny_run), Counts()
    for number in range(1000):
        counts.add(row(source=f"gsm8k/train.jsonl:{number}", source_revision=GSM8K))
    card = dataset_card(Artefacts(store, 2), store.recipe, counts)
    found = metadata(card)
    assert found["license"] == "mit"
    assert found["size_categories"] == ["1K<n<10K"]
    assert found["configs"][0]["data_files"] == [{"split": "train", "path": "data/train-*.parquet"}]
    assert [one["name"] for one in found["dataset_info"]["features"]] == [column.name for column in COLUMNS]
    assert f"| 1,000 | `gsm8k/train.jsonl` | {GSM8K} | mit |" in card
    counts.add(row(source="mine.jsonl:1", source_revision="SHA-256 0"))
    assert metadata(dataset_card(Artefacts(store, 2), store.recipe, counts))["license"] == "unknown"


def test_verdicts_and_signals_of_an_older_run_are_shown_as_far_as_it_has_them(tiny_run, tmp_path):
    shutil.copytree(tiny_run, tmp_path / "run")
    store = Store.existing(tmp_path / "run")
    iteration = Artefacts(store, 2)
    for name in ("audit.json", "dropped.jsonl"):
        del iteration.files[name]
    counts = Counts()
    counts.add(row(verdict="correct", steps_checked=1, steps_wrong=0))
    card = dataset_card(iteration, store.recipe, counts)
    assert "| sampled | 90 | " in card
    assert "audit of this iteration" not in card
    assert "contaminated" not in card
    assert "not compared with held-out text" in card


def test_hostile_names_stay_names(tiny_run):
    store, counts = Store.existing(tiny_run), Counts()
    hostile = "<script>|[x](http://y)`\n# title"
    counts.add(row(group=hostile, source=f"{hostile}:1", source_revision="SHA-256 0"))
    card = dataset_card(Artefacts(store, 2), store.recipe, counts)
    assert "<script>" not in card.replace("`<script>\\|", "")  # in code it is shown as it is
    assert "\n# title" not in card
    assert "&lt;script&gt;\\|\\[x\\](http://y)\\`" in card


@given(st.text())
def test_nothing_in_a_text_is_markup_or_ends_a_line(value):
    shown = text(value)
    assert len(shown.splitlines()) <= 1
    assert not re.search(r"(?<!\\)[`*\[\]|]|<", re.sub(r"\\\\", "", shown))
    assert len(code(value).splitlines()) == 1
    assert code(value).count("`") == 2
    assert all(line.startswith("    ") for line in block(value).splitlines())
    assert YAML(typ="safe").load(f"a: {yaml(value)}") == {"a": printable(value)}


def test_a_licence_is_known_by_hash_or_hub_id_alone():
    assert licence_of("anything.jsonl", GSM8K) == "mit"
    assert licence_of("gsm8k/train.jsonl", "SHA-256 0") == "unknown"
    assert licence_of("openai/gsm8k/main/train", "commit 0") == "mit"
    assert licence_of("openai/gsm8k-mine/train", "commit 0") == "unknown"
    assert licence_of("arithmetic:train:seed=0", None) == "unknown"
    assert common_licence(["mit", "mit"]) == "mit"
    assert common_licence(["mit", "unknown"]) == common_licence([]) == "unknown"
