"""The vocabulary of the whole project, as frozen dataclasses. Imports only the standard library.

    Problem --prompts--> Prompt --sampler--> Completion --verifier--> Verdict
    Attempt = problem + prompt + completion + verdict;  an accepted attempt is a rationale
    Example = what a rationale becomes in training: a hint-free prompt and the target to learn
    Pair = a right attempt and a wrong one at the same problem, for a verifier to learn the difference

Every record turns into a JSON object with `to_dict` and back with `from_dict`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple

STATUSES = ("correct", "wrong", "no_answer", "timeout", "error")
"""What a verdict can be. Unparseable is not wrong, and a timeout is not wrong."""

LESSON = "lesson/"
"""How ids of training examples begin that are lessons and no attempts (`star/synthesize/textbook.py`)."""
WRITTEN = "new"
"""How ids of problems begin that a model wrote: `new/ITERATION/PROMPT/SAMPLE/DRAFT`."""
VOTED = "consensus"
"""The `answer_source` of a problem whose answer nobody knows: what most samples say stands in for it."""
VOTED_GROUP = f"new, {VOTED}"
"""The group of such problems, so that they are reported apart."""

NO_META: dict[str, Any] = {}
"""Of all problems that have none: a dict for each would be a fifth of the memory of a problem. Never written to."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A question with its ground truth.

    `answer_source` says where the ground truth came from: `gold`, `computed`, `consensus` or `document`. `source` is
    the file and line, hub data set or generator that the problem came from. `group` is what accuracy is reported by
    (`3 digits`).
    """

    id: str
    task: str
    question: str
    answer: str
    choices: tuple[str, ...] = ()
    source: str = ""
    answer_source: str = "gold"
    parents: tuple[str, ...] = ()
    group: str = "all"
    meta: dict[str, Any] = field(default_factory=lambda: NO_META)

    @property
    def is_voted(self) -> bool:
        """Whether nobody knows the answer, and what most samples say stands in for it."""
        return self.answer_source == VOTED

    def to_dict(self) -> dict[str, Any]:
        return _fields(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Problem:
        return cls(**{**data, "choices": tuple(data["choices"]), "parents": tuple(data["parents"])})


class ChatText(str):
    """A text that a chat template made, and the `turns` that it is made of: pairs of role and content.

    It is written, read and compared as the plain text.
    """

    turns: tuple[tuple[str, str], ...]

    def __new__(cls, text: str, turns: tuple[tuple[str, str], ...] = ()) -> ChatText:
        made = super().__new__(cls, text)
        made.turns = turns
        return made


@dataclass(frozen=True, slots=True)
class Prompt:
    """The exact text shown to the model. A hinted prompt shows the answer."""

    problem_id: str
    text: str
    hinted: bool = False


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model wrote. `text` ends before the stop string or end-of-sequence token that ended it.

    `num_tokens` counts every token sampled, the end-of-sequence token included. `finish_reason` is `eos`, `stop` or
    `length`. `model` names the weights: `base`, or `iteration-003` for that iteration's adapter.
    """

    problem_id: str
    sample_index: int
    text: str
    num_tokens: int
    finish_reason: str
    seed: int
    model: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verification found: a status (one of `STATUSES`), the extracted answer, and a word of detail."""

    status: str
    answer: str | None = None
    detail: str = ""

    @property
    def accepted(self) -> bool:
        return self.status == "correct"


class AttemptId(NamedTuple):
    """What the id of an attempt says: `iteration-002/hinted/PROBLEM/0`. Ids of problems may have slashes themselves."""

    model: str
    kind: str
    problem: str
    sample: int

    def __str__(self) -> str:
        return f"{self.model}/{self.kind}/{self.problem}/{self.sample}"

    @classmethod
    def parse(cls, id: str) -> AttemptId:
        """Raises ValueError for what is no id of an attempt, such as `real/FILE:LINE`."""
        model, kind, rest = id.split("/", 2)
        problem, sample = rest.rsplit("/", 1)
        if kind not in ("plain", "hinted"):
            raise ValueError(f"{kind!r} is neither plain nor hinted")
        return cls(model, kind, problem, int(sample))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one problem. Accepted, it is a rationale.

    `steps_checked` counts the steps of its working that could be checked, `steps_wrong` those of them that are
    certainly wrong.
    """

    problem: Problem
    prompt: Prompt
    completion: Completion
    verdict: Verdict
    steps_checked: int = 0
    steps_wrong: int = 0

    @property
    def id(self) -> str:
        return str(AttemptId(self.completion.model, self.kind, self.problem.id, self.completion.sample_index))

    @property
    def kind(self) -> str:
        """`hinted` or `plain`."""
        return "hinted" if self.prompt.hinted else "plain"

    @property
    def soundness(self) -> float:
        """The share, 0 to 1, of the steps that could be checked that is not wrong; 1 where none could."""
        return 1 - self.steps_wrong / self.steps_checked if self.steps_checked else 1.0

    @property
    def is_false_positive(self) -> bool:
        """Whether the final answer is right and the working is wrong."""
        return self.verdict.accepted and self.steps_wrong > 0

    def to_dict(self) -> dict[str, Any]:
        parts = {name: _fields(getattr(self, name)) for name in ("problem", "prompt", "completion", "verdict")}
        return _fields(self) | parts

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Attempt:
        return cls(
            problem=Problem.from_dict(data["problem"]),
            prompt=Prompt(**data["prompt"]),
            completion=Completion(**data["completion"]),
            verdict=Verdict(**data["verdict"]),
            steps_checked=data.get("steps_checked", 0),
            steps_wrong=data.get("steps_wrong", 0),
        )


@dataclass(frozen=True, slots=True)
class Example:
    """One row of training data. `iteration` is the one that accepted it; `attempt_id` leads back to the attempt.

    `answer_source` is that of its problem; empty in rows of runs that did not keep it.
    """

    prompt: str
    target: str
    attempt_id: str
    iteration: int
    rationalized: bool = False
    answer_source: str = ""

    @property
    def is_lesson(self) -> bool:
        """Whether it is a lesson, and no attempt at a problem."""
        return self.attempt_id.startswith(LESSON)

    @property
    def is_voted(self) -> bool:
        """Whether its answer is what most samples say."""
        return self.answer_source == VOTED

    def to_dict(self) -> dict[str, Any]:
        return _fields(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Example:
        return cls(**data)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two targets behind the same prompt, `chosen` right and `rejected` wrong, and the attempts that they come from."""

    prompt: str
    chosen: str
    rejected: str
    chosen_id: str
    rejected_id: str


def model_name(number: int) -> str:
    """What completions say about who wrote them: the model that iteration `number` trained; 0 is the base model."""
    return f"iteration-{number:03d}" if number else "base"


def derive_seed(*parts: str | int) -> int:
    """A 63-bit seed from any parts, by SHA-256: never `seed + i`, whose streams overlap between runs.

    >>> derive_seed(0, "plain", "add-1") == derive_seed(0, "plain", "add-1")
    True
    """
    digest = hashlib.sha256(json.dumps(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def _fields(record: Any) -> dict[str, Any]:
    """The fields of a record by name, not copied: `dataclasses.asdict` copies, and took three quarters of a write."""
    return {name: getattr(record, name) for name in record.__slots__}
