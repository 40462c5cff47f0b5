"""Metrics to experiment trackers, through accelerate's: https://huggingface.co/docs/accelerate/usage_guides/tracking.

Names are those of `metrics.jsonl` with `/` between levels, the step is the iteration. Beside them goes the log of
fine-tuning, as `training/loss` and so on, by optimizer step since the run began. A run that goes on goes on in the
tracker, too. Trackers are for looking on: one that fails does not end a run, and no report needs one.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from itertools import islice
from typing import Any
from uuid import uuid4

from star.clock import spent
from star.console import console
from star.errors import UserError, reason
from star.files import Rows, read_json, write_json
from star.recipe import Recipe
from star.secrets import redact
from star.store import Iteration, Store

STATE = "tracking.json"
"""Beside `metrics.jsonl`: for each tracker, the id of its run, the last iteration that it was given and, where an error
ended the next one, how many points of that one's training log."""

REFUSED = re.compile(r"[^\w\-. :]|^\.*$")
"""What not all trackers take in a part of a name; MLflow takes least (https://mlflow.org/docs/latest/ml/tracking)."""


def require_trackers(names: Iterable[str]) -> None:
    """Find the packages of these trackers.

    Raises:
        UserError: some are not installed.
    """
    specs = {name: find_spec(name) for name in names}
    if missing := [name for name, spec in specs.items() if not (spec and spec.origin)]:  # a mere folder has no origin
        raise UserError(
            f"tracking: {', '.join(missing)}: not installed; pip install 'star-trainer[{','.join(missing)}]', or leave "
            "out of `tracking` what is not wanted"
        )


def tracked(iterations: Iterable[Iteration], recipe: Recipe, store: Store) -> Iterator[Iteration]:
    """These iterations, each of which the recipe's trackers are given once it is finished.

    Before the first one they are given what they have not had of a run that goes on.
    """
    is_main = int(os.environ.get("RANK", "0")) == 0
    trackers = [Tracker(name, recipe, store) for name in dict.fromkeys(recipe.tracking)] if is_main else []
    try:
        _catch_up(trackers, store)
        for iteration in iterations:
            yield iteration
            _catch_up(trackers, store)
    finally:
        for tracker in trackers:
            tracker.finish()


def _catch_up(trackers: Sequence[Tracker], store: Store) -> None:
    if trackers:
        with spent("writing"):
            rows = store.metrics()
            for tracker in trackers:
                tracker.catch_up(rows)


