"""Whether a run is estimated at its own rates, and `scripts/check_estimate.py` lays them side by side."""

from pathlib import Path

import pytest

from scripts.check_estimate import compare
from scripts.planning.counts import count
from scripts.planning.rates import rates
from scripts.planning.reader import Reader
from star.cli import main as star_main
from star.models.starter import starter_tokenizer
from star.recipe import load_recipe
from star.store import Store
from star.tasks import build_task
from tests.conftest import TINY

ROOT = Path(__file__).parents[1]
PRACTICE = ("decoding.samples=4", "decoding.temperature=1.0", "verifier={epochs: 1}")


def test_at_its_own_rates_a_run_is_estimated_to_the_sample(tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY)
    words = [
        "iterations=1", "decoding.samples=3", "decoding.temperature=1.0", "verifier={epochs: 1}",
        "evaluation.best_of={samples: 2}", "synthesize={kind: self_instruct, prompts: 4, human: 2, machine: 0, new: 2}",
        "synthesize.decoding={max_new_tokens: 20}", "synthesize.answers=consensus",
    ]  # fmt: skip
    assert star_main(["run", str(tmp_path / "tiny.yaml"), *words, "--runs", str(tmp_path / "runs")]) == 0
    store = Store.existing(tmp_path / "runs" / "tiny")
    recipe, metrics = load_recipe(store.folder / "recipe.yaml", []), store.metrics()[1]
    reader = Reader(recipe, build_task(recipe), starter_tokenizer(), None)
    known = rates(recipe, store.folder / "iterations" / "001", metrics, len(reader.train))
    counts = count(reader, known, None, 1)
    assert metrics["verifier"]["pairs"] > 0
    assert counts.pairs == pytest.approx(metrics["verifier"]["pairs"])
    assert counts.samples == pytest.approx(metrics["samples"])
    assert counts.stages["new problems"].attempts == metrics["synthesis"]["samples"]["written"] == 4


def test_a_run_on_bare_answers_is_compared_though_it_samples_nothing_to_train_on(tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY)
    words = ["iterations=1", "method=direct", "--runs", str(tmp_path / "runs")]
    assert star_main(["run", str(tmp_path / "tiny.yaml"), *words]) == 0
    found = compare(tmp_path / "runs" / "tiny", 1)
    assert found["examples"] == (90, 90)
    assert found["samples to train on"] == (0, 0)
    assert found["bytes of rows"][0] == pytest.approx(found["bytes of rows"][1], rel=0.2)


@pytest.fixture
def measured(tmp_path):
    """The rates of an iteration of a recipe, from its metrics; by default all of 300 problems tried, 60 solved."""

    def make(recipe, number=1, plain=None, **metrics):
        known = {"iteration": number, "solved": 60, "problems": 300, "rationalized": 0, "hinted": 0}
        funnel = {"plain": plain or {"trained": 60}, "hinted": {}}
        return rates(recipe, tmp_path, known | {"funnel": funnel} | metrics, 300)

    return make


@pytest.mark.parametrize(("kept", "dropped", "repeated"), [(80, 20, 0), (80, 20, 60), (100, 0, 50)])
def test_what_quality_drops_is_not_counted_twice(measured, kept, dropped, repeated):
    recipe = load_recipe(ROOT / "recipes/family/rft.yaml", ["selection.quality={keep: 0.8}"])
    samples = 60 * recipe.decoding.samples
    passed = {"quality": dropped, "trained": kept - repeated, "duplicate": repeated}
    right = (kept + dropped) * (kept - repeated) / kept
    assert measured(recipe, plain=passed).taught == pytest.approx(right / samples)


def test_a_verifier_that_drew_no_pairs_is_taken_to_draw_none(measured):
    recipe = load_recipe(ROOT / "recipes/family/v-star.yaml", [])
    assert measured(recipe).pairs == 0
    assert measured(recipe, verifier={"pairs": 120}).pairs == 2
    assert measured(recipe, problems=0, solved=0).pairs == 0


def test_pairs_are_of_all_problems_that_were_looked_at_which_a_practice_world_makes_anew(measured):
    given = load_recipe(ROOT / "recipes/family/v-star.yaml", [])
    assert measured(given, 3, verifier={"pairs": 120}).pairs == 2
    practised = load_recipe(ROOT / "recipes/curriculum.yaml", PRACTICE)
    assert measured(practised, 3, verifier={"pairs": 360}).pairs == 2
