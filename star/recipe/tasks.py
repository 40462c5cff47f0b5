"""What a recipe may say about its problems: one class a task."""

from __future__ import annotations

from typing import Annotated, Literal

import regex
from pydantic import AfterValidator, Field, JsonValue, model_validator

from star.recipe.base import Count, DigitCounts, MiB, NonEmpty, Seconds, Section, refuse


def _pattern(text: str) -> str:
    try:
        groups = regex.compile(text).groups
    except (regex.error, RecursionError) as error:
        raise ValueError(f"not a regular expression: {error}") from None
    if groups < 1:
        raise ValueError("the pattern has no group; put ( ) around the answer")
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]
WITH_UNITS = ("numeric", "symbolic")


class ArithmeticTask(Section):
    """Arithmetic with two n-digit numbers, generated: problem i of a split is the same on every machine."""

    kind: Literal["arithmetic"]
    """Which task this is."""
    operation: Literal["addition", "subtraction", "multiplication"] = "addition"
    """What to do with the two numbers. A difference is never negative: the larger number is the first."""
    style: Literal["columns", "paper", "words"] = "columns"
    """How questions and rationales read: `columns` (short, digit by digit), `paper` (the paper's `<scratch>` format,
    for addition only) or `words` ("What is 12 + 34?", with exemplars; for pretrained models)."""
    train: DigitCounts = {1: 80, 2: 2000, 3: 2000}
    """Number of training problems for each digit count."""
    held_out: DigitCounts = {1: 9, 2: 100, 3: 100}
    """Number of held-out problems for each digit count. No sum of theirs, in either order, is in `train`."""
    seed: int = 0
    """Which problems are drawn."""

    @model_validator(mode="after")
    def _the_paper_adds(self) -> ArithmeticTask:
        refuse(
            (
                f"style: paper is the paper's scratchpad of additions; for {self.operation}, use columns or words",
                self.style == "paper" and self.operation != "addition",
            )
        )
        return self


class DataTask(Section):
    """What tasks share whose problems are the rows of a data set."""

    subset: str | None = None
    """Configuration of a hub data set that has several."""
    revision: str | None = None
    """Branch, tag or commit of a hub data set; the commit that was read is recorded with the run."""
    bad_gold: Literal["error", "skip"] = "error"
    """A row whose ground truth cannot be verified is an `error`, or is left out and counted (`skip`)."""


class Gsm8kTask(DataTask):
    """Grade-school word problems (Cobbe et al. 2021, https://arxiv.org/abs/2110.14168)."""

    kind: Literal["gsm8k"]
    """Which task this is."""
    path: str = "openai/gsm8k"
    """A folder with `train.jsonl` and `test.jsonl`, or a hub data set id."""
    subset: str | None = "main"
    """Configuration of the hub data set."""
    held_out: Literal["test", "train"] = "test"
    """`test` evaluates on the test split; `train` on the last tenth of the training split, which is then not trained
    on (for choosing settings without looking at the test set)."""
    annotations: Literal["strip", "keep"] = "strip"
    """What happens to calculator annotations (`48/2 = <<48/2=24>>24`) in exemplars and training examples."""


class CommonsenseqaTask(DataTask):
    """Multiple-choice questions of common sense (Talmor et al. 2019, https://arxiv.org/abs/1811.00937)."""

    kind: Literal["commonsenseqa"]
    """Which task this is."""
    path: str = "tau/commonsense_qa"
    """A folder with `train.jsonl` and `dev.jsonl`, or a hub data set id."""
    held_out: Literal["dev", "train"] = "dev"
    """`dev` evaluates on the development split, as the paper; `train` on the last tenth of the training split."""


class MathTask(DataTask):
    """Problems in the style of MATH (Hendrycks et al. 2021, https://arxiv.org/abs/2103.03874): the answer is boxed."""

    kind: Literal["math"]
    """Which task this is."""
    path: str = "DigitalLearningGmbH/MATH-lighteval"
    """A folder with `train.jsonl` and `test.jsonl`, or a hub data set id. Rows have `problem`, and `answer` or a
    `solution` with a `\\boxed{}`; `level` is what accuracy is reported by, else `type` or `subject`."""
    held_out: Literal["test", "train"] = "test"
    """`test` evaluates on the test split; `train` on the last tenth of the training split."""
    timeout: Seconds = 2.0
    """Seconds that one comparison may take in a worker before it is killed, and the answer is a `timeout`."""
    memory: MiB = 512
    """MiB of address space that a worker may use."""


