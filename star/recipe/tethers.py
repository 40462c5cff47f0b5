"""What ties the loop to reality: which attempts are trained on, what is mixed in, what is watched, when to stop."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from star.recipe.base import Count, NonEmpty, Probability, Section


class QualityFilter(Section):
    """A classifier ranks right rationales, and the best are kept. It learns from what verification says of this
    iteration's plain attempts: right with no wrong step, against wrong or with one."""

    keep: Annotated[float, Field(gt=0, lt=1)] = 0.8
    """Share of the rationales that pass the other filters on a text alone, the best first."""
    min_auc: Annotated[float, Field(ge=0.6, le=1)] = 0.6
    """Held-out AUC (0.5 is chance) under which the classifier is refused and nothing is dropped; where few attempts
    measure it, it takes more to rule chance out."""


class Selection(Section):
    """Which attempts become training data. Exact duplicates never do."""

    accept: Literal["correct", "majority", "all"] = "correct"
    """`correct`: what the ground truth confirms, which is STaR. For comparison, without a tether: `majority` takes the
    most frequent answer among the samples of a problem for the truth, `all` keeps every sample."""
    require_sound_steps: bool = False
    """Take a right answer with a step that is certainly wrong for a failure: rationalize it, never train on it."""

    distinct: Literal["equations"] | None = None
    """Of the rationales of a problem, keep one for each distinct list of equations (calculator annotations, or else
    the equations of its text; of a scratchpad, its lines), the farthest from the others by edit distance (RFT: Yuan
    et al. 2023, https://arxiv.org/abs/2308.01825, section 3.3); all by default."""
    quality: QualityFilter | None = None
    """Keep the rationales that a classifier, measured in every iteration, ranks best; off by default."""
    max_per_problem: Count | None = None
    """At most this many rationales of one problem; all by default."""
    max_near_duplicates: Count | None = None
    """At most this many rationales that say nearly the same (`near_duplicates` in the audit); all by default."""
    max_rationalized_share: Annotated[float, Field(gt=0, lt=1)] | None = None
    """At most this share of an iteration's rationales from hinted prompts, drawn at random; all by default."""
    balance: Literal["problem", "group", "difficulty"] | None = None
    """Draw from each problem, group, or class of difficulty (by success so far) at most the mean over all of them."""
    keep_iterations: Count | Literal["all"] = 1
    """Train on the rationales of the last n iterations; 1 replaces the old data, as in the paper (`--copy_n`), `all`
    accumulates."""
    replay: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the training data drawn from iterations before those."""


class RealData(Section):
    """Rationales that people wrote, or gold ones."""

    path: NonEmpty
    """JSONL file with `question`, `answer` and `rationale` (and `choices`) in each row, or with rows of
    GSM8K or MATH for their tasks; every rationale must give its answer."""
    share: Annotated[float, Field(gt=0, lt=1)]
    """Share of the training data of every iteration, drawn anew for each; the whole file when it has fewer."""


class Mix(Section):
    """What is trained on beside the loop's own rationales."""

    real: RealData | None = None
    """Rationales that people wrote, or gold ones."""


class Audit(Section):
    """What is watched in every iteration."""

    reference: NonEmpty | None = None
    """Real text whose perplexity is watched: a JSONL file with `prompt` and `target` in each row, word for word as the
    model is to read them (as in `train.jsonl`), or a `.txt` file, a paragraph each. By default worked solutions of
    held-out problems, where the task has them."""
    reference_texts: Annotated[int, Field(ge=0)] = 64
    """How many of them, drawn once for all iterations; 0 watches none. Each goes through the model twice an iteration,
    and no more than 1,024 tokens of a target are read."""
    protect: list[NonEmpty] = []
    """Files whose texts training data must not contain, as those of held-out problems: test sets, canaries. Every
    string in a row of a JSONL file, or every paragraph of a text file."""
    ngram: Annotated[int, Field(ge=8)] | None = 13
    """Words in a row that are an overlap, unless more than 10 texts have them; `null` compares only whole texts, as of
    generated problems. (GPT-3 takes 13, https://arxiv.org/abs/2005.14165, appendix C.)"""
    contamination: Literal["refuse", "remove"] = "refuse"
    """A training problem that overlaps a held-out or protected one ends the run before it begins, or is left out.
    Generated text that does is never trained on."""
    specimens: Annotated[int, Field(ge=0)] = 8
    """Attempts of each kind that an iteration keeps for the report."""


class Stop(Section):
    """When to end a run early; the best iteration on held-out problems is kept. No rule by default."""

    samples: Count | None = None
    """A budget of samples drawn to train on (`samples` in the metrics): the run ends with the iteration whose total
    comes nearest to it, if the next one draws as many as the last."""
    patience: Count | None = None
    """Iterations in a row without a better held-out accuracy."""
    min_new_solved: Annotated[int, Field(ge=1)] | None = None
    """Fewer training problems than this are solved for the first time, and there are unsolved ones."""
    max_forgotten: Probability | None = None
    """A larger share of the problems that were solved when last tried is not solved any more."""
    max_duplicate_share: Probability | None = None
    """A larger share of the accepted rationales nearly repeats another."""
    min_distinct: Probability | None = None
    """A smaller share of the word pairs of accepted rationales is distinct (`distinct_2` in the audit)."""
