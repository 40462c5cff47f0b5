"""Problems in any number, as a sequence that is not in memory: what a million of them take there is their offsets.

They are written once, as they are read, into a temporary file without a name, which is in memory as long as it is
small. So a data set may be edited, or moved, while a run is at work: the run keeps the problems that it checked.
"""

from __future__ import annotations

import json
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise
from typing import Any, Generic, TypeVar, overload

import msgspec

from star.records import Problem

IN_MEMORY = 16 << 20
"""Bytes up to which there is no file."""
AT_ONCE = 1000
"""Problems that are read together."""

Item = TypeVar("Item")


def _pack(item: Any) -> bytes:
    """As MessagePack; as JSON where that has no word for it: half of a surrogate pair, a number of over 64 bits."""
    try:
        return msgspec.msgpack.encode(item)
    except (UnicodeEncodeError, OverflowError):
        return json.dumps(msgspec.to_builtins(item)).encode()


class Spool(Sequence[Item], Generic[Item]):
    """A sequence of problems that can be appended to. Each item is made anew when it is asked for: equal, not the same.

    Takes 8 bytes of memory and some 350 of the temporary directory a problem.

    Args:
        kind: what the items are, if not problems: a dataclass or a named tuple.
    """

    def __init__(self, items: Iterable[Item] = (), kind: type[Item] = Problem):
        self._kind, self._decode = kind, msgspec.msgpack.Decoder(kind).decode
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed with this object
        self._ends, self._is_at_end = array("Q", [0]), True
        for item in items:
            self.append(item)

    def append(self, item: Item) -> None:
        """Add an item at the end."""
        data = _pack(item)
        if not self._is_at_end:
            self._file.seek(self._ends[-1])
        self._is_at_end = False  # unless all of it is written: the disk may be full
        self._file.write(data)
        self._is_at_end = True
        self._ends.append(self._ends[-1] + len(data))

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, place: int) -> Item: ...

    @overload
    def __getitem__(self, place: slice) -> list[Item]: ...

    def __getitem__(self, place: int | slice) -> Item | list[Item]:
        if isinstance(place, slice):
            start, stop, step = place.indices(len(self))
            return self._read(start, stop) if step == 1 else [self[i] for i in range(start, stop, step)]
        at = range(len(self))[place]
        return self._read(at, at + 1)[0]

    def __iter__(self) -> Iterator[Item]:
        for start in range(0, len(self), AT_ONCE):
            yield from self[start : start + AT_ONCE]

    def _read(self, start: int, stop: int) -> list[Item]:
        """Those of a range, read together."""
        ends = self._ends[start : max(start, stop) + 1]
        self._file.seek(ends[0])
        self._is_at_end = False
        data = self._file.read(ends[-1] - ends[0])
        return [self._unpack(data[a - ends[0] : b - ends[0]]) for a, b in pairwise(ends)]

    def _unpack(self, data: bytes) -> Item:
        """What `_pack` made of an item: no MessagePack of one begins like JSON."""
        return msgspec.convert(json.loads(data), self._kind) if data[:1] in b"[{" else self._decode(data)


class Chosen(Sequence[Problem]):
    """Some of `problems`, in the order of `places`, which take 8 bytes each."""

    def __init__(self, problems: Sequence[Problem], places: Iterable[int]):
        self._problems, self._places = problems, array("Q", places)

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, place: int) -> Problem: ...

    @overload
    def __getitem__(self, place: slice) -> list[Problem]: ...

    def __getitem__(self, place: int | slice) -> Problem | list[Problem]:
        if isinstance(place, slice):
            return [self._problems[i] for i in self._places[place]]
        return self._problems[self._places[place]]


class Joined(Sequence[Problem]):
    """The problems of one sequence, then those of another."""

    def __init__(self, first: Sequence[Problem], then: Sequence[Problem]):
        self._first, self._then = first, then

    def __len__(self) -> int:
        return len(self._first) + len(self._then)

    @overload
    def __getitem__(self, place: int) -> Problem: ...

    @overload
    def __getitem__(self, place: slice) -> list[Problem]: ...

    def __getitem__(self, place: int | slice) -> Problem | list[Problem]:
        at = range(len(self))[place]
        if isinstance(at, range):
            return [self[i] for i in at]
        return self._first[at] if at < len(self._first) else self._then[at - len(self._first)]

    def __iter__(self) -> Iterator[Problem]:
        return chain(self._first, self._then)
