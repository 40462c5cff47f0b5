"""Read a recipe: YAML 1.2 (ruamel.yaml) and overrides in, one validated `Recipe` or one complete list of errors out.

Every error names the file and line (or the override), the dotted key, the value, and the nearest valid key. A recipe
may begin with `extends: OTHER.yaml`, and then holds only what is different.
"""

from __future__ import annotations

import difflib
import hashlib
import io
import json
import types
import typing
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarbool import ScalarBoolean

from star.errors import UserError
from star.recipe.schema import Recipe

Key = tuple[str, ...]

NOT_DECIDING = ("name", "iterations", "keep", "train.checkpoint_every")
"""Keys that do not change what an iteration gives."""
ROUNDING = (
    "model.threads",
    "sampler.batch_size",
    "sampler.max_tokens_in_flight",
    "sampler.wave",
    "train.micro_batch_size",
)
"""Keys that change it only by how numbers are rounded: what one has to lower when memory is short."""

MODEL_SOURCES = ("path", "gguf", "starter")
"""Of which a model has one."""

YAML_ERRORS = (YAMLError, ValueError, TypeError, KeyError, RecursionError)
"""What ruamel.yaml raises for text that is not YAML, or is YAML that cannot be built (`!!int x`, an endless anchor)."""


def load_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read the recipe at `path`, apply `key=value` overrides in order, validate.

    Raises:
        UserError: the file is missing or not YAML, or any key or value is wrong; all problems in one message.
    """
    path = Path(path)
    data, places = _read_with_parents(path)
    problems = []
    for override in overrides:
        try:
            key = _apply(data, override)
            for depth in range(1, len(key)):  # an error of a whole section may come from the file or the override
                places[key[:depth]] = ", ".join([*filter(None, [places.get(key[:depth])]), f"override {override!r}"])
            places[key] = f"override {override!r}"
        except UserError as error:
            problems.append(str(error))
    try:
        recipe = Recipe.model_validate(data)
    except ValidationError as error:
        problems += [_explain(item, str(path), places) for item in error.errors()]
    if problems:
        count = f"{len(problems)} problem{'s' * (len(problems) > 1)}"
        raise UserError(f"recipe {path}: {count}\n" + "\n".join(f"  {line}" for line in problems))
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
    """SHA-256 of everything in the recipe that decides what an iteration gives: all but `NOT_DECIDING`."""
    settings = {key: value for key, value in _flatten(recipe.model_dump(mode="json")) if key not in NOT_DECIDING}
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


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
    parent = data.pop("extends", None)
    if parent is None:
        return data, places
    where = places[("extends",)]
    if not isinstance(parent, str):
        raise UserError(f"{where}: extends = {parent!r}: expected the path of a recipe")
    base = path.parent / parent
    if base.resolve() in {child.resolve() for child in (path, *children)}:
        raise UserError(f"{where}: extends = {parent!r}: the recipe would extend itself")
    if not base.is_file():
        raise UserError(f"{where}: extends = {parent!r}: there is no recipe {base}")
    inherited, inherited_places = _read_with_parents(base, (*children, path))
    _merge(inherited, data, inherited_places)
    return inherited, inherited_places | places


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
        tree = YAML(typ="rt", pure=True).load(text)
    except DuplicateKeyError as error:
        line = error.problem_mark.line + 1
        raise UserError(f"recipe {path}:{line}: {error.problem.splitlines()[0]}; keep one of them") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UserError(f"recipe {path}:{line}: not valid YAML: {error.problem}") from None
    except YAML_ERRORS as error:
        raise UserError(f"recipe {path}: not valid YAML: {type(error).__name__}: {error}") from None
    if not isinstance(tree, CommentedMap):
        raise UserError(f"recipe {path}: expected `key: value` lines, found {type(tree).__name__}")
    places: dict[Key, str] = {}
    try:
        return _plain(tree, (), str(path), places), places
    except YAML_ERRORS as error:
        raise UserError(f"recipe {path}: a value that no recipe has: {type(error).__name__}: {error}") from None


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
    if isinstance(value, ScalarBoolean):  # ruamel's, an int: a boolean with an anchor
        return bool(value)
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def _apply(data: dict[str, Any], override: str) -> Key:
    """Set one `a.b=value` in `data`, whose value is read as YAML; returns the key."""
    dotted, equals, text = override.partition("=")
    if not equals or not all(dotted.split(".")):
        raise UserError(f"override {override!r}: expected KEY=VALUE, for example train.lr=1e-4")
    try:
        value = _plain(YAML(typ="rt", pure=True).load(text), (), "", {})
    except YAML_ERRORS:
        raise UserError(f"override {override[:200]!r}: the value {text[:200]!r} is not valid YAML") from None
    parts = dotted.split(".")
    *parents, last = (int(part) if part.isascii() and part.isdigit() else part for part in parts)
    for depth, parent in enumerate(parents, 1):
        if data.get(parent) is None:
            data[parent] = {}
        data = data[parent]
        if not isinstance(data, dict):
            section = ".".join(parts[:depth])
            raise UserError(f"override {override!r}: {section} is {data!r}, not a section with keys of its own")
    data[last] = value
    return tuple(parts)


def _explain(error: Any, path: str, places: dict[Key, str]) -> str:
    """One line for one pydantic error: place, dotted key, value, what is wrong, nearest valid key."""
    location = _without_tags(error["loc"])
    key = tuple(str(part) for part in location)
    if error["type"] == "union_tag_invalid":
        key = (*key, "kind")
    place = next((places[key[:n]] for n in range(len(key), 0, -1) if key[:n] in places), path)
    dotted = ".".join(key) or "recipe"
    if error["type"] == "extra_forbidden":
        valid = _valid_keys(location[:-1], error["loc"])
        near = difflib.get_close_matches(key[-1], valid, n=1, cutoff=0.5)
        advice = f"did you mean {near[0]}?" if near else f"valid keys: {', '.join(sorted(valid))}"
        return f"{place}: {dotted}: unknown key; {advice}"
    if error["type"] == "missing":
        return f"{place}: {dotted}: this key is required"
    if error["type"] == "union_tag_not_found":
        return f"{place}: {dotted}.kind: this key is required; one of {error['ctx'].get('expected_tags') or _kinds()}"
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "union_tag_invalid":
        near = difflib.get_close_matches(str(error["ctx"]["tag"]), _kinds().split(", "), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"{place}: {dotted} = {error['ctx']['tag']!r}: expected one of {_kinds()}{hint}"
    if error["type"] == "value_error" and isinstance(error["input"], dict):
        return f"{place}: {dotted}: {message}"
    if message == "Input should be a finite number":
        message += " (nan and inf are not)"
    return f"{place}: {dotted} = {error['input']!r}: {message}"


def _kinds() -> str:
    return ", ".join(_task_classes())


def _task_classes() -> dict[str, type[BaseModel]]:
    union = Recipe.model_fields["task"].annotation
    return {typing.get_args(cls.model_fields["kind"].annotation)[0]: cls for cls in typing.get_args(union)}


def _without_tags(location: tuple[Any, ...]) -> tuple[Any, ...]:
    """Drop what pydantic adds to a location: the chosen kind after `task`, union branches, the `[key]` marker."""
    parts = list(location)
    if len(parts) > 1 and parts[0] == "task" and parts[1] in _task_classes():
        del parts[1]
    branches = {"str", "int", "float", "[key]"}
    return tuple(part for part in parts if part not in branches and not str(part).startswith("list["))


def _valid_keys(location: tuple[Any, ...], tagged: tuple[Any, ...]) -> list[str]:
    """Field names of the section at `location`."""
    cls: Any = Recipe
    for part in location:
        if part == "task":
            cls = _task_classes()[tagged[1]]
            continue
        annotation = cls.model_fields[part].annotation
        options = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else [annotation]
        cls = next(option for option in options if isinstance(option, type) and issubclass(option, BaseModel))
    return list(cls.model_fields)
