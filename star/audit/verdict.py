"""Can this run be trusted? The signals of its iterations, judged in plain words, with what to do.

A rule looks at the last iteration and at how it came there. What was not measured there is no finding. `thresholds.py`
says from where on a number is one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Literal, NamedTuple

from star.audit.signals import BY_NAME, Signal
from star.audit.thresholds import (
    COLLAPSE_SPAN,
    DISTINCT_FALL,
    DUPLICATES_RISE,
    EASIEST_DECILE,
    FALSE_POSITIVES,
    FALSE_POSITIVES_RISE,
    FORGOTTEN,
    HINT_LEAKS,
    LEAST_SHARE,
    NEAR_DUPLICATES,
    NEVER,
    PERPLEXITY_RISE,
    PLATEAU,
    TRANSFER_GAP,
    VOTE_ERROR,
    Pair,
)

Level = Literal["alarm", "watch", "fine"]
LEVELS: tuple[Level, ...] = ("alarm", "watch", "fine")
"""The worst first."""

Row = dict[str, Any]
"""The metrics of an iteration (`star/metrics.py`)."""


class Finding(NamedTuple):
    """What a rule says.

    Attributes:
        signal: a name of `star/audit/signals.py`, `accuracy` or `train_loss`.
        says: what was found, with numbers.
        do: what to do about it, with the recipe keys to set; empty if all is fine.
    """

    level: Level
    signal: str
    says: str
    do: str


class Rule(NamedTuple):
    """What one signal must not do.

    Attributes:
        above: limits of the value itself.
        change: limits of its relative change since it was first measured; negative ones are limits of a fall.
        trouble: what it means if it does, in plain words.
    """

    signal: str
    trouble: str
    do: str
    above: Pair = NEVER
    change: Pair = NEVER


RULES = (
    Rule(
        "distinct_2",
        "Rationales use fewer and fewer different phrases",
        "Cap repetition with `selection.max_near_duplicates`, raise `decoding.temperature`, or mix in rationales that "
        "people wrote (`mix.real`).",
        change=DISTINCT_FALL,
    ),
    Rule(
        "near_duplicates",
        "Rationales repeat one another",
        "Set `selection.max_near_duplicates`; `stop.max_duplicate_share` ends a run that gets there.",
        above=NEAR_DUPLICATES,
        change=DUPLICATES_RISE,
    ),
    Rule(
        "forgotten",
        "Problems that were solved are not solved any more",
        "Keep older rationales (`selection.keep_iterations`, `selection.replay`); `stop.max_forgotten` ends a run that "
        "forgets.",
        above=FORGOTTEN,
    ),
    Rule(
        "easiest_decile",
        "Training data comes from the easiest problems",
        "Set `selection.balance: difficulty` or `selection.max_per_problem`.",
        above=EASIEST_DECILE,
    ),
    Rule(
        "reference_perplexity",
        "The model forgets text outside of the task",
        "Mix in real text (`mix.real`), lower `train.lr` or `train.epochs`.",
        change=PERPLEXITY_RISE,
    ),
    Rule(
        "false_positives",
        "Right answers come from wrong working",
        "Set `selection.require_sound_steps: true`, and read some of them below.",
        above=FALSE_POSITIVES,
        change=FALSE_POSITIVES_RISE,
    ),
    Rule(
        "hint_leaks",
        "Rationalizations lean on the hint instead of deriving the answer",
        "Lower `selection.max_rationalized_share` or `rationalization.probability`, and read some of them below.",
        above=HINT_LEAKS,
    ),
    Rule(
        "vote_error",
        "How many samples agree says little about being right",
        "Do not take the majority for the truth here (`selection.accept: correct`).",
        above=VOTE_ERROR,
    ),
)
"""Those on one signal. Those on several are functions below."""


def findings(rows: Sequence[Row]) -> list[Finding]:
    """What the metrics of the iterations so far, in their order, amount to: the worst first; nothing for no rows."""
    found: list[Finding] = []
    if rows:
        found += _accuracy(rows)
        found += _collapse(rows)
        for rule in RULES:
            found += _judge(rule, rows)
        found += _plateau(rows)
        found += _transfer(rows)
    return sorted(found, key=lambda finding: LEVELS.index(finding.level))


def summary(found: Sequence[Finding]) -> tuple[Level, str]:
    """The worst level, and one sentence for all findings."""
    counts = {level: sum(finding.level == level for finding in found) for level in LEVELS}
    alarms, watched = counts["alarm"], counts["watch"]
    also = f" and {watched} more to watch" if watched else ""
    if alarms:
        return "alarm", f"Not as it stands: {alarms} alarm{'s' * (alarms > 1)}{also}."
    if watched:
        return "watch", f"With care: no alarm, {watched} thing{'s' * (watched > 1)} to watch."
    return "fine", f"Nothing that was measured speaks against it ({counts['fine']} checks)."


def value_text(signal: Signal, value: float) -> str:
    """A value of a signal as people read it.

    >>> value_text(BY_NAME["near_duplicates"], 0.1234)
    '12.3%'
    """
    if signal.unit == "share":
        return f"{value:.1%}"
    if signal.unit == "count":
        return f"{value:,.0f}"
    return f"{value:.1f}" if signal.unit == "words" else f"{value:.3g}"


def history(rows: Iterable[Row], name: str) -> list[tuple[int, float]]:
    """Iteration and value of a signal, where it was measured."""
    values = ((row["iteration"], row.get("audit", {}).get(name)) for row in rows)
    return [(number, value) for number, value in values if value is not None and math.isfinite(value)]


def held_out(row: Row) -> dict[str, float]:
    """The score of an iteration on all held-out problems: few-shot where both ways were run."""
    return row["accuracy"][min(row["accuracy"])]["all"]


def _judge(rule: Rule, rows: Sequence[Row]) -> Iterator[Finding]:
    """What a rule on one signal says of the last iteration."""
    values = history(rows, rule.signal)
    if not values or values[-1][0] != rows[-1]["iteration"]:
        return
    signal = BY_NAME[rule.signal]
    (began, first), (_, last) = values[0], values[-1]
    level = min(_beyond(last, rule.above), _beyond_change(signal, first, last, rule.change), key=LEVELS.index)
    numbers = f"{signal.title} {value_text(signal, last)}"
    if len(values) > 1:
        numbers += f" now, {value_text(signal, first)} in {_iteration(began)}"
    if level == "fine":
        yield Finding(level, signal.name, f"{numbers[0].upper()}{numbers[1:]}.", "")
    else:
        yield Finding(level, signal.name, f"{rule.trouble}: {numbers}.", rule.do)


def _beyond(value: float, limits: Pair) -> Level:
    watch, alarm = limits
    return "alarm" if value > alarm else "watch" if value > watch else "fine"


def _beyond_change(signal: Signal, first: float, last: float, limits: Pair) -> Level:
    if first == last or (signal.unit == "share" and max(first, last) < LEAST_SHARE):
        return "fine"
    change = last / first - 1 if first else math.inf
    return _beyond(-change, (-limits[0], -limits[1])) if limits[0] < 0 else _beyond(change, limits)


def _accuracy(rows: Sequence[Row]) -> Iterator[Finding]:
    """Held-out accuracy against its best and against the base model, beyond what chance explains (95% intervals)."""
    best, last = max(rows, key=lambda row: held_out(row)["accuracy"]), rows[-1]
    if last.get("train_steps") == 0:  # the base model again (`method: curate`)
        return
    top, base, now = held_out(best), held_out(rows[0]), held_out(last)
    numbers = f"{now['accuracy']:.1%} now, {top['accuracy']:.1%} in {_iteration(best['iteration'])}"
    if now["accuracy"] < top["low"]:
        level: Level = "alarm" if now["high"] < top["low"] else "watch"
        keep = (
            f"Use {_iteration(best['iteration'])} instead of the last; `stop.patience` would have ended the run there."
        )
        yield Finding(level, "accuracy", f"Held-out accuracy fell from its best: {numbers}.", keep)
    elif last is not rows[0] and base["accuracy"] < 1 and now["accuracy"] <= base["high"]:
        says = f"Held-out accuracy is no better than the base model's, as far as {now['total']:,} answers can tell"
        do = "Evaluate on more held-out problems, and look at what was trained on."
        yield Finding("watch", "accuracy", f"{says}: {now['accuracy']:.1%}, base {base['accuracy']:.1%}.", do)
    else:
        says = f"Held-out accuracy is {now['accuracy']:.1%}, {base['accuracy']:.1%} in the base model."
        yield Finding("fine", "accuracy", says, "")


def _collapse(rows: Sequence[Row]) -> Iterator[Finding]:
    """The pattern of a loop that learns its own output: training loss falls while held-out accuracy falls."""
    trained = [row for row in rows if "train_loss_last" in row][-COLLAPSE_SPAN:]
    if len(trained) < COLLAPSE_SPAN or trained[-1] is not rows[-1]:
        return
    losses, scores = [row["train_loss_last"] for row in trained], [held_out(row) for row in trained]
    numbers = (
        f"since {_iteration(trained[0]['iteration'])}, training loss went from {losses[0]:.3g} to {losses[-1]:.3g}, "
        f"held-out accuracy from {scores[0]['accuracy']:.1%} to {scores[-1]['accuracy']:.1%}"
    )
    if not (_falls(losses) and _falls([score["accuracy"] for score in scores])):
        yield Finding("fine", "train_loss", f"Training loss and accuracy do not part: {numbers}.", "")
        return
    level: Level = "alarm" if scores[-1]["accuracy"] < scores[0]["low"] else "watch"
    do = (
        "This is what collapse looks like. Tie the loop to reality: `mix.real`, `selection.keep_iterations: all`, "
        "`selection.accept: correct`; `stop.patience` ends it in time."
    )
    yield Finding(level, "train_loss", f"The model fits its own data ever better, and the task worse: {numbers}.", do)


def _falls(values: Sequence[float]) -> bool:
    return all(later < earlier for earlier, later in pairwise(values))


def _plateau(rows: Sequence[Row]) -> Iterator[Finding]:
    """Whether problems are still solved for the first time, as long as there are any left."""
    new, ever = history(rows, "newly_solved"), history(rows, "ever_solved")
    if not new or not ever or new[-1][0] != rows[-1]["iteration"] or ever[-1][0] != new[-1][0]:
        return
    left = 1 - ever[-1][1]
    if left > 0 and len(new) >= PLATEAU and not any(count for _, count in new[-PLATEAU:]):
        says = f"No problem was solved for the first time in {PLATEAU} iterations, and {left:.1%} are not solved yet."
        do = "More samples (`decoding.samples`, `decoding.temperature`) or rationalization; or `stop.min_new_solved`."
        yield Finding("watch", "newly_solved", says, do)
    else:
        says = f"{new[-1][1]:,.0f} problems were solved for the first time, {left:.1%} are left."
        yield Finding("fine", "newly_solved", says, "")


def _transfer(rows: Sequence[Row]) -> Iterator[Finding]:
    """Whether what was learned with a hint is known without it (Zelikman et al. 2022, section 4)."""
    last = rows[-1].get("audit", {})
    plain, hinted = last.get("learned_plain"), last.get("learned_rationalized")
    if plain is None or hinted is None:
        return
    numbers = (
        f"{hinted:.1%} of the problems learned from them are solved now, {plain:.1%} of those learned without help"
    )
    if plain - hinted > TRANSFER_GAP:
        do = "Lower `selection.max_rationalized_share`, or look at hint leaks and false positives among them."
        yield Finding("watch", "learned_rationalized", f"Rationalizations teach little: {numbers}.", do)
    else:
        yield Finding("fine", "learned_rationalized", f"Rationalizations teach: {numbers}.", "")


def _iteration(number: int) -> str:
    return f"iteration {number}" if number else "the base model"
