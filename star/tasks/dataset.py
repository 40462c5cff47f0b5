"""What the tasks share whose problems are rows of a data set: one way to read them, one way to treat bad ones."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from star.errors import UserError, cut, shown
from star.recipe import DataTask
from star.records import Problem
from star.spool import Chosen, Spool
from star.tasks.base import Task
from star.tasks.source import Source
from star.verify.choice import MAX_CHOICES


class BadGold(UserError):
    """A row's ground truth cannot be verified: an error, or a row to skip, as the recipe says."""


class RowTask(Task):
    """A task over rows. A subclass turns one into a problem.

    Attributes:
        source: where the rows are.
        path_key: the key of the task's settings that says so.
        held_out_split: name of the split to hold out, unless the recipe holds out a part of `train`.
        hub_splits: what splits are called on the hub, where that is something else.
        solution_key: the field of a row that holds a worked solution; empty where none does.
    """

    path_key = "path"
    held_out_split = "test"
    solution_key = ""
    hub_splits: dict[str, str] = {}  # noqa: RUF012

    def __init__(self, settings: DataTask):
        self.settings, self.skipped = settings, []
        self.source = self.source_at(self.path_key)
        self._loaded: dict[tuple[str, ...], Spool] = {}

    def source_at(self, key: str) -> Source:
        """The data set at the path under this key of the settings."""
        settings = self.settings
        path = getattr(settings, key)
        return Source(path, settings.subset, settings.revision, self.hub_splits, key=f"task.{key}")

    @abstractmethod
    def to_problem(self, row: dict[str, Any], place: str, split: str) -> Problem:
        """One row, found at `place`, as a problem; its ground truth is checked by `load`.

        Raises:
            UserError: a field is missing or of the wrong type.
            BadGold: there is no ground truth to be found in it.
        """

    def problems(self, split: str) -> Sequence[Problem]:
        if self.settings.held_out != "train":
            return self.load(self.source, "train" if split == "train" else self.held_out_split)
        problems = self.load(self.source, "train")
        cut = len(problems) - len(problems) // 10
        return Chosen(problems, range(cut) if split == "train" else range(cut, len(problems)))

    def data_files(self) -> dict[str, str]:
        return dict(self.source.used)

    def solutions(self, held_out: Sequence[Problem]) -> list[str | None]:
        """See `Task.solutions`. The rows are read again: those of all problems are too much to keep."""
        if not self.solution_key:
            return super().solutions(held_out)
        split = "train" if self.settings.held_out == "train" else self.held_out_split
        wanted = {problem.source for problem in held_out}
        found = {place: row.get(self.solution_key) for place, row in self.source.rows(split) if place in wanted}
        texts = (found.get(problem.source) for problem in held_out)
        return [text.strip() or None if isinstance(text, str) else None for text in texts]

    def load(self, source: Source, split: str, prefix: str | None = None) -> Spool:
        """The problems of one split, read once; those with a bad ground truth are an error, or in `skipped`.

        `prefix` goes into the ids of rows that have none, by default the name of the split.
        """
        key = (source.path, split, prefix or split)
        if key not in self._loaded:
            self._loaded[key] = self._read(source, split, prefix or split)
        return self._loaded[key]

    def _read(self, source: Source, split: str, prefix: str) -> Spool:
        problems = Spool()
        for place, row in source.rows(split):
            try:
                problem = self.to_problem(row, place, prefix)
                if complaint := self.verifier.check_gold(problem):
                    raise BadGold(f"{place} (id {one_line(problem.id)}): {complaint}")
                problems.append(problem)
            except BadGold as error:
                complaint = cut(str(error), 400)
                if self.settings.bad_gold == "error":
                    raise UserError(f"{complaint}; mend it, or leave such rows out with task.bad_gold=skip") from None
                self.skipped.append(complaint)
        return problems


def text_field(row: dict[str, Any], key: str, place: str, setting: str = "") -> str:
    """The text (or number) under `key`.

    Args:
        setting: the recipe's key that says what the field is called, if there is one.

    Raises:
        UserError: there is none.
    """
    if key not in row:
        remedy = f"add it, or say with {setting} what it is called" if setting else "add it"
        fields = cut(", ".join(map(repr, row)), 200) or "none"
        raise UserError(f"{place}: no field {key!r}; its fields are {fields}; {remedy}")
    value = row[key]
    if isinstance(value, bool) or not isinstance(value, (str, int, float)) or not str(value).strip():
        raise UserError(f"{place}: field {key!r} should be text or a number, and is {shown(value)}")
    return str(value).strip()


def choices_field(row: dict[str, Any], place: str) -> tuple[str, ...]:
    """The texts under `choices`, none when there is no such field.

    Raises:
        UserError: they are no texts, or too many.
    """
    choices = row.get("choices") or []
    if not isinstance(choices, list) or not all(isinstance(choice, str) and choice.strip() for choice in choices):
        raise UserError(f"{place}: field 'choices' should be a list of texts, and is {shown(choices)}")
    if len(choices) > MAX_CHOICES:
        raise UserError(f"{place}: field 'choices' has {len(choices)} texts; there are letters for {MAX_CHOICES}")
    return tuple(choices)


def one_line(id: str) -> str:
    """An id as messages show it: as it is, unless it is long or has characters that cannot be seen."""
    return cut(id if id.isprintable() else repr(id), 80)


def row_id(place: str, split: str) -> str:
    """The id of a row that has none of its own: its split and line number."""
    return f"{split}-{place.rpartition(':')[2]}"
