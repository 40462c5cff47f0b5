"""CommonsenseQA: five choices, one of them right.

The final answer is the letter in parentheses that ends the first line, as in the official code; letters that follow
"answer is" on that line are final answers too, so that "the answer is (a) or (b)." states two, and has none.
"""

from __future__ import annotations

from typing import Any

from star.errors import UserError
from star.recipe import CommonsenseqaTask
from star.records import Problem
from star.tasks.dataset import BadGold, RowTask, text_field
from star.verify import ChoiceVerifier, Extractor
from star.verify.choice import letter


class Commonsenseqa(RowTask):
    """CommonsenseQA, with the paper's hint: the right choice is marked `(CORRECT)`."""

    name = "commonsenseqa"
    plain = hinted = "Q: {question}\nAnswer Choices:\n{choices}\nA:"
    direct = "({answer})."
    stop = ("\n",)
    held_out_split = "dev"
    hub_splits = {"dev": "validation"}  # noqa: RUF012

    def __init__(self, settings: CommonsenseqaTask):
        super().__init__(settings)
        self.extractor = Extractor(
            r"(?|(?<=\A\s*[^\n]*answer is[^\n]*)\(([a-zA-Z])\)|(?<=\A\s*[^\n]*)\(([a-zA-Z])\)\.?[ \t]*(?=\n|\Z))"
        )
        self.verifier = ChoiceVerifier()

    def to_problem(self, row: dict[str, Any], place: str, split: str) -> Problem:
        id, key = text_field(row, "id", place), text_field(row, "answerKey", place)
        question, labels, choices = _question(row, place)
        if key not in labels:
            raise BadGold(f"{place} (id {id}): the ground truth {key!r} is none of its choices {labels}")
        return Problem(id, self.name, question, letter(labels.index(key)), tuple(choices), source=place)


def _question(row: dict[str, Any], place: str) -> tuple[str, list[str], list[str]]:
    """Text, labels and choices, from a row of the original files or of the hub's."""
    nested = row.get("question")
    if isinstance(nested, dict):  # {"stem": ..., "choices": [{"label": ..., "text": ...}, ...]}
        question, choices = text_field(nested, "stem", place), nested.get("choices")
    else:  # {"question": ..., "choices": {"label": [...], "text": [...]}}
        question, choices = text_field(row, "question", place), row.get("choices")
        if isinstance(choices, dict) and {"label", "text"} <= choices.keys():
            pairs = zip(choices["label"], choices["text"], strict=False)
            choices = [{"label": label, "text": text} for label, text in pairs]
    if not isinstance(choices, list) or not choices or not all(isinstance(choice, dict) for choice in choices):
        raise UserError(f"{place}: 'choices' should be a list of labels and texts, and is {choices!r}")
    labels, texts = ([text_field(choice, key, place) for choice in choices] for key in ("label", "text"))
    return question, labels, texts
