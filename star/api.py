"""The Python API: a recipe in, a finished run out. `star run` is these functions too.

    from star import load_recipe, run

    recipe = load_recipe("recipes/arithmetic.yaml", iterations=2)
    result = run(recipe, "runs/mine")  # goes on with it, if it is there
    print(result.metrics[-1]["accuracy"], result.adapter)

What a user can mend raises `UserError`. Nothing here prints a traceback. A process that works alone is not ended,
and its signals are its own; of several processes docs/api.md tells more. Importing it does not wait for torch.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from star import recipe as recipes
from star.console import console
from star.garbage import spare_libraries
from star.processes import find_place, lead
from star.recipe import Recipe

if TYPE_CHECKING:
    from star.custom import Own
    from star.preflight import Checked
    from star.sample import Sampler
    from star.store import Store
    from star.tasks import Task
    from star.verify import Verifier


@dataclass(frozen=True)
class Result:
    """What a run has made so far.

    Attributes:
        folder: the run directory.
        metrics: of each finished iteration, in order, as in `metrics.jsonl`; the first is the base model's.
        adapter: folder of the last iteration's adapter, for `PeftModel.from_pretrained`; `None` if none was trained.
        best: number of the iteration that is best on held-out problems; `None` if none was trained.
        report: the page to look at.
    """

    folder: Path
    metrics: list[dict[str, Any]]
    adapter: Path | None
    best: int | None
    report: Path


def load_recipe(path: str | Path, overrides: Sequence[str] = (), **keys: Any) -> Recipe:
    """Read and validate a recipe.

    Args:
        overrides: as on the command line: `["train.lr=1e-4"]`.
        keys: the same as keywords; those with a dot in a dict: `**{"train.lr": 1e-4}`.

    Raises:
        UserError: the file is missing or not YAML, or any key or value is wrong; all problems in one message.
    """
    return recipes.load_recipe(path, [*overrides, *(f"{key}={_yaml(value)}" for key, value in keys.items())])


def run(
    recipe: Recipe,
    folder: str | Path | None = None,
    *,
    task: Task | None = None,
    verifier: Verifier | None = None,
    sampler: Sampler | None = None,
) -> Result:
    """Run a recipe, or go on with its interrupted run. A finished one is only read.

    Where a launcher has started several processes, all of them call this: they share the work, and return the same.

    Args:
        folder: the run directory; `runs/NAME` by default.
        task: in the place of the recipe's, which then says `task: {kind: custom}`.
        verifier: in the place of the task's.
        sampler: in the place of our engine.

    Raises:
        UserError: something for the user to mend.
        OSError: the disk is full, or the like; the same call goes on from there.
    """
    from star.custom import Own

    own, folder = Own(task, verifier, sampler), Path(folder or Path("runs") / recipe.name)
    if (place := find_place()).rank == 0:
        return carry_out(prepare(recipe, own), folder)
    from star.follower import help_with
    from star.store import Store

    help_with(recipe, place, own)
    return _result(Store.existing(folder))


def prepare(recipe: Recipe, own: Own | None = None) -> Checked:
    """Check all that a recipe names, short of loading weights, and print what there is to know about it.

    Args:
        own: what the user brings.

    Raises:
        UserError: the first thing found wrong.
    """
    from star.custom import NOTHING
    from star.preflight import check

    checked = check(recipe, own or NOTHING)
    for notice in checked.notices():
        console.print(f"note: {notice}", markup=False)
    return checked


def carry_out(
    checked: Checked,
    folder: str | Path,
    recipe: Recipe | None = None,
    begin: Callable[[Store], None] | None = None,
) -> Result:
    """Run what was checked in a run directory, and write its report.

    Args:
        recipe: what the directory says it is; that of a fork has another name than what was checked.
        begin: puts into the directory what the run begins with (a fork).

    Raises:
        UserError: something for the user to mend.
    """
    from star import curate, loop
    from star.models import choose_device
    from star.opening import open_session
    from star.report import write_report
    from star.store import Store

    on_cpu = choose_device(checked.recipe.model).type == "cpu"
    opened = Store.open(Path(folder), recipe or checked.recipe, begin)
    with opened as store, lead(find_place(), on_cpu) as world, spare_libraries():
        session = open_session(checked, store, world)
        try:
            (curate if checked.recipe.method == "curate" else loop).run(session, store)
        except BaseException:
            if checked.recipe.sampler.kind == "vllm":  # it has a process; what others have saved is for the next try
                session.sampler.release()
            raise
        write_report(store.folder)
    return _result(store)


def _result(store: Store) -> Result:
    from star.report import PAGE
    from star.store.retention import best

    metrics = store.metrics()
    last = metrics[-1]["iteration"] if store.recipe.method != "curate" else 0
    return Result(store.folder, metrics, store.adapter(last), best(metrics) if last else None, store.folder / PAGE)


def _yaml(value: Any) -> str:
    """A value as an override has it, on one line."""
    yaml, buffer = YAML(typ="safe"), io.StringIO()
    yaml.default_flow_style, yaml.width = True, 1 << 20
    yaml.dump(str(value) if isinstance(value, Path) else value, buffer)
    return buffer.getvalue()
