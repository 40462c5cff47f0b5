"""What a way to write problems is: the prompts that ask for them, and how what the model wrote is read.

All else is the same for all of them (`stage.py`): where questions are checked, and where their answers come from.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from star.errors import UserError
from star.models import encode_prompt
from star.overlap import Protected
from star.prompts import PromptBuilder
from star.recipe import Audit, Decoding, Synthesis
from star.records import NO_META, Example, Problem, Prompt
from star.tasks import Task

REASONS = (
    "cut_off",
    "ill_formed",
    "not_in_document",
    "too_short",
    "too_long",
    "protected",
    "not_new",
    "contradicted",
)
"""Why a draft is rejected when it is read, in the order in which that is asked: it has no end, is no question of the
task, has an answer that its document does not give, has too few words, is too long for the recipe or the model's
context, overlaps held-out or protected text, is too much like another one, or gives an answer that is not the one
computed."""

BARE = "question"
"""Key of `Problem.meta`: the question as it was written, where a problem asks more than that."""


class Sources(NamedTuple):
    """What prompts of an iteration may show.

    Attributes:
        train: training problems of the task.
        pool: problems written by earlier iterations that stand.
        trained: what the iteration before was trained on.
    """

    train: Sequence[Problem]
    pool: Sequence[Problem]
    trained: Collection[Example]


class Asked(NamedTuple):
    """One prompt for new problems, and where what comes of it comes from.

    Attributes:
        parents: ids of the problems that it shows, or the passage.
        meta: what else the problems are to carry (`Problem.meta`).
    """

    prompt: Prompt
    parents: tuple[str, ...] = ()
    meta: Mapping[str, Any] = NO_META


@dataclass(frozen=True, slots=True)
class Draft:
    """A problem as its writer reads it in a completion.

    Attributes:
        question: as the problem will ask it.
        answer: what the model says is the answer, if this way to write asks for one; the answer computed or voted on
            must be the same.
        rejected: one of `REASONS`, if the writer itself rejects it.
        meta: what else the problem is to carry (`Problem.meta`), such as its provenance.
    """

    question: str
    answer: str | None = None
    rejected: str = ""
    meta: dict[str, Any] = field(default_factory=dict)


class Writer(ABC):
    """A way to write problems.

    Args:
        settings: the recipe's `synthesize` section.
        task: whose problems are written.
        prompts: how prompts read, with the tokenizer.
        context: tokens that the model can read; `None` for no limit.

    Attributes:
        settings, task, prompts, context: as given.
        voted: the `answer_source` of an answer that a vote found or, where the draft gave one, confirmed.
        teaches: whether it writes lessons, too.
    """

    voted: str = "consensus"
    teaches: bool = False

    def __init__(self, settings: Synthesis, task: Task, prompts: PromptBuilder, context: int | None):
        self.settings, self.task, self.prompts, self.context = settings, task, prompts, context

    @property
    @abstractmethod
    def decoding(self) -> Decoding:
        """How prompts are completed, with stop strings."""

    @property
    def most(self) -> int:
        """How many problems it writes in an iteration at most."""
        return self.settings.prompts * self.decoding.samples

    def check(self, train: Sequence[Problem], protected: Protected, audit: Audit) -> list[str]:
        """What a user should know before the run.

        Args:
            protected: what nothing that is written may overlap, and nothing that it is written from.
            audit: says what becomes of what does.

        Raises:
            UserError: this way to write does not fit task, model or files.
        """
        return []

    @abstractmethod
    def ask(self, id: str, seed: int, sources: Sources) -> Asked:
        """One prompt, called `id`, that follows from `seed` and `sources` alone."""

    @abstractmethod
    def read(self, asked: Asked, text: str, is_cut_off: bool) -> list[Draft]:
        """The problems in a completion, in order. Never raises on any text.

        Args:
            is_cut_off: whether it ran into `max_new_tokens`, so that its end is missing.
        """

    def ballot(self, problem: Problem) -> Problem:
        """The problem as the model reads it when it votes; a document might stand before it, for example."""
        return problem

    def posed(self, problem: Problem) -> Problem:
        """The problem as it is attempted and trained on."""
        return problem

    def can_show(self, problem: Problem) -> bool:
        """Whether a prompt for new problems has room for this one, where such prompts show problems."""
        return True

    def lessons(self, written: Iterable[dict[str, Any]], protected: Protected) -> Iterator[dict[str, Any]]:
        """The rows of `lessons.jsonl`, for a way to write that `teaches`, from those of `written`: `id`, `reason`
        (empty if it is kept), `prompt` and `target` of the training example, and what the prompt was made from.
        """
        return iter(())

    def require_questions(self) -> None:
        """Raises UserError where problems of the task are more than questions."""
        if not self.task.takes_questions:
            raise UserError(
                f"synthesize.kind = {self.settings.kind!r} writes questions alone, and problems of task "
                f"{self.task.name!r} need more (choices, or what their generator knows); use another task, or "
                "synthesize.kind: none"
            )

    def require_room(self, text: str, what: str) -> None:
        """Raises UserError where the longest prompt does not leave room for a completion."""
        if not self.fits(text):
            raise UserError(
                f"synthesize: the prompt with {what} has {self.tokens(text)} tokens, and with "
                f"synthesize.decoding.max_new_tokens {self.decoding.max_new_tokens} that is more than the model's "
                f"context of {self.context}; make that smaller, shorten it, or use a model with a longer context"
            )

    def fits(self, text: str) -> bool:
        """Whether a prompt leaves room for a completion."""
        return self.context is None or self.tokens(text) + self.decoding.max_new_tokens <= self.context

    def tokens(self, text: str) -> int:
        """Tokens of a prompt."""
        return len(encode_prompt(self.prompts.tokenizer, text, self.prompts.settings.chat))
