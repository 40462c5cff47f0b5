"""How an example and the attempt behind it become a row of an exported data set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from star.audit.provenance import Conditions, lesson_source, parse_id
from star.cards.columns import COLUMNS, TEXTS
from star.cards.render import base_name
from star.records import Attempt, Example, Problem

if TYPE_CHECKING:
    from datasets import Features


def features() -> Features:
    """The columns as `datasets` declares them."""
    from datasets import Features, List, Value

    return Features({c.name: List(Value("string")) if c.type == TEXTS else Value(c.type) for c in COLUMNS})


def to_row(example: Example, attempt: Attempt | None, conditions: Conditions, times_learned: int) -> dict[str, Any]:
    """One row.

    Args:
        attempt: behind the example; `None` for what no model wrote, whose columns about sampling are null.
        conditions: of the iteration in which it was made.
    """
    address = parse_id(example.attempt_id)
    row: dict[str, Any] = dict.fromkeys(column.name for column in COLUMNS)
    row |= {
        "prompt": example.prompt,
        "completion": example.target,
        "attempt_id": example.attempt_id,
        "kind": address.kind,
        "iteration": example.iteration or None,
        "times_learned": times_learned,
        "rationalized": example.rationalized,
        "recipe_sha256": conditions.facts.get("recipe_sha256"),
    }
    if address.kind == "real":
        row |= {"source": address.problem_id, "source_revision": conditions.revision(address.problem_id)[0]}
        return row
    if example.is_lesson:
        row |= {"source": lesson_source(address.problem_id), **_of_writer(conditions)}
        return row
    problem = attempt.problem if attempt else conditions.ground_truth(address.problem_id, example)
    row |= {"problem_id": address.problem_id}
    if isinstance(problem, Problem):
        row |= _of_problem(problem, conditions)
    if attempt:
        row |= _of_attempt(attempt, conditions)
        if attempt.prompt.hinted:
            row |= {"hint": attempt.problem.answer, "kept_hint": conditions.shows_hint(example.prompt, attempt.problem)}
    return row


def _of_problem(problem: Problem, conditions: Conditions) -> dict[str, Any]:
    return {
        "question": problem.question,
        "choices": list(problem.choices),
        "answer": problem.answer,
        "answer_source": problem.answer_source,
        "passage": problem.meta.get("text") if problem.answer_source == "document" else None,
        "group": problem.group,
        "task": problem.task,
        "source": problem.source,
        "source_revision": conditions.revision(problem.source)[0],
        "parents": list(problem.parents),
    }


def _of_writer(conditions: Conditions) -> dict[str, Any]:
    writer = conditions.writer
    return {
        "model": writer.name,
        "adapter_sha256": writer.adapter_sha256,
        "base_model": base_name(conditions.recipe, writer.base_model)[0],
        "base_model_sha256": writer.base_model_sha256,
    }


def _of_attempt(attempt: Attempt, conditions: Conditions) -> dict[str, Any]:
    completion, verdict, decoding = attempt.completion, attempt.verdict, conditions.decoding
    found = _of_writer(conditions) | {
        "sampling_prompt": attempt.prompt.text,
        "sampled_text": completion.text,
        "seed": completion.seed,
        "sample_index": completion.sample_index,
        "finish_reason": completion.finish_reason,
        "num_tokens": completion.num_tokens,
        "verdict": verdict.status,
        "verdict_answer": verdict.answer,
        "verdict_detail": verdict.detail,
        "verifier": conditions.facts.get("verifier"),
        "steps_checked": attempt.steps_checked,
        "steps_wrong": attempt.steps_wrong,
        "filters": [one.name for one in conditions.filters],
    }
    if decoding:
        found |= {name: getattr(decoding, name) for name in ("temperature", "top_p", "top_k", "max_new_tokens", "stop")}
    return found
