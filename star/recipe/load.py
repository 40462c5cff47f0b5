"""Read a recipe: YAML 1.2 (ruamel.yaml) and overrides in, one validated `Recipe` or one complete list of errors out.

Every error names the file and line (or the override), the dotted key, the value, and the nearest valid key. A recipe
may begin with `extends: OTHER.yaml`, and then holds only what is different.
"""

from __future__ import annotations

import difflib
import hashlib
import io
import json
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarbool import ScalarBoolean

from star.errors import UserError, cut, reason, shown
from star.recipe.bounds import MAX_DEPTH, load_yaml
from star.recipe.curriculum import Curriculum
from star.recipe.explain import explain, place_of
from star.recipe.samplers import VllmEngine
from star.recipe.schema import VERSION, Recipe
from star.recipe.tethers import Stop
from star.secrets import redact, secret_in

Key = tuple[str, ...]

NOT_DECIDING = (
    "version",
    "name",
    "iterations",
    "keep",
    *(f"stop.{rule}" for rule in Stop.model_fields),
    "train.checkpoint_every",
    "verifier.checkpoint_every",
    "audit.specimens",
    *(f"sampler.openai.{key}" for key in ("urls", "api_key_env", "concurrency", "timeout", "patience")),
    "sampler.vllm",
    *(f"sampler.vllm.{key}" for key in VllmEngine.model_fields),
    "tracking",
    "project",
)
"""Keys that do not change what an iteration gives."""
ROUNDING = (
    "model.threads",
    "sampler.batch_size",
    "sampler.max_tokens_in_flight",
    "sampler.wave",
    "train.micro_batch_size",
    "verifier.micro_batch_size",
)
"""Keys that change it only by how numbers are rounded: what one has to lower when memory is short."""

ADDED = {
    "synthesize.kind": "none",
    "synthesize.writer": "current",
    "sweep": None,
    "verifier": None,
    "evaluation.best_of": None,
    "selection.distinct": None,
    "selection.quality": None,
    **{f"curriculum.{key}": value for key, value in Curriculum().model_dump(mode="json").items()},
}
"""Keys that recipes of older runs lack, with the value that means the same: no part of the hash, so that they go on."""

MODEL_SOURCES = ("path", "gguf", "starter")
"""Of which a model has one."""

MAX_BITS = 4000
"""Of a whole number; Python refuses to write one of more than a few thousand digits."""

MAX_PROBLEMS = 30
"""As many are told at once, at most."""

YAML_ERRORS = (YAMLError, ValueError, TypeError, KeyError, RecursionError)
"""What ruamel.yaml raises for text that is not YAML, or is YAML that cannot be built (`!!int x`, an endless anchor)."""


