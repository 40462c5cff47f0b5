"""What files must be, by size and SHA-256: written beside them, and checked before anything of them is used."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypedDict

from star.errors import UserError
from star.files import file_sha256

MANIFEST = "MANIFEST.json"


class Entry(TypedDict):
    """One file."""

    bytes: int
    sha256: str


def entry(path: Path) -> Entry:
    """Of a file that is there."""
    return {"bytes": path.stat().st_size, "sha256": file_sha256(path)}


def entry_of(text: str) -> Entry:
    """Of a text that is about to be written."""
    data = text.encode()
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def entries(folder: Path) -> dict[str, Entry]:
    """Of all files in a folder and below, but for its manifest."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p != folder / MANIFEST)
    return {path.relative_to(folder).as_posix(): entry(path) for path in files}


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder.

    Raises:
        UserError: it is missing or damaged.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        for name, found in manifest["files"].items():
            if not (isinstance(found["bytes"], int) and isinstance(found["sha256"], str)):
                raise ValueError(f"no size and hash of {name}")
        if not isinstance(manifest.get("run", {}), dict):
            raise ValueError("`run` is no object")
    except FileNotFoundError:
        raise UserError(f"{path}: missing, so nothing in this folder can be trusted") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path}: damaged: {type(error).__name__}: {error}") from None
    return manifest


def problems(folder: Path, files: Mapping[str, Entry]) -> Iterator[str]:
    """What is wrong with these files of a folder, a sentence for each that is not as it was written."""
    for name, expected in files.items():
        path = folder / name
        if not path.is_file():
            yield f"{path}: missing ({expected['bytes']} bytes, SHA-256 {expected['sha256']})"
        elif (size := path.stat().st_size) != expected["bytes"]:
            found = file_sha256(path)
            yield f"{path}: {size} bytes, not {expected['bytes']} (SHA-256 is {found}, not {expected['sha256']})"
        elif (found := file_sha256(path)) != expected["sha256"]:
            yield f"{path}: its SHA-256 is {found}, not {expected['sha256']}"


def require_intact(folder: Path, files: Mapping[str, Entry], remedy: str) -> None:
    """See `problems`.

    Raises:
        UserError: there are any.
    """
    if found := list(problems(folder, files)):
        raise UserError("\n  ".join(["not what was written:", *found]) + f"\n{remedy}")
