"""The card of an exported data set: what is in it, where it is from, what it passed, and what is wrong with it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from star.audit.filters import filters_of
from star.cards.columns import COLUMNS, PARQUET, Layout
from star.cards.licences import UNKNOWN, common_licence, licence_of
from star.cards.render import base_name, of, percent, render
from star.cards.signals import signal_lines
from star.drop import REASONS
from star.recipe import Recipe
from star.records import STATUSES, VOTED
from star.store import Artefacts
from star.sweep import SWEEP, choice_of

KINDS = {
    "plain": "rationales, sampled without help",
    "hinted": "rationalizations: written with the answer in sight, learned without it",
    "ground-truth": "bare ground truths (`method: direct`)",
    "real": "written by people, or given with problems (`mix.real`)",
    "lesson": "lessons that the model wrote: their numbers are checked, what else they say is not (`synthesize`)",
}
"""Kinds of rows, in words."""
SIZES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
)
"""Size categories of the hub, by the number of rows that they stay below."""

STAGES = ("sampled", *STATUSES, "outvoted", *REASONS, "trained")
"""What can become of an attempt (`star/audit/funnel.py`), in order."""

Row = dict[str, Any]


@dataclass
class Counts:
    """What is counted of rows as they go by."""

    rows: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    groups: Counter[str] = field(default_factory=Counter)
    iterations: Counter[int] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    sources: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    of_note: Counter[str] = field(default_factory=Counter)
    problems: set[bytes] = field(default_factory=set)

    def add(self, row: Row) -> None:
        """Count one row (see `columns.py`)."""
        self.rows += 1
        self.kinds[row["kind"]] += 1
        if row["group"] is not None:
            self.groups[row["group"]] += 1
        if row["iteration"] is not None:
            self.iterations[row["iteration"]] += 1
        if row["model"] is not None:
            self.models[row["model"]] += 1
        if row["source"] is not None:
            self.sources[_source(row), row["source_revision"]] += 1
        if row["problem_id"] is not None:
            self.problems.add(hashlib.blake2b(row["problem_id"].encode(), digest_size=8).digest())
        self.of_note += Counter(_of_note(row))


def _source(row: Row) -> str:
    """The source without its line; of a generator, as it is."""
    return row["source"].rpartition(":")[0] if row["source_revision"] else row["source"]


def _of_note(row: Row) -> Iterator[str]:
    """What the known limits are counted from."""
    if row["verdict"] is not None:
        yield "written"
        yield "checkable" if row["steps_checked"] else "unchecked"
        if row["steps_wrong"]:
            yield "wrong step"
        if row["verdict"] != "correct":
            yield "not right"
    if row["kept_hint"]:
        yield "kept hint"
    if row["answer_source"] == VOTED:
        yield "voted"
    if row["times_learned"]:
        yield "learned"


def dataset_card(iteration: Artefacts, recipe: Recipe, counts: Counts, layout: Layout = PARQUET) -> str:
    """The `README.md` of the training data of an iteration, with the metadata by which the hub and `datasets` read it.

    Raises:
        UserError: an artefact is not what was written.
    """
    audit, metrics, facts = iteration.json("audit"), iteration.json("metrics"), iteration.facts
    funnel = _funnel(audit, metrics)
    choice = choice_of(iteration.json(SWEEP))
    licences = {key: licence_of(*key) for key in counts.sources}
    return render(
        "dataset.md.j2",
        name=recipe.name if recipe.method == "curate" else f"{recipe.name}, iteration {iteration.number}",
        is_curated=recipe.method == "curate",
        number=iteration.number,
        size=next((name for limit, name in SIZES if counts.rows < limit), "n>10M"),
        columns=COLUMNS,
        layout=layout,
        counts=counts,
        kinds=[(KINDS[kind], counts.kinds[kind]) for kind in KINDS if counts.kinds[kind]],
        groups=sorted(counts.groups.items()) if set(counts.groups) != {"all"} else [],
        earlier=counts.rows - counts.iterations[iteration.number] - counts.kinds["real"],
        sources=[(*key, count, licences[key]) for key, count in sorted(counts.sources.items(), key=str)],
        licence=common_licence(licences.values()),
        base=base_name(recipe, facts["base_model"])[0],
        facts=facts,
        recipe=recipe,
        decoding=choice.decoding(recipe.decoding) if choice else recipe.decoding,
        filters=filters_of(iteration, recipe) if counts.of_note["written"] else (),
        funnel=funnel,
        stages=[stage for stage in STAGES if any(stage in found for found in funnel.values())],
        signals=signal_lines(audit),
        limits=list(_limits(recipe, counts, audit)),
    )


def _funnel(audit: dict[str, Any] | None, metrics: dict[str, Any]) -> dict[str, dict[str, int]]:
    """What became of the attempts of the iteration, by kind: those of an older run, as far as verdicts say."""
    if audit is not None:
        found = audit["funnel"]
    else:
        verdicts = metrics.get("verdicts", {})
        found = {kind: {"sampled": sum(counts.values()), **counts} for kind, counts in verdicts.items() if counts}
    return {kind: found[kind] for kind in ("plain", "hinted", VOTED) if found.get(kind)}


def _limits(recipe: Recipe, counts: Counts, audit: dict[str, Any] | None) -> Iterator[str]:
    """What the numbers say against it, a sentence each."""
    noted, written = counts.of_note, counts.of_note["written"]
    signals = (audit or {}).get("signals", {})
    if noted["not right"]:
        yield (
            f"{of(noted['not right'], written)} of the sampled rows do not end in the ground truth "
            f"(`selection.accept: {recipe.selection.accept}`)."
        )
    if noted["voted"]:
        yield (
            f"{of(noted['voted'], counts.rows)} rows are of problems that a model wrote, whose answer is what most of "
            f"several samples say (`answer_source: {VOTED}`): nobody knows whether it is right."
        )
    if noted["checkable"]:
        yield (
            f"{of(noted['wrong step'], noted['checkable'])} of the sampled rows with a step that can be checked have a "
            "step that is certainly wrong (`steps_wrong`): a right answer, and working that does not lead to it."
        )
    if noted["unchecked"]:
        yield (
            f"Of {of(noted['unchecked'], written)} sampled rows no step could be checked (`steps_checked` is 0): "
            "nothing is known of their working but its end."
        )
    if hinted := counts.kinds["hinted"]:
        yield (
            f"{of(hinted, counts.rows)} rows were written by a model that saw the answer (`rationalized`): they may "
            "justify it rather than find it."
        )
    if leaks := signals.get("hint_leaks"):
        yield f"{percent(leaks)} of the iteration's rationalizations mention the hint, or jump to its answer."
    if noted["kept hint"]:
        yield f"{of(noted['kept hint'], counts.rows)} training prompts show the answer (`kept_hint`)."
    if repeats := signals.get("near_duplicates"):
        yield f"{percent(repeats)} of the iteration's rationales nearly repeat an earlier one."
    if noted["learned"] < counts.rows and recipe.method != "curate":
        yield (
            f"Optimizer steps came to {of(noted['learned'], counts.rows)} rows; others (`times_learned` is 0) have no "
            "part in the iteration's model."
        )
    if audit is None:
        yield "It was not compared with held-out text; only questions were, word for word."
    else:
        yield "Overlap with held-out text is looked for by words, so that a paraphrase of it would not be found."
    if written:
        yield "Its texts were written by a model. A program verified their final answers, and can be wrong both ways."
    if UNKNOWN in {licence_of(*key) for key in counts.sources} or not counts.sources:
        yield "The licence of a source is not known to this program."
