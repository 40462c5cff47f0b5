"""Multiple choice: a letter, as `(e)`, `e.` or `E`, or the full text of one of the choices."""

from __future__ import annotations

import re

from star.records import Problem, Verdict
from star.verify.exact import normalise

_LETTER = re.compile(r"(?:\\text\{)?\(?([a-zA-Z])\)?\}?[.):]?")


def parse_choice(text: str, choices: tuple[str, ...]) -> int | None:
    """Index of the choice that `text` names, or `None`. A choice's own text goes before a letter.

    >>> parse_choice("(b).", ("bank", "mall"))
    1
    """
    wanted = normalise(text)
    texts = [normalise(choice) for choice in choices]
    if texts.count(wanted) == 1:
        return texts.index(wanted)
    match = _LETTER.fullmatch(text.strip())
    index = ord(match[1].lower()) - ord("a") if match else -1
    return index if 0 <= index < len(choices) else None


class ChoiceVerifier:
    """Correct when the answer names the choice that the ground truth names."""

    def check_gold(self, problem: Problem) -> str | None:
        if not problem.choices:
            return "the problem has no choices"
        if parse_choice(problem.answer, problem.choices) is None:
            return f"the ground truth {problem.answer!r} is none of its choices {list(problem.choices)}"
        return None

    def canonical(self, answer: str, problem: Problem) -> int | None:
        return parse_choice(answer, problem.choices)

    def verify(self, answer: str, problem: Problem) -> Verdict:
        index = parse_choice(answer, problem.choices)
        if index is None:
            return Verdict("no_answer", answer, "not one of the choices")
        same = index == parse_choice(problem.answer, problem.choices)
        return Verdict("correct" if same else "wrong", answer)
