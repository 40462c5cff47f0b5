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
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from star.errors import UserError

_ROOT = str(Path(__file__).parents[2])
_GENERATE = f"import sys; sys.path.insert(0, {_ROOT!r}); from star.tasks.gym_entries import generate; generate()"


def entries(
    name: str, options: dict[str, Any], seed: int, size: int, level: int | None = None
) -> Iterator[dict[str, Any]]:
    """The first `size` entries of a data set, each as soon as it is made; at a level of difficulty, if one is given.

    Raises:
        UserError: reasoning-gym is not installed, or refuses the options, or fails.
    """
    return _ask({"name": name, "options": options, "seed": seed, "size": size, "level": level})


@cache
def count_levels(name: str) -> int:
    """How many levels the curriculum of a data set has: as many as the parameter that has most of them.

    Raises:
        UserError: reasoning-gym is not installed, or has no curriculum for it.
    """
    return next(_ask({"name": name, "options": {}, "count": "levels"}))["levels"]


def _ask(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What a process of its own replies."""
    name = request["name"]
    environment = {**os.environ, "PYTHONHASHSEED": "0", "MPLBACKEND": "agg"}
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _GENERATE], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env=environment, text=True, encoding="utf-8",
    ) as process:  # fmt: skip
        try:
            process.stdin.write(json.dumps(request))
            process.stdin.close()
            for line in process.stdout:
                reply = json.loads(line)
                if reply.get("error") == "not installed":
                    raise not_installed()
                if reply.get("error") == "no curriculum":
                    raise UserError(
                        f"curriculum.kind = 'grow': reasoning-gym has no curriculum for {name!r}; take another data "
                        "set, or curriculum.kind=learnable"
                    )
                if "error" in reply:
                    level = request.get("level")
                    raise UserError(
                        f"task.data_set = {name!r}, task.options = {request['options']}"
                        f"{f', at level {level} of its curriculum' if level else ''}: reasoning-gym says: "
                        f"{reply['error']}{'; give a lower curriculum.highest' if level else ''}"
                    )
                yield reply
        finally:
            process.kill()
    if process.returncode > 0:
        raise UserError(f"task.data_set = {name!r}: generating ended with code {process.returncode}")


def not_installed() -> UserError:
    """What to tell a user who has no reasoning-gym."""
    return UserError("task.kind = 'reasoning_gym': install the package: pip install 'star-trainer[reasoning-gym]'")


def generate() -> None:
    """Read a request from standard input, write what it asks for to standard output, one JSON object a line."""
    request, replies = json.load(sys.stdin), sys.stdout
    try:
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):  # data sets print
            for reply in _replies(**request):
                print(json.dumps(reply, default=_plain), file=replies, flush=True)
    except ModuleNotFoundError as error:
        print(json.dumps({"error": "not installed" if error.name == "reasoning_gym" else str(error)}), file=replies)
    except Exception as error:  # data sets raise all kinds; the user is told which
        print(json.dumps({"error": f"{type(error).__name__}: {error}"[:500]}), file=replies)


def _replies(
    name: str, options: dict[str, Any], seed: int = 0, size: int = 0, level: int | None = None, count: str = ""
) -> Iterator[dict[str, Any]]:
    """The entries of a data set; or how many `levels` there are to count."""
    if count or level:
        from reasoning_gym.factory import CURRICULA

        if name not in CURRICULA:
            yield {"error": "no curriculum"}
            return
        curriculum = CURRICULA[name]()
        if count:
            yield {"levels": max(len(attribute.levels) for attribute in curriculum.attributes.values())}
            return
        options = _options_at(curriculum, level, options)
    data = _data_set(name, {"size": size, "seed": seed, **options})
    yield from (data[index] for index in range(size))


def _options_at(curriculum: Any, level: int, options: dict[str, Any]) -> dict[str, Any]:
    """`options`, with what the curriculum varies set to a level, 1 the lowest; a parameter with fewer levels stays at
    its last one. Of a range, only its upper end is new at each level, and the rest belongs to those below."""
    from reasoning_gym.coaching.base_curriculum import DefaultCurriculumContext, RangeAttributeMode

    curriculum.set_global_level(level - 1)
    context = DefaultCurriculumContext(RangeAttributeMode.UPPER_BOUND)
    config = curriculum.generate_configuration(options, context)
    return {field.name: getattr(config, field.name) for field in fields(config) if field.name not in ("seed", "size")}


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
