"""Open the session of a run: what it stands on is found, recorded in the run directory, and told to all processes."""

from __future__ import annotations

from itertools import chain

from star.console import console
from star.disk import disk_needed, disk_notice
from star.facts import exemplars_hash, machine_facts
from star.files import file_sha256
from star.models import resolve_checkpoint
from star.preflight import Checked
from star.processes import World
from star.recipe import recipe_hash
from star.sample import open_sampler, tokens_in_flight
from star.session import Session
from star.store import Store
from star.store.run import RUN
from star.tasks import problems_hash
from star.verify import STEPS_VERSION

OPEN = "open"
"""What the processes of a run call `Follower.open` (`star/follower.py`)."""


def open_session(checked: Checked, store: Store, world: World) -> Session:
    """Find or build the base model, record in the run directory what the run stands on, and prepare all processes.

    Raises:
        UserError: the model cannot be had.
    """
    recipe = checked.recipe
    machine = machine_facts(recipe.model)
    checkpoint = resolve_checkpoint(recipe, checked.task)
    before = store.recorded("max_tokens_in_flight") if recipe.sampler.max_tokens_in_flight == "auto" else None
    tokens = before or tokens_in_flight(recipe, checkpoint, world.on_this_machine)
    console.print(disk_notice(store.folder, disk_needed(checked, checkpoint)), markup=False)
    fingerprint = checkpoint.fingerprint()  # reads all weights
    changed = store.record(
        {
            "base_model": checkpoint.name,
            "base_model_sha256": fingerprint,
            "problems_sha256": problems_hash(chain(checked.train, checked.held_out)),
            "exemplars_sha256": exemplars_hash(checked.prompts),
            "reference_sha256": checked.reference.sha256(),
            "tether_files": checked.tether_files,
            "data_files": checked.task.data_files() | checked.reference.files | checked.tether_files,
            "problems_skipped": len(checked.task.skipped),
            "problems_removed": checked.removed.count,
            "verifier": f"{checked.task.verifier.version}; steps {STEPS_VERSION}",
            "custom": checked.own.facts(),
            "max_tokens_in_flight": tokens,
            "world_size": world.size,
            **machine,
        }
    )
    for line in changed:
        console.print(f"warning: since this run began, {line}", markup=False)
    sampler = checked.own.sampler or open_sampler(recipe, checkpoint, tokens, store.folder)
    opening = {"folder": str(store.folder.absolute()), "tokens": tokens, "run": file_sha256(store.folder / RUN)}
    opening |= {"model": fingerprint, "recipe": recipe_hash(recipe)}
    world.everywhere(OPEN, opening, lambda: None)
    return Session(checked, store, checkpoint, sampler, world)
