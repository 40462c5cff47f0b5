"""One of a closed set of labels: `yes` and `no`, `entailment`, `neutral` and `contradiction`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from star.records import Problem, Verdict
from star.verify.base import Verifier
from star.verify.text import normalise

_TEXT = re.compile(r"\\(?:text|mathrm|textbf)\s*\{")
_AROUND = " \"'“”‘’`*_()[]{}.,;:!?"


class LabelVerifier(Verifier):
    """Correct when the answer is the label of the ground truth; what is no label at all is no answer.

    Args:
        labels: the closed set, any case.

    Raises:
        ValueError: a label is nothing but punctuation, or two are the same.
    """

    def __init__(self, labels: Sequence[str]):
        self.labels: dict[str, str] = {}
        for label in labels:
            bare = _bare(label)
            if not bare:
                raise ValueError(f"the label {label!r} is nothing but punctuation, which is not read")
            if bare in self.labels:
                raise ValueError(f"the labels {self.labels[bare]!r} and {label!r} are the same to a reader of answers")
            self.labels[bare] = label
        self.version = f"label 1 of {', '.join(sorted(self.labels))}"

    def check_gold(self, problem: Problem) -> str | None:
        if self.canonical(problem.answer, problem) is None:
            return f"the ground truth {problem.answer!r} is none of the labels {list(self.labels.values())}"
        return None

    def canonical(self, answer: str, problem: Problem) -> str | None:
        bare = _bare(answer)
        return bare if bare in self.labels else None

    def verify(self, answer: str, problem: Problem) -> Verdict:
        label = self.canonical(answer, problem)
        if label is None:
            return Verdict("no_answer", answer, "not one of the labels")
        return Verdict("correct" if label == _bare(problem.answer) else "wrong", answer)


def labels_of(answers: Iterable[str]) -> list[str]:
    """The labels that these answers are, each as it is written first; none if one is nothing but punctuation."""
    labels: dict[str, str] = {}
    for answer in answers:
        labels.setdefault(_bare(answer), answer)
    return [] if "" in labels else list(labels.values())


def _bare(text: str) -> str:
    """Normalised, without quotes, brackets, emphasis or punctuation around it."""
    text = normalise(text)
    command = _TEXT.match(text)
    return text[command.end() if command else 0 :].strip(_AROUND)
