"""Attempt the held-out problems and score them, in a folder of its own, where a killed evaluation goes on.

    ROOT/KIND-KEY/003/  subject.json  evaluation-few-shot.jsonl  results.json  MANIFEST.json
                        evaluation-best-of.jsonl  evaluation-best-of-scores.jsonl  where a verifier ranks

`KEY` stands for everything but the adapters, `003` for the iteration: evaluations that compare are side by side.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from star.clock import clock
from star.console import console
from star.errors import UserError
from star.evaluation.subject import Subject
from star.facts import exemplars_hash, machine_facts
from star.files import Rows, make_folder, read_json
from star.preflight import base_tokenizer
from star.processes import Alone
from star.prompts import PromptBuilder
from star.ranker import Ranker
from star.recipe import Decoding, Recipe, recipe_hash
from star.records import Attempt, Problem, derive_seed, model_name
from star.rollout import Wave, rollout
from star.sample import Sampler, open_sampler, tokens_in_flight
from star.scores import held_out_scores
from star.store import Iteration
from star.store.manifest import read_manifest, require_intact
from star.store.owner import own
from star.tasks import Task, build_task, load_held_out, problems_hash


@dataclass(frozen=True)
class Evaluation:
    """A finished one.

    Attributes:
        folder: where it is.
        recipe: problems, prompts and decoding.
        results: what `results.json` holds: `scores` by evaluation mode, and all that they stand on.
    """

    folder: Path
    recipe: Recipe
    results: dict[str, Any]

    def attempts(self, mode: str) -> Rows[Attempt]:
        """The attempts behind the scores of one evaluation mode."""
        return Rows(self.folder / f"evaluation-{mode}.jsonl", Attempt)


def score(subject: Subject, root: Path | None = None) -> Evaluation:
    """Score a model, or read the results if they are there.

    Args:
        root: where evaluations are kept; the subject's by default.

    Raises:
        UserError: bad data, a prompt that is too long, files that are not what was written, or an unfinished evaluation
            of another adapter.
    """
    recipe = subject.recipe
    task = build_task(recipe)
    held_out = load_held_out(recipe, task)
    prompts = PromptBuilder(task, recipe.prompt, base_tokenizer(recipe, task)[0], direct=recipe.method == "direct")
    decides = {
        "task": task.name,
        "recipe_sha256": recipe_hash(recipe),
        "base_model": subject.checkpoint.name,
        "base_model_sha256": subject.checkpoint.fingerprint(),
        "problems_sha256": problems_hash(held_out),
        "exemplars_sha256": exemplars_hash(prompts),
        "verifier": task.verifier.version,
    }
    key = hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:12]
    folder = (root or subject.root) / f"{task.name}-{key}"
    make_folder(folder)
    facts = {**decides, "model": model_name(subject.number), **_adapters(subject)}
    final = folder / f"{subject.number:03d}"
    if recipe.evaluation.best_of and subject.verifier is None:
        console.print("note: there is no verifier to rank with, so evaluation.best_of is left aside", markup=False)
    with own(folder):
        if not final.exists():
            facts |= machine_facts(recipe.model)
            clock.take()  # what came before is no part of it
            iteration = Iteration(folder, subject.number, facts)
            _require_same_adapters(iteration, subject)
            sampler = open_sampler(recipe, subject.checkpoint, tokens_in_flight(recipe, subject.checkpoint), folder)
            scores = _scores(iteration, subject, task, prompts, held_out, sampler)
            settings = {**_settings(recipe, task), "problems": len(held_out)}
            iteration.json("results", lambda: {**facts, **settings, "scores": scores})
            iteration.finish()
            sampler.release()
    return Evaluation(final, recipe, _read(final, facts))


def _adapters(subject: Subject) -> dict[str, Any]:
    """What an evaluation is made with that its folder's name does not say."""
    verifier = subject.verifier
    ranked_by = verifier and {"model": model_name(verifier.number), "sha256": verifier.sha256}
    return {"adapter_sha256": subject.adapter_sha256, "ranked_by": ranked_by}


