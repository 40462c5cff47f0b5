"""What a recipe may say: one class a section, one docstring a field. The README's reference is made from this file.

Defaults are those of the paper (Zelikman et al. 2022, https://arxiv.org/abs/2203.14465, and its code, ezelikman/STaR at
6ffd3c4) wherever it has one. Nothing here reads a file: see `load.py`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from star.recipe.base import Count, NonEmpty, Probability, Section, refuse
from star.recipe.curriculum import Curriculum
from star.recipe.decoding import Decoding, EvaluationDecoding
from star.recipe.model import Model
from star.recipe.samplers import SamplerSettings
from star.recipe.sweep import Sweep
from star.recipe.synthesis import NoSynthesis, ReshapeSynthesis, Synthesize
from star.recipe.tasks import ArithmeticTask, Task
from star.recipe.tethers import Audit, Mix, Selection, Stop
from star.recipe.training import Training
from star.recipe.verifier import BestOf, DpoVerifier

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


class Evaluation(Section):
    """Accuracy on held-out problems after every iteration, greedy unless `decoding` says otherwise."""

    problems: Count | None = None
    """Evaluate on this many held-out problems, the same ones in every iteration; all by default."""
    exemplars: Literal["with", "without", "both"] | None = None
    """Whether evaluation prompts show the exemplars; by default as sampling does in that iteration."""
    decoding: EvaluationDecoding = EvaluationDecoding()
    """How evaluation decodes."""
    best_of: BestOf | None = None
    """Sample each problem several times, and report how often the answer that the `verifier` ranks first is right,
    beside the majority's and beside whether any is; after iterations that trained one."""


class Recipe(Section):
    """A whole run."""

    version: Annotated[int, Field(ge=1, le=VERSION)] = 1
    """Schema of this file; a star that reads only older ones says so, and does not guess."""
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Name of the run: its directory is `runs/NAME`."""
    seed: int = 0
    """Every random choice of the run follows from it."""
    method: Literal["star", "direct", "curate"] = "star"
    """`star`, or the paper's baseline `direct`: fine-tune on bare answers, without rationales. Exemplars show bare
    answers then, too. `curate` goes over the problems once with the base model and trains nothing: what is accepted is
    a data set for other trainers (`star curate`)."""
    iterations: Annotated[int, Field(ge=0)] = 10
    """How many times to sample, verify, rationalize and fine-tune; with 0, only the base model is evaluated."""
    keep: Literal["all", "best"] | Count = "all"
    """Whose adapters are kept: `all`, those of the last n iterations, or only the `best` on held-out problems. The best
    one and the last one are kept in any case, and so is everything else of an iteration."""
    problems_per_iteration: Count | None = None
    """Problems drawn anew from the training split for each iteration; all of them by default."""
    curriculum: Curriculum = Curriculum()
    """Which problems those are."""
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
    sweep: Sweep | None = None
    """Let every iteration find its own temperature (B-STaR)."""
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
    verifier: DpoVerifier | None = None
    """A verifier that learns from right and wrong attempts (V-STaR); none by default."""
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
        sums = isinstance(self.task, ArithmeticTask) and self.task.style != "words"
        refuse(
            (
                "model.starter knows only sums: it needs task.kind arithmetic of style columns or paper",
                self.model.starter is not None and not sums,
            ),
            *self._prompts_fit(),
            *self._servers_fit(),
            *self.curriculum.complaints(
                self.problems_per_iteration, self.method, self.selection.accept, self.synthesize.kind != "none"
            ),
            *self._verifier_fits(),
            (
                "method: curate goes over the problems once: it needs iterations: 1",
                self.method == "curate" and self.iterations != 1,
            ),
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
                "sweep asks how often answers are right: it needs method: star and selection.accept: correct",
                self.sweep is not None and (self.method == "direct" or self.selection.accept != "correct"),
            ),
            (
                "selection.quality learns from what the ground truth says of rationales: it needs rationales, which "
                "method: direct has not, and selection.accept: correct",
                self.selection.quality is not None and (self.method == "direct" or self.selection.accept != "correct"),
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
            (
                f"synthesize.kind: textbook makes lessons of rationales that are right, and selection.accept: "
                f"{self.selection.accept} takes wrong ones too: it needs selection.accept: correct",
                self.synthesize.kind == "textbook" and self.selection.accept != "correct",
            ),
        )
        return self

    def _prompts_fit(self) -> list[tuple[str, bool]]:
        """Complaints about `prompt`, each with whether it is so."""
        no_exemplars = self.prompt.exemplars is None
        return [
            ("prompt.train_with needs prompt.exemplars", no_exemplars and self.prompt.train_with),
            ("prompt.shots needs prompt.exemplars", no_exemplars and bool(self.prompt.shots)),
            (
                f"evaluation.exemplars: {self.evaluation.exemplars} needs prompt.exemplars",
                no_exemplars and self.evaluation.exemplars in ("with", "both"),
            ),
            ("prompt.system needs prompt.chat: true", self.prompt.system is not None and not self.prompt.chat),
        ]

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
                "sampler.openai.adapters: none has the base model only: it needs iterations: 0, or method: curate",
                servers.adapters == "none" and self.iterations > 0 and self.method != "curate",
            ),
        ]

    def _verifier_fits(self) -> list[tuple[str, bool]]:
        """Complaints about `verifier` and `evaluation.best_of`, each with whether it is so."""
        best_of = self.evaluation.best_of is not None
        return [
            ("evaluation.best_of needs a verifier", best_of and self.verifier is None),
            (
                "evaluation.best_of samples for itself: it needs evaluation.decoding.samples: 1",
                best_of and self.evaluation.decoding.samples > 1,
            ),
            (
                f"verifier learns from what a fine-tuned model attempts: with method: {self.method} there is none",
                self.verifier is not None and self.method != "star",
            ),
            (
                f"verifier learns what the ground truth says, and selection.accept: {self.selection.accept} takes none",
                self.verifier is not None and self.selection.accept != "correct",
            ),
        ]

    @property
    def best_of_decoding(self) -> Decoding | None:
        """How the samples of `evaluation.best_of` are decoded."""
        if (best_of := self.evaluation.best_of) is None:
            return None
        return Decoding(**self.evaluation_decoding.model_dump() | best_of.model_dump())

    @property
    def max_voted_share(self) -> float | None:
        """At most this share of problems and examples has an answer that was voted on; `None` where none has."""
        grounded = isinstance(self.synthesize, NoSynthesis | ReshapeSynthesis)
        return None if grounded else self.synthesize.max_consensus_share

    @property
    def max_lesson_share(self) -> float | None:
        """At most this share of the training data is lessons; `None` where none are written."""
        return getattr(self.synthesize, "max_share", None)

    @property
    def evaluation_decoding(self) -> Decoding:
        """`evaluation.decoding`, with length and stop strings of `decoding` where it has none of its own."""
        own = self.evaluation.decoding.model_dump(exclude_none=True)
        return Decoding(**{"max_new_tokens": self.decoding.max_new_tokens, "stop": self.decoding.stop} | own)
