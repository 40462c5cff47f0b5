"""CommonsenseQA: five choices, one of them right.

The final answer is the letter in parentheses in the last sentence of the first line; the official code takes the line's
end. Letters behind "answer is" on that line are final answers too, so that "the answer is (a) or (b)." states
two, and has none; "not (a)" is no answer, and "mall (a)" is none where the mall is not (a).
"""

from __future__ import annotations

import re
from typing import Any

from star.errors import UserError, shown
from star.recipe import CommonsenseqaTask
from star.records import Problem, Verdict
from star.tasks.dataset import BadGold, RowTask, one_line, text_field
from star.verify import ChoiceVerifier, Extractor
from star.verify.choice import MAX_CHOICES, letter
from star.verify.text import normalise


class Commonsenseqa(RowTask):
    """CommonsenseQA, with the paper's hint: the right choice is marked `(CORRECT)`."""

    name = "commonsenseqa"
    plain = hinted = "Q: {question}\nAnswer Choices:\n{choices}\nA:"
    direct = "({answer})."
    stop = ("\n",)
    held_out_split = "dev"
    takes_questions = False
    hub_splits = {"dev": "validation"}  # noqa: RUF012

    def __init__(self, settings: CommonsenseqaTask):
        super().__init__(settings)
        self.extractor = Extractor(
            r"(?<=\A\s*[^\n]*)(?<!(?:\bnot|n't)\s+)\(([a-zA-Z])\)"  # a letter on the first line, not denied
            r"(?:(?<=answer is[^\n]*)|(?=[^.!?\n]*[.!?]*[ \t]*(?:\n|\Z)))"  # and behind "answer is" or at its end
        )
        self.verifier = ChoiceVerifier()

    def to_problem(self, row: dict[str, Any], place: str, split: str) -> Problem:
        id, key = text_field(row, "id", place), text_field(row, "answerKey", place)
        question, labels, choices = _question(row, place)
        if key not in labels:
            raise BadGold(
                f"{place} (id {one_line(id)}): the ground truth {key!r} is none of its choices {shown(labels)}"
            )
        return Problem(id, self.name, question, letter(labels.index(key)), tuple(choices), source=place)

    def _final_answer(self, problem: Problem, text: str) -> str | Verdict:
        found = super()._final_answer(problem, text)
        if isinstance(found, str) and (named := _named_before(f"({found})", problem, text)) is not None:
            return Verdict("no_answer", found, f"it says {named!r}, which is not ({found})")
        return found


def _named_before(mark: str, problem: Problem, text: str) -> str | None:
    """The choice whose text stands right before the last `(e)` of the first line, if that is another one."""
    line = text.strip().partition("\n")[0]
    before = normalise(line[: line.rfind(mark)])
    named = [choice for choice in problem.choices if re.search(rf"\b{re.escape(normalise(choice))}\Z", before)]
    longest = max(named, key=len, default=None)
    index = ord(mark[1].lower()) - ord("a")
    right = problem.choices[index] if index < len(problem.choices) else None
    return None if longest is None or right in named else longest


def _question(row: dict[str, Any], place: str) -> tuple[str, list[str], list[str]]:
    """Text, labels and choices, from a row of the original files or of the hub's."""
    nested = row.get("question")
    if isinstance(nested, dict):  # {"stem": ..., "choices": [{"label": ..., "text": ...}, ...]}
        question, choices = text_field(nested, "stem", place), nested.get("choices")
    else:  # {"question": ..., "choices": {"label": [...], "text": [...]}}
        question, choices = text_field(row, "question", place), row.get("choices")
        if isinstance(choices, dict) and {"label", "text"} <= choices.keys():
            labels, texts = choices["label"], choices["text"]
            if isinstance(labels, list) and isinstance(texts, list) and len(labels) == len(texts):
                choices = [{"label": label, "text": text} for label, text in zip(labels, texts, strict=True)]
    if not isinstance(choices, list) or not choices or not all(isinstance(choice, dict) for choice in choices):
        raise UserError(f"{place}: 'choices' should be a list of labels and texts, and is {shown(choices)}")
    labels, texts = ([text_field(choice, key, place) for choice in choices] for key in ("label", "text"))
    if len(set(labels)) < len(labels) or len(labels) > MAX_CHOICES:
        raise UserError(f"{place}: choices need labels of their own, at most {MAX_CHOICES}, and have {shown(labels)}")
    return question, labels, texts
