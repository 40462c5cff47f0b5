"""What an iteration trained, to take away: its adapter as it is, or merged into the base model. Both with a card."""

from __future__ import annotations

import shutil
from pathlib import Path

from star.audit.provenance import recipe_of
from star.cards import model_card
from star.models import choose_device, choose_dtype, load_tokenizer, merge_adapter, recorded_checkpoint
from star.recipe import Recipe
from star.store import Artefacts, Store
from star.tasks import known_task

FILES = ("adapter_model.safetensors", "adapter_config.json")


def write_adapter(store: Store, number: int, folder: Path) -> None:
    """Copy the adapter of an iteration into `folder`, byte for byte.

    Raises:
        UserError: it was not kept, or is damaged.
    """
    adapter = store.adapter(number)
    for name in FILES:
        shutil.copyfile(adapter / name, folder / name)  # without permissions: a run may be read only
    _write_card(store, number, folder, merged=False)


def write_merged(store: Store, number: int, folder: Path) -> None:
    """Merge the adapter of an iteration into the base model, and save what plain transformers loads.

    Raises:
        UserError: as `write_adapter`, or the base model is another one now.
    """
    recipe = _recipe(store, number)
    recorded = store.read_run().get("base_model_sha256")
    checkpoint = recorded_checkpoint(recipe, known_task(recipe), recorded, store.folder)
    device = choose_device(recipe.model)
    model = merge_adapter(checkpoint, store.adapter(number), choose_dtype(recipe.model, device), device)
    model.save_pretrained(folder)
    load_tokenizer(checkpoint).save_pretrained(folder)
    _write_card(store, number, folder, merged=True)


def _write_card(store: Store, number: int, folder: Path, merged: bool) -> None:
    card = model_card(Artefacts(store, number), _recipe(store, number), merged)
    (folder / "README.md").write_text(card, encoding="utf-8")


def _recipe(store: Store, number: int) -> Recipe:
    return recipe_of(store, Artefacts(store, number)) or store.recipe
