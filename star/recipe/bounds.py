"""The YAML that a recipe is read from: no more of it, and none that is stranger, than a recipe could need.

A few lines can stand for billions of values (lists of aliases of lists), and keys that are sections of sections take
ruamel.yaml forever to build. Both are seen in the tree of nodes, before anything is built. Its time for deep nesting
grows with the square of the depth, so the tree ends at the depth that is allowed.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.constructor import ConstructorError, RoundTripConstructor
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_DEPTH = 30
"""Sections in sections."""
TOO_DEEP = f"it is nested more than {MAX_DEPTH} deep"
MAX_VALUES = 10_000
"""Values, with all that aliases (`*name`) stand for written out."""
_NO_TEXT = re.compile("[\\0\ud800-\udfff]")
"""What no path, prompt or stop string can have: NUL, and halves of surrogate pairs."""


def load_yaml(text: str) -> Any:
    """`text` as ruamel.yaml's round-trip types; raises whatever ruamel.yaml raises (`YAML_ERRORS` in `load.py`)."""
    yaml = YAML(typ="rt", pure=True)
    yaml.Composer, yaml.Constructor = _BoundedComposer, _BoundedConstructor
    return yaml.load(text)


class _BoundedComposer(Composer):
    depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        if self.depth == MAX_DEPTH:
            raise ComposerError(None, None, TOO_DEEP, self.parser.peek_event().start_mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _BoundedConstructor(RoundTripConstructor):
    def construct_document(self, node: Node) -> Any:
        _check(node, 1, itertools.count(1))
        return super().construct_document(node)


def _check(node: Node, depth: int, values: Iterator[int]) -> None:
    if depth > MAX_DEPTH:
        _refuse(node, TOO_DEEP)
    if next(values) > MAX_VALUES:
        _refuse(node, f"it has more than {MAX_VALUES} values, with all that aliases (*name) stand for written out")
    if isinstance(node, ScalarNode):
        _check_scalar(node)
    elif isinstance(node, SequenceNode):
        for item in node.value:
            _check(item, depth + 1, values)
    elif isinstance(node, MappingNode):
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                _refuse(key, "a key is a list or a section, and should be a text")
            _check_scalar(key)
            _check(value, depth + 1, values)


def _check_scalar(node: ScalarNode) -> None:
    if found := _NO_TEXT.search(node.value):
        _refuse(node, f"it has the character {found[0]!a}, which no text has")


def _refuse(node: Node, problem: str) -> None:
    raise ConstructorError(None, None, problem, node.start_mark)
