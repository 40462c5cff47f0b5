"""What somebody's JSONL file holds: which fields, and how its answers are best compared. A guess, for a person to read.

Used by `star init`, and by `star eval --task FILE`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from star.errors import UserError, cut
from star.records import Problem
from star.tasks.source import read_rows
from star.verify import NumericVerifier, SymbolicVerifier, Verifier
from star.verify.choice import parse_choice
from star.verify.label import labels_of

QUESTIONS = ("question", "problem", "prompt", "query", "input", "instruction", "text")
ANSWERS = ("answer", "final_answer", "gold", "target", "label", "output", "solution", "response")
IDS = ("id", "uid", "problem_id")
GROUPS = ("group", "level", "difficulty", "category", "subject", "type", "source")
"""Names of fields by what they hold, the likeliest first."""
MOST_GROUPS = 50
"""A field has no more different values if it is to group problems, each of several on average."""
FEW_LABELS = 12
"""A closed set of answers has no more than these, each given to several problems."""
LONG = 200
"""Characters of an answer that is no final answer any more, but a text."""
MARKED = r"####[ \t]*([^\n]+)"
"""A final answer behind a worked solution, as GSM8K has it."""


@dataclass(frozen=True)
class Guess:
    """What a file seems to hold.

    Attributes:
        fields: the key of `question` and `answer`, and of `id` and `group` where there are such.
        rows: how many there are.
        example: the first of them: question and final answer.
        answers: all different ones, for `verifier: label`, which reads `Yes` and `yes` as the same.
        gold_pattern: finds the final answer in the answer field, where that holds more.
    """

    path: Path
    fields: dict[str, str]
    rows: int
    example: tuple[str, str]
    verifier: str
    why: str
    answers: list[str]
    gold_pattern: str | None = None
    has_choices: bool = False

    def settings(self) -> dict[str, Any]:
        """The `task` section of a recipe with these problems."""
        more = {"labels": self.verifier == "label" and self.answers, "gold_pattern": self.gold_pattern}
        return {
            "kind": "jsonl",
            "train": str(self.path),
            "fields": self.fields,
            "verifier": self.verifier,
            **{key: value for key, value in more.items() if value},
        }


def guess(path: Path) -> Guess:
    """Look at all rows of a file.

    Raises:
        UserError: no such file, no JSONL, or no question and answer in it.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such file; give a JSONL file of problems, one JSON object a line")
    rows = [row for _, row in read_rows(path)]
    fields = {"question": _key(path, rows, QUESTIONS, "question"), "answer": _key(path, rows, ANSWERS, "answer")}
    for name, known, fits in (("id", IDS, _are_ids), ("group", GROUPS, _are_groups)):
        full = (key for key in known if all(_is_text(row.get(key)) for row in rows))
        if key := next((key for key in full if fits([str(row[key]) for row in rows])), None):
            fields[name] = key
    answers = [str(row[fields["answer"]]).strip() for row in rows]
    marked = all("####" in answer for answer in answers)
    if marked:
        answers = [answer.rpartition("####")[2].strip() for answer in answers]
    choices = [row.get("choices") or [] for row in rows]
    verifier, why = _verifier(answers, choices)
    return Guess(
        path,
        fields,
        len(rows),
        (str(rows[0][fields["question"]]), answers[0]),
        verifier,
        why,
        sorted(labels_of(answers) or set(answers)),
        MARKED if marked else None,
        all(choices),
    )


def _key(path: Path, rows: Sequence[dict[str, Any]], known: Sequence[str], what: str) -> str:
    """The field that holds questions, or answers, in all rows."""
    for key in known:
        if all(_is_text(row.get(key)) for row in rows):
            return key
    shown = cut(", ".join(map(repr, rows[0])), 200) or "none"
    raise UserError(
        f"{path}: no field that holds the {what} in every row; the first row has {shown}; "
        f"call it {known[0]!r} (or {', '.join(known[1:])})"
    )


def _are_ids(values: Sequence[str]) -> bool:
    return len(set(values)) == len(values)


def _are_groups(values: Sequence[str]) -> bool:
    return len(set(values)) <= min(MOST_GROUPS, len(values) / 2)


def _is_text(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, (str, int, float)) and bool(str(value).strip())


def _verifier(answers: Sequence[str], choices: Sequence[Any]) -> tuple[str, str]:
    """Name of a verifier that takes all these answers for a ground truth, and why."""
    different = len(labels_of(answers) or set(answers))
    lists = all(isinstance(one, list) and one and all(isinstance(text, str) for text in one) for one in choices)
    if lists and all(parse_choice(text, tuple(c)) is not None for text, c in zip(answers, choices, strict=True)):
        return "choice", "every row has choices, and its answer is one of them"
    if _takes(NumericVerifier(), answers):
        return "numeric", "every answer is a number"
    if labels_of(answers) and different <= FEW_LABELS and len(answers) >= 4 * different:
        return "label", f"there are only {different} different answers"
    if any(set("\\^=_") & set(answer) for answer in answers) and _takes(SymbolicVerifier(), answers[:20]):
        return "symbolic", "the answers are mathematics"
    if max(map(len, answers)) > LONG:
        return "exact", f"the answers are texts, up to {max(map(len, answers))} characters: a final answer is short"
    return "exact", "the answers are neither numbers nor a few labels"


def _takes(verifier: Verifier, answers: Sequence[str]) -> bool:
    return all(verifier.check_gold(Problem("", "jsonl", "", answer)) is None for answer in answers)
