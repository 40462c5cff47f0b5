"""GSM8K: grade-school word problems, from a local folder or the hub.

The ground truth is what follows `####`; 79 training rows have thousands separators there, which the numeric verifier
reads. Accuracy is reported by the number of steps of the gold solution.
"""

from __future__ import annotations

from pathlib import Path

from star.errors import UserError
from star.recipe import Gsm8kTask, JsonlFields
from star.records import Problem
from star.tasks.base import Task
from star.tasks.jsonl import read_rows, to_problem
from star.verify import Extractor, NumericVerifier


class Gsm8k(Task):
    """GSM8K, with the paper's hint: the bare answer in parentheses after the question."""

    name = "gsm8k"
    plain = "Q: {question}\nA:"
    hinted = "Q: {question} ({answer})\nA:"
    stop = ("\n\n", "\nQ:")

    def __init__(self, settings: Gsm8kTask):
        self.settings = settings
        self.extractor = Extractor(r"####[ \t]*([^\n]+)")
        self.verifier = NumericVerifier()

    def problems(self, split: str) -> list[Problem]:
        if self.settings.held_out == "test":
            return self._load("train" if split == "train" else "test")
        rows = self._load("train")
        cut = len(rows) - len(rows) // 10
        return rows[:cut] if split == "train" else rows[cut:]

    def source_files(self) -> list[Path]:
        folder = Path(self.settings.path)
        return sorted(folder.glob("*.jsonl")) if folder.is_dir() else []

    def _load(self, name: str) -> list[Problem]:
        if Path(self.settings.path).is_dir():
            rows = read_rows(Path(self.settings.path) / f"{name}.jsonl")
        else:
            rows = ((f"{self.settings.path}/{name}:{i}", row) for i, row in enumerate(self._download(name), 1))
        return [
            to_problem(row, place, name, self.name, JsonlFields(), self.extractor, self.verifier, group=_steps(row))
            for place, row in rows
        ]

    def _download(self, name: str):
        import datasets

        try:
            return datasets.load_dataset(self.settings.path, "main", split=name)
        except Exception as error:  # the hub client raises many kinds; all mean that the data is not to be had
            reason = str(error).partition("\n")[0]
            raise UserError(
                f"task.path = {self.settings.path!r}: neither a local folder nor a data set that the hub serves here "
                f"({type(error).__name__}: {reason}); give a folder with train.jsonl and test.jsonl: task.path=FOLDER"
            ) from error


def _steps(row: dict) -> str:
    """The number of lines of the gold solution before `####`."""
    lines = [line for line in str(row.get("answer", "")).split("####")[0].splitlines() if line.strip()]
    return f"{len(lines)} step{'s' * (len(lines) != 1)}"
