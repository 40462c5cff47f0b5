"""The estimate of what a run writes."""

from star.disk import adapter_bytes, disk_needed
from star.models import Checkpoint, resolve_checkpoint
from star.preflight import check
from star.recipe import load_recipe


def written(run, names):
    return sum(path.stat().st_size for name in names for path in run.glob(f"iterations/{name}"))


def test_a_run_writes_no_more_than_was_estimated_and_no_less_than_a_fraction(tiny_run):
    checked = check(load_recipe(tiny_run / "recipe.yaml"))
    checkpoint = resolve_checkpoint(checked.recipe, checked.task)
    needed, found = disk_needed(checked, checkpoint), written(tiny_run, ["*/*", "*/adapter/*"])
    assert found < needed < 8 * found
    [adapter] = tiny_run.glob("iterations/001/adapter/*.safetensors")
    assert 0.9 < adapter_bytes(checkpoint, checked.recipe.train.rank) / adapter.stat().st_size < 1.1


def test_what_is_kept_counts(tiny_run):
    recipe = tiny_run / "recipe.yaml"
    needed = {}
    for keep in ("all", "5", "best"):
        checked = check(load_recipe(recipe, [f"keep={keep}", "iterations=9"]))
        needed[keep] = disk_needed(checked, resolve_checkpoint(checked.recipe, checked.task))
    assert needed["all"] > needed["5"] > needed["best"]


def test_the_adapter_of_a_model_that_is_not_on_disk_counts_for_nothing():
    assert adapter_bytes(Checkpoint("someone/model"), 16) == 0
