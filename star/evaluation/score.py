"""Attempt the held-out problems and score them, in a folder of its own, where a killed evaluation goes on.

    ROOT/KIND-KEY/003/  subject.json  evaluation-few-shot.jsonl  results.json  MANIFEST.json
                        evaluation-best-of.jsonl  evaluation-best-of-scores.jsonl  where a verifier ranks

`KEY` stands for everything but the model's adapter, `003` for the iteration: evaluations that compare are side by side.
A learned verifier that ranks is part of `KEY`: what it ranked is never taken for what another or none did.
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
from star.evaluation.subject import LearnedVerifier, Subject, without_ranking
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
        UserError: bad data, a prompt that is too long, files that are not what was written, an unfinished evaluation of
            another adapter, or nothing ranks where that was asked for.
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
    verifier, decides = _ranked(subject, root or subject.root, decides)
    folder = _folder(root or subject.root, decides)
    make_folder(folder)
    model = {"model": model_name(subject.number), "adapter_sha256": subject.adapter_sha256}
    facts = {"ranked_by": None, **decides, **model}
    final = folder / f"{subject.number:03d}"
    with own(folder):
        if not final.exists():
            facts |= machine_facts(recipe.model)
            clock.take()  # what came before is no part of it
            iteration = Iteration(folder, subject.number, facts)
            _require_same_weights(iteration, subject)
            sampler = open_sampler(recipe, subject.checkpoint, tokens_in_flight(recipe, subject.checkpoint), folder)
            scores = _scores(iteration, subject, verifier, task, prompts, held_out, sampler)
            settings = {**_settings(recipe, task), "problems": len(held_out)}
            iteration.json("results", lambda: {**facts, **settings, "scores": scores})
            iteration.finish()
            sampler.release()
    return Evaluation(final, recipe, _read(final, facts, verifier))


def _ranked(subject: Subject, root: Path, decides: dict[str, Any]) -> tuple[LearnedVerifier | None, dict[str, Any]]:
    """The verifier that ranks, or whose finished work is there although it was not kept, and what decides then."""
    for verifier in subject.verifiers:
        ranked_by = {"model": model_name(verifier.number), "sha256": verifier.sha256}
        ranked = {**decides, "ranked_by": ranked_by}
        if verifier.kept or (_folder(root, ranked) / f"{subject.number:03d}").exists():
            return verifier, ranked
    best_of = subject.recipe.evaluation.best_of
    if subject.must_rank:
        gone = ", ".join(str(verifier.adapter) for verifier in subject.verifiers)
        raise UserError(
            f"--best-of {best_of.samples}: the weights of {gone} were not kept (recipe key keep), so nothing can rank "
            f"{model_name(subject.number)}, and {root} has no finished evaluation of this kind that was ranked before; "
            f"{without_ranking(best_of.samples)}"
        )
    if best_of:
        console.print("note: there is no verifier to rank with, so evaluation.best_of is left aside", markup=False)
    return None, decides


def _folder(root: Path, decides: dict[str, Any]) -> Path:
    """Where evaluations are that the same decides."""
    key = hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:12]
    return root / f"{decides['task']}-{key}"


def _require_same_weights(iteration: Iteration, subject: Subject) -> None:
    """What was begun with one adapter must not go on with another: the folder's name says only which iteration."""
    begun = iteration.json("subject", lambda: {"adapter_sha256": subject.adapter_sha256})["adapter_sha256"]
    if begun != subject.adapter_sha256:
        raise UserError(
            f"{iteration.folder}: an unfinished evaluation of an adapter with hash {begun}, and that of "
            f"{model_name(subject.number)} has {subject.adapter_sha256}; delete {iteration.folder}, "
            "or give another --out"
        )


def _scores(
    iteration: Iteration,
    subject: Subject,
    verifier: LearnedVerifier | None,
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
        return ranker.rank(iteration, stage, attempts, verifier.adapter)

    return held_out_scores(recipe, number, sample, task.meaning, rank if verifier else None)


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


def _read(folder: Path, facts: dict[str, Any], verifier: LearnedVerifier | None) -> dict[str, Any]:
    remedy = f"delete {folder}, and the same command makes it again"
    if verifier and not verifier.kept:
        remedy = f"delete {folder} to score without {verifier.adapter}, which ranked this and was not kept"
    require_intact(folder, read_manifest(folder)["files"], remedy)
    results = read_json(folder / "results.json")
    if results["adapter_sha256"] != facts["adapter_sha256"]:
        raise UserError(f"{folder}: these are the results of another adapter of {facts['model']}; {remedy}")
    return results
