"""What a recipe may say: one class a section, one docstring a field. The README's reference is made from this file.

Defaults are those of the paper (Zelikman et al. 2022, https://arxiv.org/abs/2203.14465, and its code, ezelikman/STaR at
6ffd3c4) wherever it has one. Nothing here reads a file: see `load.py`.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field, model_validator

from star.recipe.base import Count, NonEmpty, Probability, Section, refuse
from star.recipe.decoding import Decoding, EvaluationDecoding
from star.recipe.model import Model
from star.recipe.samplers import SamplerSettings
from star.recipe.synthesis import NoSynthesis, Synthesize
from star.recipe.tasks import ArithmeticTask, Task
from star.recipe.tethers import Audit, Mix, Selection, Stop

VERSION = 1
"""Of the schema: a file that needs keys or meanings which an older star does not know says so with `version`."""


class Prompting(Section):
    """How a problem becomes a prompt."""

    exemplars: str | None = None
    """Text file of worked examples put before the question: a path, or the name of one that comes with the project."""
    shots: Annotated[int, Field(ge=0)] | None = None
    """How many of them to use; all by default."""
    sample_with: Literal["always", "first", "never"] = "always"
    """Which iterations sample with exemplars. `first` drops them from plain prompts after the first iteration (the
    official code's `--no_prompt`); hinted prompts keep them, since nothing else says what a hint is."""
    train_with: bool = False
    """Whether training prompts show the exemplars (the official code's `--few_shot_train`)."""
    chat: bool = False
    """Send prompts through the tokenizer's chat template, exemplars as earlier turns; training examples too."""
    system: str | None = None
    """System message, with `chat`."""


class Rationalization(Section):
    """Second chance with the answer shown as a hint (paper, section 3.2)."""

    probability: Probability = 1.0
    """Share of the failed problems that are rationalized; 0 turns it off."""
    keep_hint: Probability = 0.0
    """Share of the accepted rationalizations whose training prompt keeps the hint (`--p_show_hint_save`)."""


class Steps(Section):
    """Training steps of each iteration. The paper: 40, growing by 20% (arithmetic: 300, then +20)."""

    start: Count = 40
    """Steps in the first iteration."""
    growth: Annotated[float, Field(ge=1)] | None = None
    """Factor from one iteration to the next; 1.2 when neither this nor `increment` is given."""
    increment: Annotated[int, Field(ge=0)] | None = None
    """Steps added from one iteration to the next, instead of a factor."""
    cap: Count | None = None
    """Never more than this."""

    @model_validator(mode="after")
    def _one_kind_of_growth(self) -> Steps:
        if self.growth is not None and self.increment is not None:
            raise ValueError("give growth or increment, not both")
        return self

    def in_iteration(self, number: int) -> int:
        """Steps of iteration `number`, counted from 1 (`get_n_steps` in the official iteration_train.py)."""
        if self.increment is not None:
            steps = self.start + self.increment * (number - 1)
        else:
            factor = Fraction(str(1.2 if self.growth is None else self.growth))
            steps = math.floor(self.start * factor ** (number - 1))
        return steps if self.cap is None else min(steps, self.cap)


class Training(Section):
    """LoRA fine-tuning on the accepted rationales."""

    from_base: bool = True
    """Start every iteration from the base model (the paper), or continue from the previous adapter."""
    rank: Count = 16
    """LoRA rank."""
    alpha: Annotated[float, Field(gt=0)] = 32
    """LoRA alpha: updates are scaled by alpha / rank."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Dropout in the LoRA branch."""
    target_modules: str | list[str] = "all-linear"
    """Which linear layers get an adapter: `all-linear`, or names such as `[q_proj, v_proj]`."""
    lr: Annotated[float, Field(gt=0)] = 1e-4
    """Peak learning rate. (The paper's 1e-6 is for full fine-tuning of 6B parameters.)"""
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    """What the learning rate does after the warmup."""
    warmup_steps: Annotated[int, Field(ge=0)] = 100
    """Steps of linear warmup."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """AdamW weight decay."""
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    """Gradients are clipped to this norm."""
    batch_size: Count = 8
    """Examples in an optimizer step."""
    micro_batch_size: Count | None = None
    """Examples in a forward pass, when memory is short; gradients are accumulated up to `batch_size`."""
    steps: Steps | None = None
    """Steps of each iteration; the paper's schedule when neither this nor `epochs` is given."""
    epochs: Annotated[float, Field(gt=0)] | None = None
    """Passes over the training examples, instead of steps."""
    checkpoint_every: Count = 50
    """Steps after which adapter, optimizer and random state are saved: what a crash can cost."""

    @model_validator(mode="after")
    def _consistent(self) -> Training:
        if self.steps is not None and self.epochs is not None:
            raise ValueError("give steps or epochs, not both")
        if self.micro_batch_size is not None and self.micro_batch_size > self.batch_size:
            raise ValueError(f"micro_batch_size {self.micro_batch_size} is larger than batch_size {self.batch_size}")
        return self

    def steps_in(self, iteration: int, num_examples: int) -> int:
        """Optimizer steps of an iteration (counted from 1) over `num_examples`; a last partial batch is a step."""
        if self.epochs is not None:
            return max(1, math.ceil(num_examples * self.epochs / self.batch_size))
        return (self.steps or Steps()).in_iteration(iteration)


class Evaluation(Section):
    """Accuracy on held-out problems after every iteration, greedy unless `decoding` says otherwise."""

    problems: Count | None = None
    """Evaluate on this many held-out problems, the same ones in every iteration; all by default."""
    exemplars: Literal["with", "without", "both"] | None = None
    """Whether evaluation prompts show the exemplars; by default as sampling does in that iteration."""
    decoding: EvaluationDecoding = EvaluationDecoding()
    """How evaluation decodes."""


class Recipe(Section):
    """A whole run."""

    version: Annotated[int, Field(ge=1, le=VERSION)] = 1
    """Schema of this file; a star that reads only older ones says so, and does not guess."""
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Name of the run: its directory is `runs/NAME`."""
    seed: int = 0
    """Every random choice of the run follows from it."""
    method: Literal["star", "direct"] = "star"
    """`star`, or the paper's baseline `direct`: fine-tune on bare answers, without rationales. Exemplars show bare
    answers then, too."""
    iterations: Annotated[int, Field(ge=0)] = 10
    """How many times to sample, verify, rationalize and fine-tune; with 0, only the base model is evaluated."""
    keep: Literal["all", "best"] | Count = "all"
    """Whose adapters are kept: `all`, those of the last n iterations, or only the `best` on held-out problems. The best
    one and the last one are kept in any case, and so is everything else of an iteration."""
    problems_per_iteration: Count | None = None
    """Problems drawn anew from the training split for each iteration; all of them by default."""
    limit: Count | None = None
    """Use only the first n problems of each group of each split: for a quick look."""
    task: Task
    """The problems: `kind` is `arithmetic`, `commonsenseqa`, `gsm8k`, `math`, `reasoning_gym` or `jsonl`; or
    `custom`, from Python."""
    model: Model
    """The base model."""
    prompt: Prompting = Prompting()
    """How a problem becomes a prompt."""
    synthesize: Synthesize = NoSynthesis()
    """Problems that the model writes itself: `kind` is `none`, `self_instruct`, `textbook` or `reshape`."""
    decoding: Decoding = Decoding()
    """How rationales are sampled."""
    rationalization: Rationalization = Rationalization()
    """Second chance with the answer shown as a hint."""
    sampler: SamplerSettings = SamplerSettings()
    """The engine that samples."""
    selection: Selection = Selection()
    """Which rationales are trained on."""
    mix: Mix = Mix()
    """What is trained on beside them."""
    train: Training = Training()
    """LoRA fine-tuning."""
    evaluation: Evaluation = Evaluation()
    """Accuracy on held-out problems."""
    audit: Audit = Audit()
    """What is watched in every iteration."""
    stop: Stop = Stop()
    """When to end early."""
    tracking: list[Literal["tensorboard", "wandb", "trackio", "mlflow"]] = []
    """Who is given the metrics of every iteration, through accelerate; each is an extra: `star-trainer[wandb]`.
    TensorBoard's files are in the run directory, where the others keep theirs is up to their own settings."""
    project: NonEmpty = "star"
    """Under what trackers file the run: the project of wandb and trackio, the experiment of MLflow."""

    @model_validator(mode="after")
    def _sections_agree(self) -> Recipe:
        no_exemplars = self.prompt.exemplars is None
        sums = isinstance(self.task, ArithmeticTask) and self.task.style != "words"
        refuse(
            (
                "model.starter knows only sums: it needs task.kind arithmetic of style columns or paper",
                self.model.starter is not None and not sums,
            ),
            ("prompt.train_with needs prompt.exemplars", no_exemplars and self.prompt.train_with),
            ("prompt.shots needs prompt.exemplars", no_exemplars and bool(self.prompt.shots)),
            (
                f"evaluation.exemplars: {self.evaluation.exemplars} needs prompt.exemplars",
                no_exemplars and self.evaluation.exemplars in ("with", "both"),
            ),
            ("prompt.system needs prompt.chat: true", self.prompt.system is not None and not self.prompt.chat),
            *self._servers_fit(),
            (
                f"selection.accept: {self.selection.accept} takes no ground truth, and a hint is one: it needs "
                "rationalization.probability: 0",
                self.selection.accept != "correct" and self.rationalization.probability > 0,
            ),
            (
                "selection.accept: majority needs decoding.samples of 3 or more to vote",
                self.selection.accept == "majority" and self.decoding.samples < 3,
            ),
            (
                "selection.quality learns from what the ground truth says of rationales: it needs method: star and "
                "selection.accept: correct",
                self.selection.quality is not None and (self.method, self.selection.accept) != ("star", "correct"),
            ),
            (
                f"selection.replay {self.selection.replay} and mix.real.share leave no room for what is accepted",
                self.mix.real is not None and self.selection.replay + self.mix.real.share >= 1,
            ),
            (
                "mix.real needs rationales beside it: with method: direct there are none",
                self.mix.real is not None and self.method == "direct",
            ),
            (
                "synthesize trains on rationales for new problems: with method: direct there are none",
                self.synthesize.kind != "none" and self.method == "direct",
            ),
        )
        return self

    def _servers_fit(self) -> list[tuple[str, bool]]:
        """Complaints about `sampler.openai`, each with whether it is so."""
        if (servers := self.sampler.openai) is None:
            return []
        return [
            (
                "sampler.openai.api: chat needs prompt.chat: true, or what is trained on would lack the chat template",
                servers.api == "chat" and not self.prompt.chat,
            ),
            (
                "sampler.openai.adapters: none can only score the base model: it needs iterations: 0",
                servers.adapters == "none" and self.iterations > 0,
            ),
        ]

    @property
    def max_voted_share(self) -> float | None:
        """At most this share of problems and examples has an answer that was voted on; `None` where none has."""
        return None if isinstance(self.synthesize, NoSynthesis) else self.synthesize.max_consensus_share

    @property
    def max_lesson_share(self) -> float | None:
        """At most this share of the training data is lessons; `None` where none are written."""
        return getattr(self.synthesize, "max_share", None)

    @property
    def evaluation_decoding(self) -> Decoding:
        """`evaluation.decoding`, with length and stop strings of `decoding` where it has none of its own."""
        own = self.evaluation.decoding.model_dump(exclude_none=True)
        return Decoding(**{"max_new_tokens": self.decoding.max_new_tokens, "stop": self.decoding.stop} | own)
