"""What a recipe may say about problems that the model writes itself: one class a way to write them.

Defaults of `self_instruct` are those of Self-Instruct (Wang et al. 2022, https://arxiv.org/abs/2212.10560) and of its
code (yizhongw/self-instruct at 10dd06e).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from star.recipe.base import Count, NonEmpty, Section
from star.recipe.decoding import Decoding


class WritingDecoding(Decoding):
    """How new problems are sampled. (The code of the paper also has a presence penalty of 2, which we do not.)"""

    temperature: Annotated[float, Field(ge=0)] = 0.7
    """0 is greedy."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Nucleus sampling: the smallest set of tokens with this probability."""
    max_new_tokens: Count = 256
    """Longest completion, in tokens."""
    stop: list[NonEmpty] | None = None
    """Where a completion ends, beside the end-of-sequence token; by default where more follows than was asked for."""


class Vote(Section):
    """How the model votes on an answer that nobody knows (self-consistency: Wang et al. 2023,
    https://arxiv.org/abs/2203.11171)."""

    samples: Annotated[int, Field(ge=3)] = 9
    """Completions for each problem (k)."""
    threshold: Annotated[float, Field(gt=0.5, le=1)] = 0.6
    """Share of all votes so far, completions without an answer included, that must agree on one."""
    require_sound_steps: bool = True
    """A completion with a step that is certainly wrong has no vote."""
    temperature: Annotated[float, Field(gt=0)] = 0.7
    """As in the paper; length and stop strings are those of `decoding`."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Nucleus sampling: the smallest set of tokens with this probability."""
    again: Annotated[int, Field(ge=0)] = 200
    """How many problems with a consensus answer an iteration votes on again, those first that waited longest. There are
    none with `kind: reshape`, where it does nothing."""


class NoSynthesis(Section):
    """Only the problems of the task."""

    kind: Literal["none"] = "none"
    """Which way to write problems this is."""


class Synthesis(Section):
    """What all ways to write problems share."""

    kind: str
    """Which way to write problems this is."""
    writer: Literal["current", "base"] = "current"
    """Which model writes: that of the iteration, or the `base` model, which can still write what fine-tuning on short
    rationales makes a model forget. It is the current one that votes and attempts."""
    prompts: Count = 64
    """Prompts for new problems in each iteration."""
    decoding: WritingDecoding = WritingDecoding()
    """How new problems are sampled."""
    min_words: Count | None = None
    """Fewest words of a new question; by default what the task says: 4, as in the code of the paper, and 1 for sums."""
    max_words: Count = 150
    """Most words of a new question."""
    max_similarity: Annotated[float, Field(gt=0, le=1)] = 0.7
    """A question whose ROUGE-L with one that is there already is larger is not new."""
    answers: Literal["computed", "consensus"] = "computed"
    """Where answers come from: `computed` by code where the task can, and else voted on; or always `consensus`, which
    shows how often the vote is wrong where the answer can be computed. With `kind: reshape` a vote only confirms what
    the document says, so that this does nothing unless the task computes answers."""
    vote: Vote = Vote()
    """How the model votes on answers."""
    max_consensus_share: Annotated[float, Field(gt=0, lt=1)] = 0.25
    """At most this share of the problems drawn in an iteration, and of the examples it trains on, has an answer that
    was voted on. With `kind: reshape` no answer is by vote alone, and this does nothing."""

    @model_validator(mode="after")
    def _lengths_agree(self) -> Synthesis:
        if self.min_words is not None and self.min_words > self.max_words:
            raise ValueError(f"min_words {self.min_words} is larger than max_words {self.max_words}")
        return self


class SelfInstructSynthesis(Synthesis):
    """The model continues a list of problems (Wang et al. 2022, https://arxiv.org/abs/2212.10560)."""

    kind: Literal["self_instruct"]
    """Which way to write problems this is."""
    human: Annotated[int, Field(ge=0)] = 6
    """Training problems that a prompt lists."""
    machine: Annotated[int, Field(ge=0)] = 2
    """Problems of the pool that it lists beside them; while the pool has fewer, training problems take their place."""
    new: Count = 8
    """How many more a completion may add to the list."""
    keywords: list[NonEmpty] = ["image", "images", "graph", "graphs", "picture", "pictures"]
    """Words that a question may not have, since they speak of what a language model cannot see (paper, section 2.2)."""

    @model_validator(mode="after")
    def _lists_something(self) -> SelfInstructSynthesis:
        if self.human + self.machine == 0:
            raise ValueError("human and machine are both 0; a prompt must list at least one problem")
        return self


class LongerDecoding(WritingDecoding):
    """How lessons, and questions about passages, are sampled."""

    top_p: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Nucleus sampling: the smallest set of tokens with this probability."""
    max_new_tokens: Count = 320
    """Longest completion, in tokens."""
    stop: list[NonEmpty] | None = None
    """Where a completion ends, beside the end-of-sequence token; by default where another one would begin."""


class TextbookSynthesis(Synthesis):
    """The model writes short lessons with an exercise each, from verified rationales (Gunasekar et al. 2023,
    https://arxiv.org/abs/2306.11644, section 2.2). Exercises become problems."""

    kind: Literal["textbook"]
    """Which way to write problems this is."""
    topics: Annotated[list[NonEmpty], Field(min_length=1)] = [
        "adding amounts that come one after the other",
        "how many are left when some are taken away",
        "groups of equal size, and how many there are in all",
        "sharing equally",
        "comparing two amounts",
        "prices, paying and change",
        "time that passes",
        "lengths and distances",
        "weights and volumes",
        "rates: so many for each",
        "halves, quarters and other parts of a whole",
        "percentages",
        "averages",
        "working backwards from a result",
        "problems of two steps",
    ]
    """What lessons are about, one drawn for each prompt; those of arithmetic word problems by default."""
    audiences: Annotated[list[NonEmpty], Field(min_length=1)] = [
        "a child who has just learned to count",
        "primary school pupils",
        "pupils who find numbers hard",
        "pupils who are ahead of their class",
        "a grown-up who has forgotten school",
        "somebody who keeps a shop",
        "a cook",
        "a farmer",
        "a builder",
        "a future teacher",
    ]
    """Whom lessons are for, one drawn for each prompt."""
    decoding: LongerDecoding = LongerDecoding()
    """How lessons are sampled."""
    max_share: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """At most this share of the training data is lessons of the iteration."""


class ReshapeSynthesis(Synthesis):
    """The model asks questions about passages of documents, whose answers the passage must give."""

    kind: Literal["reshape"]
    """Which way to write problems this is."""
    documents: Annotated[list[NonEmpty], Field(min_length=1)]
    """Files of text (`.txt`), Markdown (`.md`), or rows with a text (`.jsonl`)."""
    text_key: NonEmpty = "text"
    """The field of a JSONL row that holds its text; its `title` is the title, if it has one."""
    passage_words: Annotated[int, Field(ge=20)] = 120
    """Most words of a passage."""
    answer_words: Count = 5
    """Most words of an answer that stands in the passage; any other must be computed from numbers of the passage."""
    with_passage: bool = True
    """Whether problems show their passage, so that it is read, or only the question, so that it is remembered."""
    decoding: LongerDecoding = LongerDecoding()
    """How questions are sampled."""


Synthesize = Annotated[
    NoSynthesis | SelfInstructSynthesis | TextbookSynthesis | ReshapeSynthesis, Field(discriminator="kind")
]
