"""The data factory: the loop without its fine-tuning, once over the problems, for data that other trainers take.

    problems --base model--> attempts --verify--> rationales --select, mix--> examples --> a data set and its card

The run directory is that of any run: iteration 0 is the base model, scored on held-out problems, and iteration 1 has
all that an iteration has but an adapter. Run this by `star curate RECIPE`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from star.export import require_free, write_folder
from star.export.dataset import write_dataset
from star.loop import conclude
from star.select import failures
from star.session import Session
from star.store import Store
from star.tracking import tracked

FOLDER = "dataset"
"""Of the data set, in the run directory."""
PASS = 1
"""The iteration that goes over the problems."""


def run(session: Session, store: Store) -> None:
    """Make the training data of a recipe with `method: curate`, or what the run directory lacks of it."""
    recipe = session.recipe
    store.update(recipe.keep)  # a kill may have come between an iteration's end and this
    for iteration in tracked(store.iterations(PASS), recipe, store):
        if iteration.number == PASS:
            session.synthesize(iteration)
            problems = session.problems(iteration)
            attempts = session.attempt(iteration, problems)
            rationalizations = session.rationalize(iteration, failures(problems, attempts, recipe, PASS))
            accepted = session.select(iteration, attempts, rationalizations)
            session.collect(iteration, session.mix(iteration, accepted))
        session.evaluate(iteration)
        conclude(session, store, iteration)
    session.sampler.release()


def publishable(run: Path, out: Path | None, format: str | None) -> Iterator[str]:
    """Write the data set with its card, and say where it is and how to publish it.

    Args:
        out: the folder, of which nothing is there yet; `dataset` in the run directory when `None`, written anew.
        format: one of `star.export.formats.FORMATS`; ours, with all columns, when `None`.

    Raises:
        UserError: `out` is not empty, or a file of the run is not what was written.
    """
    folder, store = out or run / FOLDER, Store.existing(run)
    if out is None:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        require_free("--out", out)
    rows = write_folder(folder, lambda partial: write_dataset(store, PASS, partial, format))
    as_format = f" --format {format}" if format else ""
    yield f"{rows} examples are a data set in {folder}; its card is {folder / 'README.md'}"
    yield f"nothing was published; to do so: star push {run} --repo OWNER/NAME{as_format}"