def _require_same_adapters(iteration: Iteration, subject: Subject) -> None:
    """What was begun with one adapter must not go on with another: the folder's name says only which iteration."""
    now = _adapters(subject)
    begun = iteration.json("subject", lambda: now)
    if begun["adapter_sha256"] != subject.adapter_sha256:
        raise UserError(
            f"{iteration.folder}: an unfinished evaluation of an adapter with hash {begun['adapter_sha256']}, and that "
            f"of {model_name(subject.number)} has {subject.adapter_sha256}; delete {iteration.folder}, "
            "or give another --out"
        )
    if (before := begun.get("ranked_by")) != now["ranked_by"]:
        raise UserError(
            f"{iteration.folder}: an unfinished evaluation that was ranked by {_shown(before)}, not by "
            f"{_shown(now['ranked_by'])}; delete {iteration.folder}, or give another --out"
        )


def _scores(
    iteration: Iteration,
    subject: Subject,
    task: Task,
    prompts: PromptBuilder,
    held_out: Sequence[Problem],
    sampler: Sampler,
) -> dict[str, dict[str, Any]]:
    """Stages: as a run's own evaluation of that iteration, which has the same seeds."""
    recipe, number, model = subject.recipe, subject.number, model_name(subject.number)

    def sample(stage: str, decoding: Decoding, exemplars: bool) -> Rows[Attempt]:
        seed, resolved = derive_seed(recipe.seed, number, stage), task.with_stop(decoding)

        def wave_of(part: Sequence[Problem]) -> Wave:
            return Wave(prompts.prompts(part, False, exemplars), resolved, seed, subject.adapter, model, part)

        produce = partial(
            rollout,
            held_out,
            wave_of,
            task=task,
            sampler=sampler,
            world=Alone(),
            samples=decoding.samples,
            wave=recipe.sampler.wave,
            label=f"{model}: {stage.removeprefix('evaluation-')}",
        )
        return iteration.rows(stage, lambda journal: produce(journal=journal), Attempt)

    def rank(stage: str, attempts: Rows[Attempt]) -> Iterator[tuple[Attempt, float | None]]:
        sampler.release()  # there may be no room for two models
        ranker = Ranker(recipe, subject.checkpoint, prompts, Alone())
        return ranker.rank(iteration, stage, attempts, subject.verifier.adapter)

    return held_out_scores(recipe, number, sample, task.meaning, rank if subject.verifier else None)


def _settings(recipe: Recipe, task: Task) -> dict[str, Any]:
    """What of the recipe tells one evaluation from another, in full."""
    several = recipe.best_of_decoding
    return {
        "task_settings": recipe.task.model_dump(mode="json"),
        "prompt": recipe.prompt.model_dump(mode="json"),
        "decoding": task.with_stop(recipe.evaluation_decoding).model_dump(mode="json"),
        "best_of_decoding": several and task.with_stop(several).model_dump(mode="json"),
        "seed": recipe.seed,
    }


def _read(folder: Path, facts: dict[str, Any]) -> dict[str, Any]:
    remedy = f"delete {folder}, and the same command makes it again"
    require_intact(folder, read_manifest(folder)["files"], remedy)
    results = read_json(folder / "results.json")
    if results["adapter_sha256"] != facts["adapter_sha256"]:
        raise UserError(f"{folder}: these are the results of another adapter of {facts['model']}; {remedy}")
    if (before := results.get("ranked_by")) != facts["ranked_by"]:
        ours = _shown(facts["ranked_by"])
        raise UserError(f"{folder}: these results were ranked by {_shown(before)}, not by {ours}; {remedy}")
    return results


def _shown(ranked_by: dict[str, str] | None) -> str:
    """The learned verifier of an evaluation, in words."""
    return f"the verifier of {ranked_by['model']} with hash {ranked_by['sha256']}" if ranked_by else "no verifier"
