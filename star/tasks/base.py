"""What a task is: problems, how a plain and a hinted prompt read, how an answer is extracted and verified."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from pathlib import Path

from star.records import Problem, Verdict
from star.verify import Extractor, Verifier


class Task(ABC):
    """Base of all tasks.

    Attributes:
        name: the recipe's `task.kind`.
        plain: prompt template; `{question}` is replaced, and nothing else.
        hinted: prompt template of rationalization; `{question}` and `{answer}` are replaced.
        stop: where a completion ends, beside the end-of-sequence token.
        extractor: finds the final answer in a completion.
        verifier: compares it with the ground truth.
    """

    name: str
    plain: str
    hinted: str
    stop: tuple[str, ...]
    extractor: Extractor
    verifier: Verifier

    @abstractmethod
    def problems(self, split: str) -> list[Problem]:
        """The problems of `train` or `held_out`, always the same ones in the same order.

        Raises:
            UserError: the data is missing or wrong; the message names file, line and id.
        """

    def source_files(self) -> list[Path]:
        """Local files that the problems come from; their hashes go into the run's record."""
        return []

    def question(self, problem: Problem, hinted: bool) -> str:
        """The problem as the model reads it, without exemplars."""
        if not hinted:
            return self.plain.replace("{question}", problem.question)
        values = {"question": problem.question, "answer": problem.answer}
        return re.sub(r"\{(question|answer)\}", lambda match: values[match[1]], self.hinted)

    def judge(self, problem: Problem, text: str) -> Verdict:
        """Extract the final answer from a completion and verify it. Never raises on any text."""
        try:
            answer = self.extractor(text, lambda found: self.verifier.canonical(found, problem))
        except TimeoutError:
            return Verdict("timeout", None, "the answer pattern took too long")
        if answer is None:
            return Verdict("no_answer", None, "no final answer, or two different ones")
        return self.verifier.verify(answer, problem)
