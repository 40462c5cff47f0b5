"""What an equation names: `x = 5` is an answer of `5`, and `f(x) = 2x` one of `2x`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

CONSTANTS = ("pi", "e", "i", "infty", "degree")
"""Symbols that stand for a number, and name nothing."""
FUNCTION_NAMES = frozenset("fghFGHPp")
"""Letters that are a function where something follows them in the name of an equation, as in `f(x) = 2x`."""

Node = Sequence[Any]


def is_variable(node: Node) -> bool:
    return node[0] == "symbol" and node[1] not in CONSTANTS


def is_name(node: Node, value: Node | None = None) -> bool:
    """`x`, `AB`, `f(x)` or `f^{-1}(x)`: what may stand on one side of an equation only to name the other, `value`."""
    inside = _variables(value) if value else set()
    if node[0] == "symbol":
        return is_variable(node) and node[1] not in inside
    if node[0] != "mul" or len(node) != 3:
        return False
    head, argument = node[1:]
    if all(part[0] == "symbol" and part[1].isupper() for part in (head, argument)):
        return True
    head = head[1] if head[0] == "pow" else head
    if head[0] != "symbol" or re.split("[_']", head[1])[0] not in FUNCTION_NAMES:
        return False
    return argument[0] == "number" or (argument[0] == "symbol" and (not inside or argument[1] in inside))


def _variables(node: Node) -> set[str]:
    return {node[1]} if is_variable(node) else set().union(*map(_variables, parts_of(node)))


def _named(node: Node) -> tuple[Node | None, Node]:
    """The name and the value of `x = 5` and of `f(x) = 2x`; else no name, and the node."""
    for name, value in ((2, 3), (3, 2)) if list(node[:2]) == ["relation", "="] else ():
        if is_name(node[name], node[value]):
            return node[name], node[value]
    return None, node


def unnamed(node: Node, other: Node) -> Node:
    """`x = 5` as `5`, and `f(x) = 2x` as `2x`, where the other names nothing."""
    names_too = any(part[0] in ("relation", "all") for part in [other, *parts_of(other)])
    return node if names_too else _named(node)[1]


def has_several_names(a: Node, b: Node) -> bool:
    """Whether names would be dropped that tell things apart: `x = 1, y = 2` beside `2, 1`."""
    items = [*items_of(a), *items_of(b)]
    names = {str(name) for name in (_named(item)[0] for item in items) if name}
    return len(names) > 1 and any(item[0] != "relation" for item in items)


def parts_of(node: Node) -> list[Node]:
    return [part for part in node[1:] if isinstance(part, (list, tuple))]


def items_of(node: Node) -> Sequence[Node]:
    if list(node) == ["symbol", "emptyset"]:
        return []
    return node[1:] if node[0] == "set" else [node]
