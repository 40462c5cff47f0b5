"""What a task is: problems, how a plain and a hinted prompt read, how an answer is extracted and verified."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Sequence

from star.recipe import Decoding
from star.records import Attempt, Problem, Verdict
from star.verify import Extractor, Steps, Verifier, check_steps, closed_equations, parse_number
from star.verify.choice import letter, parse_choice
from star.verify.yields import computes, reasons

HINT_MARK = " (CORRECT)"
"""Behind the right choice in a hinted prompt (paper, section 3.2; `create_hint` in device_inference.py of its code)."""
MAX_STATED = 3
"""A text that states its final answer in more ways than this has none: comparing them all might take long."""
_SENTENCE_END = re.compile(r"[.?!:。？！؟…][\"'”’»)\]]*$")
_PLACEHOLDER = re.compile(r"\{(question|choices|answer)\}")


class Task(ABC):
    """Base of all tasks.

    Attributes:
        name: the recipe's `task.kind`.
        plain: prompt template; `{question}` and `{choices}` are replaced, and nothing else.
        hinted: prompt template of rationalization; `{answer}` is replaced too, and `{choices}` marks the right one.
        direct: how a bare answer reads, without a rationale; `{answer}` is replaced.
        stop: where a completion ends, beside the end-of-sequence token.
        extractor: finds the final answer in a completion.
        verifier: compares it with the ground truth.
        computed: whether final answers are numbers (for a `NumericVerifier`) that take a computation: words yield none.
        takes_questions: whether a question is all of a problem, so that new ones can be written; none with choices.
        fewest_words: of a question that a model wrote, unless the recipe says otherwise (4 in Self-Instruct's code).
        skipped: problems left out because their ground truth cannot be verified, as `file:line (id): why`.
        notice: what a user should know about how this task verifies; empty if there is nothing.
    """

    name: str
    plain: str
    hinted: str
    direct: str
    stop: tuple[str, ...]
    extractor: Extractor
    verifier: Verifier
    computed: bool = False
    takes_questions: bool = True
    fewest_words: int = 4
    skipped: Sequence[str] = ()
    notice: str = ""

    @abstractmethod
    def problems(self, split: str) -> Sequence[Problem]:
        """The problems of `train` or `held_out`, always the same ones in the same order.

        Raises:
            UserError: the data is missing or wrong; the message names file, line and id.
        """

    def levels(self) -> int:
        """How many levels of difficulty it makes new problems at, for `curriculum.kind: grow`; 0 if it makes none.

        Raises:
            UserError: it could make them, but not with these settings.
        """
        return 0

    def practice(self, level: int, seed: int) -> Iterator[Problem]:
        """New problems of a level, 1 the easiest, until no more are found: no question twice, none of `held_out`, the
        level in `meta`. The same ones for the same seed; ids are up to the caller."""
        return iter(())

    def data_files(self) -> dict[str, str]:
        """Where the problems come from: each local file with its SHA-256, each hub data set with its revision."""
        return {}

    def question(self, problem: Problem, hinted: bool) -> str:
        """The problem as the model reads it, without exemplars."""
        values = {"question": problem.question, "choices": _choices(problem, hinted)}
        if hinted:
            values["answer"] = problem.answer
        template = self.hinted if hinted else self.plain
        return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), template)

    def why_not(self, question: str) -> str:
        """Why a question that a model wrote is none of this task's: `ill_formed` or `protected`; empty if it is one.

        Here, a question is text that can be seen and ends as sentences do. Never raises on any text.
        """
        return "" if question.isprintable() and _SENTENCE_END.search(question) else "ill_formed"

    def works_held_out(self, text: str) -> bool:
        """Whether a text that a model wrote calculates what a held-out problem asks, in whatever words, where the task
        can tell. Never raises on any text."""
        return False

    def compute(self, question: str) -> str | None:
        """The answer to a question that a model wrote, if code knows it from the question alone. Never raises on any
        text, and never evaluates it."""
        return None

    def solutions(self, held_out: Sequence[Problem]) -> list[str | None]:
        """A worked solution of each held-out problem, `None` where there is none. No prompt and no example shows it."""
        return [None] * len(held_out)

    def with_stop(self, decoding: Decoding) -> Decoding:
        """`decoding` with stop strings: the task's, where it has none of its own."""
        return decoding if decoding.stop is not None else decoding.model_copy(update={"stop": list(self.stop)})

    def bare_answer(self, problem: Problem) -> str:
        """What a model writes that answers without a rationale."""
        return self.direct.replace("{answer}", problem.answer)

    def clean(self, rationale: str) -> str:
        """A rationale as exemplars show it and training examples teach it."""
        return rationale

    def judge(self, problem: Problem, text: str) -> Verdict:
        """Extract the final answer from a completion and verify it. Never raises on any text."""
        return self.judge_all([(problem, text)])[0]

    def judge_all(self, completions: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        """The verdict on each completion."""
        found = [self._final_answer(problem, text) for problem, text in completions]
        asked = [(a, problem) for a, (problem, _) in zip(found, completions, strict=True) if isinstance(a, str)]
        verdicts = iter(self.verifier.verify_all(asked))
        return [next(verdicts) if isinstance(answer, str) else answer for answer in found]

    def final_answer(self, problem: Problem, text: str) -> str | None:
        """The final answer in a completion, if there is one. Never raises on any text."""
        found = self._final_answer(problem, text)
        return found if isinstance(found, str) else None

    def meaning(self, attempt: Attempt) -> Hashable | None:
        """What the answer of an attempt says, the same for all ways to write it; `None` if it has none."""
        answer = attempt.verdict.answer
        return None if answer is None else self.verifier.meaning(answer, attempt.problem)

    def steps(self, problem: Problem, text: str) -> Steps:
        """Whether the steps of a rationale add up, beside its final answer. Never raises on any text."""
        return check_steps(text)

    def equations(self, problem: Problem, text: str) -> tuple[str, ...]:
        """The equations of a rationale, in order and in one way of writing them: those with the same list reason alike
        (`selection.distinct`). Never raises on any text."""
        return closed_equations(text)

    def yields(self, problem: Problem, text: str, answer: str) -> bool:
        """Whether some step of a rationale yields `answer`, its final one (`star/verify/yields.py`), for all that can
        be told. Never raises on any text.
        """
        if self.computed:
            meaning = self.verifier.canonical(answer, problem)
            return meaning is None or computes(text, meaning[0])
        try:
            working = self.extractor.without(text)
        except TimeoutError:
            return True
        value = parse_number(answer)
        known = (problem.question, answer, *problem.choices)
        return reasons(working, known) or (value is not None and computes(text, value))

    def _final_answer(self, problem: Problem, text: str) -> str | Verdict:
        """The final answer, or a verdict that says why there is none."""
        try:
            answers = self.extractor(text)
        except TimeoutError:
            return Verdict("timeout", None, "the answer pattern took too long")
        if not answers:
            return Verdict("no_answer", None, "no final answer")
        if len(answers) > MAX_STATED or (len(answers) > 1 and not self.verifier.agree(answers, problem)):
            return Verdict("no_answer", None, f"different final answers: {', '.join(map(repr, answers))[:200]}")
        return answers[0]


def _choices(problem: Problem, hinted: bool) -> str:
    """One choice a line, as `(a) bank`; the right one marked in a hinted prompt."""
    if not problem.choices:
        return ""
    right = parse_choice(problem.answer, problem.choices) if hinted else None
    return "\n".join(
        f"({letter(i)}) {choice}{HINT_MARK if i == right else ''}" for i, choice in enumerate(problem.choices)
    )