class ReasoningGymTask(Section):
    """Any data set of reasoning-gym by name, generated (https://github.com/open-thought/reasoning-gym). Needs
    `pip install 'star-trainer[reasoning-gym]'`."""

    kind: Literal["reasoning_gym"]
    """Which task this is."""
    data_set: str
    """Name of the data set, as `chain_sum`."""
    options: dict[str, JsonValue] = {}
    """Options of the data set, as `{min_terms: 2, max_terms: 3}`."""
    train: Count = 2000
    """Number of training problems."""
    held_out: Count = 200
    """Number of held-out problems; none of their questions is in `train`."""
    seed: int = 0
    """Which problems are drawn."""
    timeout: Seconds = 2.0
    """Seconds that scoring one answer may take, where it needs a worker."""
    memory: MiB = 1024
    """MiB of address space that a worker may use."""


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


class JsonlTask(DataTask):
    """Your own problems: one JSON object a line, and everything else here. No Python needed."""

    kind: Literal["jsonl"]
    """Which task this is."""
    train: str
    """Path of the training problems, or a hub data set id."""
    train_split: str = "train"
    """Split of a hub data set to train on."""
    held_out: str | None = None
    """Path of the held-out problems, or a hub data set id; without it, `held_out_share` of the training problems."""
    held_out_split: str = "test"
    """Split of a hub data set to hold out."""
    held_out_share: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Share of the training problems that is held out (chosen by a hash of the question) without `held_out`."""
    fields: JsonlFields = JsonlFields()
    """Which keys hold what."""
    gold_pattern: Pattern | None = None
    """Regular expression whose first group is the final answer inside the answer field; the whole field without it."""
    answer_pattern: Pattern = r"####[ \t]*([^\n]+)"
    """Regular expression whose first group is the final answer in what the model wrote. Text with two different
    final answers has none."""
    verifier: Literal["exact", "choice", "label", "numeric", "symbolic"] = "exact"
    """How a final answer is compared with the ground truth."""
    labels: list[NonEmpty] = []
    """The closed set of answers of `verifier: label`."""
    units: list[NonEmpty] = []
    """Words that may follow a value of `verifier: numeric` or `symbolic`; `cm|centimeter|centimeters` is one unit with
    three names. `symbolic` knows common ones when none is given."""
    tolerance: Annotated[float, Field(ge=0)] = 0.0
    """Largest difference from the ground truth with `verifier: numeric`; 0 is exact."""
    timeout: Seconds | None = None
    """Seconds that one comparison of `verifier: symbolic` may take; 2 by default."""
    memory: MiB | None = None
    """MiB of address space of a worker of `verifier: symbolic`; 512 by default."""
    prompt: str = "Q: {question}\nA:"
    """What the model sees; `{question}` is replaced, and `{choices}`, one a line as `(a) bank`."""
    hint: str = "Q: {question} ({answer})\nA:"
    """What it sees in rationalization; `{answer}` is replaced too, and `{choices}` marks the right one `(CORRECT)`."""
    direct: str = "#### {answer}"
    """How a bare answer reads, for `method: direct`."""
    stop: list[NonEmpty] = ["\n\n", "\nQ:"]
    """Where a completion ends, beside the end-of-sequence token."""

    @model_validator(mode="after")
    def _settings_agree(self) -> JsonlTask:
        shown = ("{answer}" in self.hint, "{choices}" in self.hint)
        refuse(
            ("prompt has no {question}", "{question}" not in self.prompt),
            ("prompt has {answer}, which would show it to the model", "{answer}" in self.prompt),
            ("hint has no {question}", "{question}" not in self.hint),
            ("hint has neither {answer} nor {choices}", not any(shown)),
            ("direct has no {answer}", "{answer}" not in self.direct),
            ("verifier: label needs labels", self.verifier == "label" and not self.labels),
            ("labels belong to verifier: label", self.verifier != "label" and bool(self.labels)),
            ("units belong to verifier: numeric or symbolic", bool(self.units) and self.verifier not in WITH_UNITS),
            ("timeout belongs to verifier: symbolic", self.timeout is not None and self.verifier != "symbolic"),
            ("memory belongs to verifier: symbolic", self.memory is not None and self.verifier != "symbolic"),
            ("tolerance belongs to verifier: numeric", self.tolerance > 0 and self.verifier != "numeric"),
        )
        return self


class CustomTask(Section):
    """A task object of your own, passed in from Python: `star.run(recipe, folder, task=...)` (docs/api.md)."""

    kind: Literal["custom"]
    """Which task this is."""
    settings: dict[str, JsonValue] = {}
    """Whatever the object was made with: part of the recipe, so a run is not continued with other settings."""


Task = Annotated[
    ArithmeticTask | CommonsenseqaTask | CustomTask | Gsm8kTask | JsonlTask | MathTask | ReasoningGymTask,
    Field(discriminator="kind"),
]