def load_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read the recipe at `path`, apply `key=value` overrides in order, validate.

    Raises:
        UserError: the file is missing or not YAML, or any key or value is wrong; all problems in one message.
    """
    path = Path(path)
    return make_recipe(*_read_with_parents(path), str(path), overrides)


def make_recipe(data: dict[str, Any], places: dict[Key, str], name: str, overrides: Sequence[str] = ()) -> Recipe:
    """Validate settings as a recipe, `overrides` applied.

    Args:
        places: where each key stands, for messages.
        name: of where they come from, for those that stand nowhere.

    Raises:
        UserError: any key or value is wrong; all problems in one message.
    """
    problems = []
    for override in overrides:
        try:
            key = _apply(data, override)
            for depth in range(1, len(key)):  # an error of a whole section may come from the file or the override
                places[key[:depth]] = ", ".join([*filter(None, [places.get(key[:depth])]), _named(override)])
            places[key] = _named(override)
        except UserError as error:
            problems.append(str(error))
    _refuse_newer(data, places, name)
    _refuse_secrets(data, places, name)
    try:
        recipe = Recipe.model_validate(data)
    except ValidationError as error:
        problems += [explain(item, name, places) for item in error.errors()]
    if problems:
        count = f"{len(problems)} problem{'s' * (len(problems) > 1)}"
        if len(problems) > MAX_PROBLEMS:
            problems[MAX_PROBLEMS:] = [f"and {len(problems) - MAX_PROBLEMS} more"]
        raise UserError(f"recipe {name}: {count}\n" + "\n".join(f"  {line}" for line in problems))
    return recipe


def canonical(recipe: Recipe) -> str:
    """The recipe with every default written out, as YAML that `load_recipe` reads back to an equal recipe."""
    buffer = io.StringIO()
    yaml = YAML()
    yaml.width = 4096
    yaml.allow_unicode = False  # line separators of Unicode would not survive as they are
    yaml.dump(recipe.model_dump(mode="python"), buffer)
    return buffer.getvalue()


def recipe_hash(recipe: Recipe) -> str:
    """SHA-256 of everything in the recipe that decides what an iteration gives: all but `NOT_DECIDING`, `ROUNDING`."""
    may_change = {*NOT_DECIDING, *ROUNDING}
    settings = {key: value for key, value in _flatten(recipe.model_dump(mode="json")) if key not in may_change}
    decides = {key: value for key, value in settings.items() if key not in ADDED or value != ADDED[key]}
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def difference(old: Recipe, new: Recipe) -> list[tuple[str, Any, Any]]:
    """Dotted keys whose values differ, with the old and the new value (`None` where a key is absent)."""
    before, after = (dict(_flatten(recipe.model_dump(mode="json"))) for recipe in (old, new))
    keys = sorted(before.keys() | after.keys())
    return [(key, before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)]


def _flatten(value: Any, prefix: str = "") -> Iterable[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flatten(inner, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, value


def _read_with_parents(path: Path, children: tuple[Path, ...] = ()) -> tuple[dict[str, Any], dict[Key, str]]:
    """The file on top of the one that its key `extends` names, relative to its own folder, and so on."""
    data, places = _read_yaml(path)
    _refuse_newer(data, places, str(path))
    parent = data.pop("extends", None)
    if parent is None:
        return data, places
    where = place_of(("extends",), places, str(path))
    if not isinstance(parent, str):
        raise UserError(f"{where}: extends = {shown(parent)}: expected the path of a recipe")
    base = path.parent / parent
    if base.resolve() in {child.resolve() for child in (path, *children)}:
        raise UserError(f"{where}: extends = {shown(parent)}: the recipe would extend itself")
    if not os.path.isfile(base):  # of a name that is too long, Path.is_file raises
        raise UserError(f"{where}: extends = {shown(parent)}: there is no recipe {cut(str(base), 300)}")
    inherited, inherited_places = _read_with_parents(base, (*children, path))
    _merge(inherited, data, inherited_places)
    return inherited, inherited_places | places


def _refuse_newer(data: dict[str, Any], places: dict[Key, str], path: str) -> None:
    """A recipe of a later schema gets this error alone, since other keys may be new too."""
    version = data.get("version")
    if type(version) is int and version > VERSION:
        where = place_of(("version",), places, path)
        raise UserError(f"{where}: version = {version}: this star reads up to version {VERSION}; upgrade star")


def _refuse_secrets(data: dict[str, Any], places: dict[Key, str], path: str) -> None:
    """Before anything shows a value: a recipe is copied into run directories and reports."""
    for key, value in _flatten(data):
        if what := secret_in(f"{key}={value}"):
            place = place_of(tuple(key.split(".")), places, path)
            raise UserError(
                f"{place}: {redact(key)} = {shown(value)}: holds {what}, and recipes are copied into run directories "
                "and reports; take it out, and log in outside of the recipe (HF_TOKEN, ~/.netrc)"
            )


def _merge(base: dict[Any, Any], changes: dict[Any, Any], places: dict[Key, str], section: Key = ()) -> None:
    """Put `changes` on top of `base`, section by section, and forget the places in `base` of what they replace.

    A task of another kind replaces the whole section, and so does a model from another source.
    """
    for name, value in changes.items():
        key, old = (*section, str(name)), base.get(name)
        if isinstance(old, dict) and isinstance(value, dict) and not _is_another(old, value, key):
            _merge(old, value, places, key)
        else:
            base[name] = value
            for stale in [place for place in places if place[: len(key)] == key]:
                del places[stale]


def _is_another(old: dict[Any, Any], new: dict[Any, Any], key: Key) -> bool:
    if key == ("model",):
        return any(source in new and source not in old for source in MODEL_SOURCES)
    return "kind" in new and new["kind"] != old.get("kind")


def _read_yaml(path: Path) -> tuple[dict[str, Any], dict[Key, str]]:
    """The file as plain data, and for each key the place where it stands (`file:line`)."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        near = difflib.get_close_matches(path.name, [p.name for p in path.parent.glob("*.yaml")], n=1)
        hint = f"; did you mean {path.parent / near[0]}?" if near else ""
        raise UserError(f"recipe {path}: there is no such file{hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"recipe {path}: cannot be read as UTF-8 text: {error}") from None
    try:
        tree = load_yaml(text)
    except DuplicateKeyError as error:
        line = error.problem_mark.line + 1
        raise UserError(f"recipe {path}:{line}: {cut(error.problem.splitlines()[0], 300)}; keep one of them") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UserError(f"recipe {path}:{line}: not valid YAML: {cut(error.problem, 300)}") from None
    except YAML_ERRORS as error:
        raise UserError(f"recipe {path}: not valid YAML: {reason(error)}") from None
    if not isinstance(tree, CommentedMap):
        raise UserError(f"recipe {path}: expected `key: value` lines, found {type(tree).__name__}")
    places: dict[Key, str] = {}
    try:
        return _plain(tree, (), str(path), places), places
    except YAML_ERRORS as error:
        raise UserError(f"recipe {path}: a value that no recipe has: {reason(error)}") from None


def _plain(node: Any, key: Key, path: str, places: dict[Key, str]) -> Any:
    """Round-trip YAML types -> plain Python; fills `places`."""
    if isinstance(node, CommentedMap):
        for name, position in (node.lc.data or {}).items():
            places[(*key, str(name))] = f"{path}:{position[0] + 1}"
        return {_scalar(name): _plain(value, (*key, str(name)), path, places) for name, value in node.items()}
    if isinstance(node, list):
        return [_plain(item, (*key, str(i)), path, places) for i, item in enumerate(node)]
    return _scalar(node)


def _scalar(value: Any) -> Any:
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise ValueError(f"a whole number of {value.bit_length()} bits")
    if isinstance(value, ScalarBoolean):  # ruamel's, an int: a boolean with an anchor
        return bool(value)
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def _named(override: str) -> str:
    return f"override {shown(override, 200)}"


def _apply(data: dict[str, Any], override: str) -> Key:
    """Set one `a.b=value` in `data`, whose value is read as YAML; returns the key."""
    dotted, equals, text = override.partition("=")
    if not equals or not all(dotted.split(".")):
        raise UserError(f"{_named(override)}: expected KEY=VALUE, for example train.lr=1e-4")
    try:
        value = _plain(load_yaml(text), (), "", {})
    except YAML_ERRORS:
        raise UserError(f"{_named(override)}: the value {shown(text)} is not valid YAML") from None
    parts = dotted.split(".")
    if len(parts) > MAX_DEPTH:
        raise UserError(f"{_named(override)}: no key has more than {MAX_DEPTH} parts")
    *parents, last = (int(part) if re.fullmatch("[0-9]{1,9}", part) else part for part in parts)
    for depth, parent in enumerate(parents, 1):
        if data.get(parent) is None:
            data[parent] = {}
        data = data[parent]
        if not isinstance(data, dict):
            section = ".".join(parts[:depth])
            raise UserError(f"{_named(override)}: {section} is {shown(data)}, not a section with keys of its own")
    data[last] = value
    return tuple(parts)