class Tracker:
    """One tracker of one run. Its first error is told, and it is left alone from then on."""

    def __init__(self, name: str, recipe: Recipe, store: Store):
        self.name, self.recipe, self.store = name, recipe, store
        self._tracker: Any = None
        self._has_failed = False

    def catch_up(self, rows: Sequence[dict[str, Any]]) -> None:
        """Give it the iterations that it has not had yet, of those with these metrics."""
        if self._has_failed:
            return
        try:
            if self._tracker is None:
                self._tracker = self._start()
            given = self._state()["iteration"]
            for row in rows:
                if row["iteration"] > given:
                    self._give(row, first_step=sum(r.get("train_steps", 0) for r in rows[: row["iteration"]]))
        except Exception as error:
            self._fail(error)

    def finish(self) -> None:
        """Say that no more comes for now."""
        try:
            if self._tracker is not None:
                self._tracker.finish()
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if not self._has_failed:
            console.print(
                f"warning: tracking: {self.name}: {reason(error)}; this run goes on without it, and the same command, "
                "given again, gives it what it has missed",
                markup=False,
            )
        self._has_failed = True

    def _give(self, row: dict[str, Any], first_step: int) -> None:
        """The training log and the metrics of an iteration.

        It counts as given before it is, unless an error comes back: a kill in between costs the tracker an iteration,
        and never gives it one twice. After an error it is given the rest.
        """
        number, points = row["iteration"], self._state().get("points", 0)
        self._remember(iteration=number, points=0)
        try:
            for point in islice(self._training_log(number), points, None):
                step = first_step + point["step"]
                self._log({f"training/{name}": value for name, value in (point | {"step": step}).items()}, step)
                points += 1
            self._log(flat(row), number)
        except Exception:
            self._remember(iteration=number - 1, points=points)
            raise

    def _log(self, values: dict[str, float], step: int) -> None:
        # wandb takes steps only in order, whatever they count: there, values are told which of them is their step
        self._tracker.log(values, step=None if self.name == "wandb" else step)

    def _training_log(self, number: int) -> Iterable[dict[str, Any]]:
        path = self.store.iterations_folder / f"{number:03d}" / "adapter/training.jsonl"
        return islice(Rows(path), 1, None) if path.exists() else ()

    def _start(self) -> Any:
        from accelerate import PartialState
        from accelerate.tracking import LOGGER_TYPE_TO_CLASS

        PartialState(cpu=self.store.facts.get("device") == "cpu")  # as fine-tuning will want it
        if self.name not in self._states():
            self._remember(id=None if self.name == "mlflow" else uuid4().hex, iteration=-1)  # MLflow gives its own
        tracker = LOGGER_TYPE_TO_CLASS[self.name](**self._arguments())
        tracker.start()
        if self.name == "mlflow":
            self._remember(id=tracker.tracker.info.run_id)
        if self.name == "wandb":
            for names, step in (("*", "iteration"), ("training/*", "training/step")):
                tracker.tracker.define_metric(names, step_metric=step)
        if not self._state().get("has_settings"):
            tracker.store_init_configuration(settings(self.recipe))
            self._remember(has_settings=True)
        return tracker

    def _arguments(self) -> dict[str, Any]:
        """What accelerate's tracker of this name is made with."""
        state, name, project, folder = self._state(), self.recipe.name, self.recipe.project, str(self.store.folder)
        if self.name == "tensorboard":
            return {"run_name": "tensorboard", "logging_dir": folder}  # the two make up its folder
        if self.name == "wandb":
            return {"run_name": project, "name": name, "id": state["id"], "resume": "allow", "dir": folder}
        if self.name == "trackio":  # which knows runs by their names
            return {"run_name": project, "name": f"{name}-{state['id'][:8]}", "resume": "allow"}
        return {"experiment_name": project, "run_name": name, "run_id": state["id"]}

    def _states(self) -> dict[str, Any]:
        path = self.store.folder / STATE
        return read_json(path) if path.exists() else {}

    def _state(self) -> dict[str, Any]:
        return self._states()[self.name]

    def _remember(self, **facts: Any) -> None:
        states = self._states()
        write_json(self.store.folder / STATE, states | {self.name: states.get(self.name, {}) | facts})


def flat(metrics: dict[str, Any], prefix: str = "") -> dict[str, float]:
    """The numbers of nested metrics, by names with `/` between levels.

    >>> flat({"accuracy": {"few-shot": {"all": {"total": 3}}}, "audit": {"leaks": None}})
    {'accuracy/few-shot/all/total': 3}
    """
    found: dict[str, float] = {}
    for key, value in metrics.items():
        name = f"{prefix}{REFUSED.sub('_', str(key))}"
        if isinstance(value, dict):
            found |= flat(value, f"{name}/")
        elif isinstance(value, (int, float)):
            found[name] = value
    return found


def settings(recipe: Recipe) -> dict[str, Any]:
    """The recipe as hyperparameters: dotted keys, lists as JSON, no secrets, and nothing where there is no value."""
    found: dict[str, Any] = {}

    def add(value: Any, prefix: str) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                add(inner, f"{prefix}.{key}" if prefix else str(key))
        elif value is not None:
            found[prefix] = value if isinstance(value, (bool, int, float)) else redact(_text(value))

    add(recipe.model_dump(mode="json"), "")
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
