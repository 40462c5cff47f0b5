"""The entries of a data set of reasoning-gym, generated in a process of its own.

Some data sets depend on the order of sets, which is fixed there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from star.errors import UserError

_ROOT = str(Path(__file__).parents[2])
_GENERATE = f"import sys; sys.path.insert(0, {_ROOT!r}); from star.tasks.gym_entries import generate; generate()"


def entries(name: str, options: dict[str, Any], seed: int, size: int) -> Iterator[dict[str, Any]]:
    """The first `size` entries of a data set, each as soon as it is made.

    Raises:
        UserError: reasoning-gym is not installed, or refuses the options, or fails.
    """
    environment = {**os.environ, "PYTHONHASHSEED": "0", "MPLBACKEND": "agg"}
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _GENERATE], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env=environment, text=True, encoding="utf-8",
    ) as process:  # fmt: skip
        try:
            process.stdin.write(json.dumps({"name": name, "options": options, "seed": seed, "size": size}))
            process.stdin.close()
            for line in process.stdout:
                entry = json.loads(line)
                if entry.get("error") == "not installed":
                    raise not_installed()
                if "error" in entry:
                    raise UserError(
                        f"task.data_set = {name!r}, task.options = {options}: reasoning-gym says: {entry['error']}"
                    )
                yield entry
        finally:
            process.kill()
    if process.returncode > 0:
        raise UserError(f"task.data_set = {name!r}: generating ended with code {process.returncode}")


def not_installed() -> UserError:
    """What to tell a user who has no reasoning-gym."""
    return UserError("task.kind = 'reasoning_gym': install the package: pip install 'star-trainer[reasoning-gym]'")


def generate() -> None:
    """Read a request from standard input, write its entries to standard output, one JSON object a line."""
    request, replies = json.load(sys.stdin), sys.stdout
    settings = {"size": request["size"], "seed": request["seed"], **request["options"]}
    try:
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):  # data sets print
            data = _data_set(request["name"], settings)
            for index in range(request["size"]):
                print(json.dumps(data[index], default=_plain), file=replies, flush=True)
    except ModuleNotFoundError as error:
        print(json.dumps({"error": "not installed" if error.name == "reasoning_gym" else str(error)}), file=replies)
    except Exception as error:  # data sets raise all kinds; the user is told which
        print(json.dumps({"error": f"{type(error).__name__}: {error}"[:500]}), file=replies)


def _data_set(name: str, settings: dict[str, Any]) -> Any:
    """A data set; those that a composite mixes are tried one by one first, to say which of them refuses its options."""
    import reasoning_gym
    from reasoning_gym.composite import DatasetSpec

    if name != "composite":
        return reasoning_gym.create_dataset(name, **settings)
    members = [DatasetSpec(**{"weight": 1.0, "config": {}, **member}) for member in settings["datasets"]]
    for member in members:
        try:
            reasoning_gym.create_dataset(member.name, **member.config)
        except Exception as error:
            raise ValueError(f"{member.name}: {type(error).__name__}: {error}") from error
    return reasoning_gym.create_dataset(name, **{**settings, "datasets": members})


def _plain(value: Any) -> Any:
    """A numpy number or array, or a set, as JSON has it; anything else as text."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return sorted(value) if isinstance(value, (set, frozenset)) else str(value)
