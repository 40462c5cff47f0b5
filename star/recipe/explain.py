"""What pydantic found wrong in a recipe, told to a person: one line with place, dotted key, value and remedy."""

from __future__ import annotations

import difflib
import types
import typing
from typing import Any

from pydantic import BaseModel

from star.errors import cut, shown
from star.recipe.schema import Recipe


def place_of(key: tuple[str, ...], places: dict[tuple[str, ...], str], path: str) -> str:
    """Where a key stands (`file:line`, or an override), or the section that should hold it."""
    return next((places[key[:n]] for n in range(len(key), 0, -1) if key[:n] in places), path)


def explain(error: Any, path: str, places: dict[tuple[str, ...], str]) -> str:
    """One line for one pydantic error: place, dotted key, value, what is wrong, nearest valid key."""
    location = _without_tags(error["loc"])
    key = tuple(str(part) for part in location)
    if error["type"] == "union_tag_invalid":
        key = (*key, "kind")
    place = place_of(key, places, path)
    dotted = cut(".".join(key) or "recipe", 200)
    if error["type"] == "extra_forbidden":
        valid = _valid_keys(location[:-1], error["loc"])
        near = difflib.get_close_matches(key[-1], valid, n=1, cutoff=0.5)
        advice = f"did you mean {near[0]}?" if near else f"valid keys: {', '.join(sorted(valid))}"
        return f"{place}: {dotted}: unknown key; {advice}"
    if error["type"] == "missing":
        return f"{place}: {dotted}: this key is required"
    if error["type"] == "union_tag_not_found":
        kinds = error["ctx"].get("expected_tags") or ", ".join(_kinds(location[0]))
        return f"{place}: {dotted}.kind: this key is required; one of {kinds}"
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "union_tag_invalid":
        kinds = _kinds(location[0])
        near = difflib.get_close_matches(str(error["ctx"]["tag"]), kinds, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"{place}: {dotted} = {shown(error['ctx']['tag'])}: expected one of {', '.join(kinds)}{hint}"
    if error["type"] == "value_error" and isinstance(error["input"], dict):
        return f"{place}: {dotted}: {message}"
    if message == "Input should be a finite number":
        message += " (nan and inf are not)"
    return f"{place}: {dotted} = {shown(error['input'])}: {message}"


def _kinds(section: Any) -> dict[str, type[BaseModel]]:
    """The classes of a section of the recipe that has several, such as `task`, by `kind`; none of other sections."""
    field = Recipe.model_fields.get(section)
    options = typing.get_args(field.annotation) if field and field.discriminator == "kind" else ()
    return {typing.get_args(cls.model_fields["kind"].annotation)[0]: cls for cls in options}


def _without_tags(location: tuple[Any, ...]) -> tuple[Any, ...]:
    """Drop what pydantic adds to a location: the chosen kind of a section, union branches, the `[key]` marker."""
    parts = list(location)
    if len(parts) > 1 and parts[1] in _kinds(parts[0]):
        del parts[1]
    branches = {"str", "int", "float", "[key]"}
    return tuple(part for part in parts if part not in branches and not str(part).startswith("list["))


def _valid_keys(location: tuple[Any, ...], tagged: tuple[Any, ...]) -> list[str]:
    """Field names of the section at `location`."""
    cls: Any = Recipe
    for part in location:
        if cls is Recipe and (kinds := _kinds(part)):
            cls = kinds[tagged[1]]
            continue
        annotation = cls.model_fields[part].annotation
        options = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else [annotation]
        cls = next(option for option in options if isinstance(option, type) and issubclass(option, BaseModel))
    return list(cls.model_fields)
