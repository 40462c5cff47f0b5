"""What a recipe may say about its problems: one class a task."""

from __future__ import annotations

from typing import Annotated, Literal

import regex
from pydantic import AfterValidator, Field, model_validator

from star.recipe.base import DigitCounts, Section, StopString, refuse


def _pattern(text: str) -> str:
    try:
        groups = regex.compile(text).groups
    except regex.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    if groups < 1:
        raise ValueError("the pattern has no group; put ( ) around the answer")
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]


class ArithmeticTask(Section):
    """Addition of two n-digit numbers, generated: problem i of a split is the same on every machine."""

    kind: Literal["arithmetic"]
    """Which task this is."""
    style: Literal["columns", "paper", "words"] = "columns"
    """How questions and rationales read: `columns` (short, digit by digit), `paper` (the paper's `<scratch>` format)
    or `words` ("What is 12 + 34?", with exemplars; for pretrained models)."""
    train: DigitCounts = {1: 80, 2: 2000, 3: 2000}
    """Number of training problems for each digit count."""
    held_out: DigitCounts = {1: 9, 2: 100, 3: 100}
    """Number of held-out problems for each digit count. No sum of theirs, in either order, is in `train`."""
    seed: int = 0
    """Which problems are drawn."""


class Gsm8kTask(Section):
    """Grade-school word problems (Cobbe et al. 2021, https://arxiv.org/abs/2110.14168)."""

    kind: Literal["gsm8k"]
    """Which task this is."""
    path: str = "openai/gsm8k"
    """A folder with `train.jsonl` and `test.jsonl`, or a hub data set id."""
    held_out: Literal["test", "train"] = "test"
    """`test` evaluates on the test split; `train` on the last tenth of the training split, which is then not trained
    on (for choosing settings without looking at the test set)."""


class JsonlFields(Section):
    """Which keys of a JSONL row hold what."""

    question: str = "question"
    """Key of the question."""
    answer: str = "answer"
    """Key of the ground truth."""
    id: str | None = None
    """Key of the problem id; without it, ids are the split and the line number."""
    group: str | None = None
    """Key of the group that accuracy is reported by (a source, a difficulty)."""


class JsonlTask(Section):
    """Your own problems: one JSON object a line, and everything else here. No Python needed."""

    kind: Literal["jsonl"]
    """Which task this is."""
    train: str
    """Path of the training problems."""
    held_out: str | None = None
    """Path of the held-out problems; without it, `held_out_share` of the training file is held out."""
    held_out_share: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Share of the training file that is held out (chosen by a hash of the question) when `held_out` is not given."""
    fields: JsonlFields = JsonlFields()
    """Which keys hold what."""
    gold_pattern: Pattern | None = None
    """Regular expression whose first group is the final answer inside the answer field; the whole field without it."""
    answer_pattern: Pattern = r"####[ \t]*([^\n]+)"
    """Regular expression whose first group is the final answer in what the model wrote. Text with two different
    final answers has none."""
    verifier: Literal["exact", "numeric", "choice"] = "exact"
    """How a final answer is compared with the ground truth."""
    prompt: str = "Q: {question}\nA:"
    """What the model sees; `{question}` is replaced."""
    hint: str = "Q: {question} ({answer})\nA:"
    """What it sees in rationalization; `{question}` and `{answer}` are replaced."""
    stop: list[StopString] = ["\n\n", "\nQ:"]
    """Where a completion ends, beside the end-of-sequence token."""

    @model_validator(mode="after")
    def _templates_show_what_they_should(self) -> JsonlTask:
        refuse(
            ("prompt has no {question}", "{question}" not in self.prompt),
            ("prompt has {answer}, which would show it to the model", "{answer}" in self.prompt),
            ("hint has no {question}", "{question}" not in self.hint),
            ("hint has no {answer}", "{answer}" not in self.hint),
        )
        return self


Task = Annotated[ArithmeticTask | Gsm8kTask | JsonlTask, Field(discriminator="kind")]
