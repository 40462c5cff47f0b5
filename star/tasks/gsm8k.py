"""GSM8K: grade-school word problems.

The final answer is what follows `####`; 79 ground truths of the training split have thousands separators there, which
the numeric verifier reads. Accuracy is reported by the number of steps of the gold solution.
"""

from __future__ import annotations

import re
from typing import Any

from star.recipe import Gsm8kTask
from star.records import Problem
from star.tasks.dataset import BadGold, RowTask, row_id, text_field
from star.verify import Extractor, NumericVerifier

_ANNOTATION = re.compile(r"<<[^<>\n]*>>")


class Gsm8k(RowTask):
    """GSM8K, with the paper's hint: the bare answer in parentheses after the question."""

    name = "gsm8k"
    plain = "Q: {question}\nA:"
    hinted = "Q: {question} ({answer})\nA:"
    direct = "#### {answer}"
    stop = ("\n\n", "\nQ:")
    solution_key = "answer"
    computed = True

    def __init__(self, settings: Gsm8kTask):
        super().__init__(settings)
        self.extractor = Extractor(r"####[ \t]*([^\n]+)")
        self.verifier = NumericVerifier()

    def to_problem(self, row: dict[str, Any], place: str, split: str) -> Problem:
        question, solution = (text_field(row, key, place) for key in ("question", "answer"))
        id, answers = row_id(place, split), self.extractor(solution)
        if len(answers) != 1:
            found = f"{len(answers) or 'no'} final answer{'s' * (len(answers) > 1)}"
            raise BadGold(f"{place} (id {id}): {found} after #### in the ground truth {solution[-60:]!r}")
        return Problem(id, self.name, question, answers[0], source=place, group=_steps(solution))

    def clean(self, rationale: str) -> str:
        return _ANNOTATION.sub("", rationale) if self.settings.annotations == "strip" else rationale


def _steps(solution: str) -> str:
    """The number of lines of the gold solution before `####`."""
    lines = [line for line in solution.split("####")[0].splitlines() if line.strip()]
    return f"{len(lines)} step{'s' * (len(lines) != 1)}"
