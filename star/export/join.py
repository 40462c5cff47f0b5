"""The attempts behind the examples of a training set, wherever among them: found by id, one in memory at a time."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from star.audit.provenance import STAGES, parse_id
from star.errors import UserError
from star.records import Attempt
from star.store import Artefacts, Store

Stage = tuple[int, str]
"""An iteration, and one of its stages that sample."""


class Attempts:
    """The attempts with these ids. Kept of each are 8 bytes that stand for its id, and where it is in its file.

    Ids of what no model wrote (`ground-truth/...`, `real/...`) are left out.

    Raises:
        UserError: an attempt is missing, or a file is not what was written.
    """

    def __init__(self, store: Store, ids: Iterable[str]):
        self._files: dict[Stage, BinaryIO] = {}
        self._places: dict[bytes, int] = {}
        self._open = ExitStack()
        wanted: dict[Stage, set[bytes]] = defaultdict(set)
        for id in ids:
            if (stage := _stage_of(id)) is not None:
                wanted[stage].add(_digest(id))
        for (number, name), digests in sorted(wanted.items()):
            made = Artefacts(store, number)
            if not made.has(f"{name}.jsonl"):
                raise UserError(f"{made.folder}: no {name}.jsonl, to which training data leads back")
            path = made.path(f"{name}.jsonl")
            self._find(path, digests)
            self._files[number, name] = self._open.enter_context(path.open("rb"))

    def _find(self, path: Path, wanted: set[bytes]) -> None:
        place = 0
        with path.open("rb") as file:
            for line in file:
                if (digest := _digest(_attempt(line).id)) in wanted:
                    self._places[digest] = place
                place += len(line)
        if missing := len(wanted - self._places.keys()):
            raise UserError(f"{path}: {missing} attempts that were trained on are not in it")

    def get(self, id: str) -> Attempt | None:
        """The attempt with this id, one of those that were asked for; `None` for what no model wrote."""
        if (stage := _stage_of(id)) is None:
            return None
        file = self._files[stage]
        file.seek(self._places[_digest(id)])
        return _attempt(file.readline())

    def __enter__(self) -> Attempts:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()


def _stage_of(id: str) -> Stage | None:
    address = parse_id(id)
    if address is None:
        raise UserError(f"{id}: not the id of an example, though one was trained on by that name")
    return (address.iteration, STAGES[address.kind]) if address.is_sampled else None


def _attempt(line: bytes) -> Attempt:
    return Attempt.from_dict(json.loads(line))


def _digest(id: str) -> bytes:
    return hashlib.blake2b(id.encode(), digest_size=8).digest()
