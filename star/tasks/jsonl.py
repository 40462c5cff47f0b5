"""A user's own problems: one JSON object a row; everything else is in the recipe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from star.errors import UserError
from star.recipe import JsonlTask
from star.records import Problem, derive_seed
from star.spool import Chosen
from star.tasks.dataset import BadGold, RowTask, choices_field, one_line, row_id, text_field
from star.verify import VERIFIERS, Extractor, NumericVerifier, Verifier
from star.verify.text import normalise

OPTIONS = {"label": ("labels",), "numeric": ("units", "tolerance"), "symbolic": ("units", "timeout", "memory")}
"""Settings that a verifier takes, where they are given."""


class Jsonl(RowTask):
    """Problems from JSONL files or hub data sets."""

    name = "jsonl"
    path_key = "train"

    def __init__(self, settings: JsonlTask):
        super().__init__(settings)
        self.held_out = self.source_at("held_out") if settings.held_out else None
        self.plain, self.hinted, self.direct = settings.prompt, settings.hint, settings.direct
        self.stop = tuple(settings.stop)
        self.fields = {name: key for name, key in settings.fields.model_dump().items() if key}
        self.extractor = Extractor(settings.answer_pattern)
        self.gold = Extractor(settings.gold_pattern) if settings.gold_pattern else None
        self.verifier = _verifier(settings)
        self.computed = isinstance(self.verifier, NumericVerifier)
        self.takes_questions = settings.verifier != "choice" and "{choices}" not in settings.prompt

    def problems(self, split: str) -> Sequence[Problem]:
        if self.held_out is not None:
            train = split == "train"
            source, name = (self.source, "train_split") if train else (self.held_out, "held_out_split")
            return self.load(source, getattr(self.settings, name), split)
        problems, wanted = self.load(self.source, self.settings.train_split, "row"), split == "held_out"
        return Chosen(problems, (i for i, problem in enumerate(problems) if self._is_held_out(problem) == wanted))

    def data_files(self) -> dict[str, str]:
        return super().data_files() | (self.held_out.used if self.held_out else {})

    def to_problem(self, row: dict[str, Any], place: str, split: str) -> Problem:
        found = {name: text_field(row, key, place, f"task.fields.{name}") for name, key in self.fields.items()}
        answer, id = found["answer"], found.get("id") or row_id(place, split)
        if self.gold is not None:
            answer = self._final_gold(answer, f"{place} (id {one_line(id)})")
        choices, group = choices_field(row, place), found.get("group", "all")
        return Problem(id, self.name, found["question"], answer, choices, source=place, group=group)

    def _is_held_out(self, problem: Problem) -> bool:
        return derive_seed("held-out", normalise(problem.question)) / 2**63 < self.settings.held_out_share

    def _final_gold(self, answer: str, place: str) -> str:
        try:
            found = self.gold(answer)
        except TimeoutError:
            raise UserError(f"{place}: the gold pattern took too long on {answer[-60:]!r}") from None
        if len(found) != 1:
            which = "no final answer" if not found else f"{len(found)} different final answers"
            raise BadGold(f"{place}: {which} in the ground truth {answer[-60:]!r}")
        return found[0]


def _verifier(settings: JsonlTask) -> Verifier:
    given = {name: value for name in OPTIONS.get(settings.verifier, ()) if (value := getattr(settings, name))}
    try:
        return VERIFIERS[settings.verifier](**given)
    except ValueError as error:
        raise UserError(f"task.labels = {settings.labels}: {error}") from None
