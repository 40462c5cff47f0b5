"""Rows of a data set, from a file, a folder or the hub, by one path; and what they were: a hash, or a revision."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from star.errors import UserError, reason, shown
from star.files import file_sha256

Row = tuple[str, dict[str, Any]]
"""Where a row stands (`file:line`), and its object."""

LONGEST_LINE = 16 << 20
"""Bytes of a line; a problem has no more, and a file without line ends is not read into memory to find out."""


@dataclass
class Source:
    """A data set.

    Args:
        path: a JSONL file, a folder with `SPLIT.jsonl`, or a hub data set id.
        subset: the hub data set's configuration, where it has several.
        revision: branch, tag or commit on the hub.
        hub_splits: what splits are called on the hub, where that is something else.
        key: the recipe's key that gives the path, for messages.
    """

    path: str
    subset: str | None = None
    revision: str | None = None
    hub_splits: dict[str, str] = field(default_factory=dict)
    key: str = "task.path"
    used: dict[str, str] = field(default_factory=dict)
    """What was read: each file with its SHA-256, each hub data set with the commit it was read at."""

    def rows(self, split: str) -> Iterator[Row]:
        """The rows of a split; of a single file, its rows whatever the split.

        Raises:
            UserError: the data is missing or malformed.
        """
        local = Path(self.path)
        if local.exists() or local.suffix in (".json", ".jsonl") or self.path.startswith((".", "/", "~")):
            file = local / f"{split}.jsonl" if local.is_dir() else local
            if not file.is_file():
                what = "this is a folder, not a JSONL file" if file.is_dir() else "there is no such data file"
                raise UserError(
                    f"{file}: {what}; give a JSONL file, or a folder with {split}.jsonl, as {self.key}=PATH"
                )
            yield from read_rows(file)
            self.used[str(file)] = file_sha256(file)
        else:
            yield from self._download(split)

    def _download(self, split: str) -> Iterator[Row]:
        import datasets
        from huggingface_hub import snapshot_download

        hub_split = self.hub_splits.get(split, split)
        revision = self.used.get(f"hub:{self.path}", self.revision)  # all that is read is of one commit
        try:
            # The commit that the revision names now or, offline, named when the hub was last asked.
            card = snapshot_download(self.path, repo_type="dataset", revision=revision, allow_patterns="README.md")
            commit = Path(card).name
            builder = datasets.load_dataset_builder(self.path, self.subset, revision=commit)
            if builder.hash != commit:  # offline, datasets takes what it loaded last, whatever was asked for
                raise LookupError(f"commit {commit} is asked for, and the cache offers {builder.hash}")
            builder.download_and_prepare()
            rows = builder.as_dataset(split=hub_split)
        except Exception as error:  # the hub client raises many kinds; all mean that the data is not to be had
            raise UserError(
                f"data set {shown(self.path)}: neither a local file or folder nor a data set that the hub serves here "
                f"({reason(error)}); give a folder with {split}.jsonl, as {self.key}=FOLDER"
            ) from error
        self.used[f"hub:{self.path}"] = commit
        name = f"{self.path}/{self.subset}" if self.subset else self.path
        for number, row in enumerate(rows, 1):
            yield f"{name}/{hub_split}:{number}", row


def read_rows(path: Path) -> Iterator[Row]:
    """Yield `file:line` and object of each non-blank line.

    Raises:
        UserError: the file is empty or not UTF-8, or a line is not a JSON object, or far too long for one.
    """
    empty = True
    with path.open("rb") as file:
        for number, line in enumerate(iter(partial(file.readline, LONGEST_LINE + 1), b""), 1):
            if len(line) > LONGEST_LINE:
                raise UserError(
                    f"{path}:{number}: the line is longer than {LONGEST_LINE >> 20} MiB and begins with "
                    f"{line[:40]!r}; put each problem, a JSON object, on a line of its own"
                )
            if line.strip():
                empty = False
                yield f"{path}:{number}", _object(line, f"{path}:{number}")
    if empty:
        raise UserError(f"{path}: the file has no problems; give one with a JSON object a line")


def read_paragraphs(path: Path) -> Iterator[tuple[str, str]]:
    """Yield `file:line` and text of what stands between blank lines of a text file.

    Raises:
        UserError: the file is not UTF-8.
    """
    with path.open("rb") as file:
        lines = ((number, line_text(line, f"{path}:{number}")) for number, line in enumerate(file, 1))
        for is_text, group in groupby(lines, key=lambda line: bool(line[1].strip())):
            if is_text:
                numbers, texts = zip(*group, strict=True)
                yield f"{path}:{numbers[0]}", "".join(texts).replace("\r\n", "\n").strip()


def line_text(line: bytes, place: str) -> str:
    """A line of a file as text; what stands before the first character of some files is no part of it.

    Raises:
        UserError: it is not UTF-8.
    """
    try:
        return line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{place}: not UTF-8 text: {error.reason} at byte {error.start}, {line[error.start : error.start + 8]!r}; "
            "save the file as UTF-8"
        ) from None


def _object(line: bytes, place: str) -> dict[str, Any]:
    text = line_text(line, place)
    try:
        row = _parse(text)
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{place}: not valid JSON: {error}; found {line[:60]!r}; every line should be a JSON object"
        ) from None
    if not isinstance(row, dict):
        raise UserError(f"{place}: expected a JSON object, found {type(row).__name__}: {shown(row, 60)}")
    if b"\\u" in line and any("\ud800" <= character <= "\udfff" for character in json.dumps(row, ensure_ascii=False)):
        raise UserError(f"{place}: half of a surrogate pair (\\ud800 to \\udfff) is no text")
    return row


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        raise ValueError("a key stands in it twice")
    return row


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not a number that JSON has")


_parse = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_number).decode
