"""The chain that leads from a training example back to its problem: what `star trace` shows."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from star.audit.filters import REJECTED, VERDICT
from star.audit.find import Found, Use, find
from star.audit.provenance import ANSWER_SOURCES, lesson_source
from star.audit.written import written_by
from star.records import Attempt
from star.store import Artefacts, Store

Chain = dict[str, Any]


def trace(folder: Path, id: str) -> Chain:
    """Everything that led to an example, or to an attempt that was not trained on, as an object for JSON.

    Its keys, `None` where there is no such thing (nobody wrote a ground truth or real text):
    `id`; `fate`, see `fate_of`; `problem` with its source, what that was (`revision`) and the line in it;
    `model` that wrote it, with hashes; `prompt`, exactly; `sampling`: settings, seeds and machine; `completion`;
    `verdict`, with the verifier's version; `steps` of the working that were checked; `hint`, of a rationalization;
    `filters` that it passed (`True`), failed (`False`) or may not have come to (`None`); `example`, as learned.

    Raises:
        UserError: no run, no such example, or a file that is not what was written.
    """
    store = Store.existing(folder)
    found = find(store, id)
    attempt, conditions = found.attempt, found.conditions
    example = found.uses[0].example if found.uses else None
    fate = fate_of(found)
    return {
        "id": id,
        "run": str(folder),
        "fate": fate,
        "problem": _problem(found),
        "model": asdict(conditions.writer) if attempt else None,
        "prompt": {"text": attempt.prompt.text, "hinted": attempt.prompt.hinted} if attempt else None,
        "sampling": _sampling(found) if attempt else None,
        "completion": _completion(attempt) if attempt else None,
        "verdict": {**asdict(attempt.verdict), "verifier": conditions.facts.get("verifier")} if attempt else None,
        "steps": {"checked": attempt.steps_checked, "wrong": attempt.steps_wrong} if attempt else None,
        "hint": _hint(found) if attempt and attempt.prompt.hinted else None,
        "filters": _filters(found, fate["what"]) if attempt else [],
        "lesson": _lesson(store, found) if found.address.kind == "lesson" else None,
        "example": example.to_dict() if example else None,
        "recipe_sha256": conditions.facts.get("recipe_sha256"),
    }


def fate_of(found: Found) -> Chain:
    """What became of it: `what` is `trained`, `rejected` (by its verdict), `dropped` (by a filter, named by `reason`),
    `pending` or `unknown`; `why` says it in words, and `trained_on` lists the iterations."""
    used = [_use(use) for use in found.uses]
    if used:
        return {"what": "trained", "reason": None, "why": "it is in the training data", "trained_on": used}
    what, reason, why = _not_trained(found)
    return {"what": what, "reason": reason, "why": why, "trained_on": []}


def _not_trained(found: Found) -> tuple[str, str | None, str]:
    verdict, filters, recipe = found.attempt.verdict, found.conditions.filters, found.conditions.recipe
    accept = recipe.selection.accept if recipe else "correct"
    if found.dropped:
        words = {one.reason: one.failed for one in filters}
        return "dropped", found.dropped, words.get(found.dropped, f"it was left out ({found.dropped})")
    if not found.is_selected:
        return "pending", None, "its iteration has not chosen yet what to train on"
    if accept == "majority":
        return "rejected", "outvoted", filters[0].failed
    if accept == "correct" and not verdict.accepted:
        return "rejected", verdict.status, REJECTED[verdict.status]
    return "unknown", None, "the run did not record why"


def _use(use: Use) -> Chain:
    return {
        "iteration": use.iteration,
        "carried": 0 < use.example.iteration < use.iteration,
        "steps": use.steps,
        "of_steps": use.of_steps,
        "too_long": use.is_too_long,
    }


def _problem(found: Found) -> Chain:
    """The problem; of real text, only where it stands, and of a ground truth, what is in the data today."""
    conditions, id = found.conditions, found.address.problem_id
    if found.address.kind == "real":
        revision, line = conditions.revision(id)
        return {"id": None, "source": id, "revision": revision, "line": line, "answer_source": "gold",
                "answer_source_in_words": "written by people, or given with the problem"}  # fmt: skip
    if found.address.kind == "lesson":
        return {"id": None, "source": lesson_source(id), "revision": None, "line": None, "answer_source": None,
                "answer_source_in_words": "a lesson has none; its numbers were checked"}  # fmt: skip
    problem = found.attempt.problem if found.attempt else conditions.ground_truth(id, found.uses[0].example)
    if isinstance(problem, str):
        return {"id": id, "missing": problem}
    revision, line = conditions.revision(problem.source)
    words = ANSWER_SOURCES.get(problem.answer_source, problem.answer_source)
    lists = {"choices": list(problem.choices), "parents": list(problem.parents)}
    told = {"revision": revision, "line": line, "answer_source_in_words": words}
    written = written_by(conditions.artefacts, problem)
    return {**problem.to_dict(), **lists, **told, **({"written": written} if written else {})}


def _lesson(store: Store, found: Found) -> Chain:
    """What a lesson was written from, and the whole text that it is part of."""
    made, written = Artefacts(store, found.uses[0].iteration), found.address.problem_id
    lesson = next(row for row in made.rows("lessons") if row["id"] == found.id)
    text = next(row for row in made.rows("written") if row["id"] == written)
    said = {name: text[name] for name in ("prompt", "text", "seed", "num_tokens", "finish_reason")}
    return {name: value for name, value in lesson.items() if name not in ("id", "reason", "target", "prompt")} | said


def _sampling(found: Found) -> Chain:
    """How the text was sampled: `decoding` of the recipe with stop strings, seeds, and what it ran on."""
    conditions, completion = found.conditions, found.attempt.completion
    decoding, recipe = conditions.decoding, conditions.recipe
    return {
        "decoding": decoding.model_dump(mode="json") if decoding else None,
        "sampler": conditions.own_sampler or (recipe.sampler.kind if recipe else None),
        "chat": recipe.prompt.chat if recipe else None,
        "seed": completion.seed,
        "stage_seed": conditions.stage_seed(found.address.kind),
        "sample_index": completion.sample_index,
        **{fact: conditions.facts.get(fact) for fact in ("dtype", "device", "threads", "versions")},
    }


def _completion(attempt: Attempt) -> Chain:
    completion = attempt.completion
    return {name: getattr(completion, name) for name in ("text", "num_tokens", "finish_reason")}


def _hint(found: Found) -> Chain:
    """The answer that the prompt showed, and whether the training prompt shows it, as it reads."""
    problem, shows = found.attempt.problem, found.conditions.shows_hint
    kept = shows(found.uses[0].example.prompt, problem) if found.uses else None
    return {"answer": problem.answer, "kept_in_training": kept}


def _filters(found: Found, what: str) -> list[Chain]:
    """The filters of the recipe, and what each made of this attempt."""
    failed = {"dropped": found.dropped, "rejected": VERDICT}.get(what)
    rows = []
    for one in found.conditions.filters:
        passed = True if what == "trained" else False if one.reason == failed else None
        words = one.failed if passed is False else one.passed
        rows.append({"name": one.reason, "setting": one.setting, "passed": passed, "meaning": words})
    return rows
