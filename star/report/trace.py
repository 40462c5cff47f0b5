"""A trace, and a replay, on the console."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from star.console import console
from star.report.table import printable

MARKS = {True: "passed", False: "FAILED"}
"""What a filter made of an attempt; those that it may not have come to are not shown."""
LABEL = 16
"""Columns of a label."""


def print_trace(chain: dict[str, Any]) -> None:
    """Print what `star.audit.trace` found, one fact a line. No text in it can do anything to a terminal."""
    say(chain["id"])
    for line in _fate(chain["fate"]):
        say(f"  {line}")
    for title, part in (
        ("problem", _problem(chain["problem"])),
        ("written by", _model(chain["model"])),
        ("sampling", _sampling(chain["sampling"])),
        ("prompt", _text(chain["prompt"])),
        ("what the model wrote", _completion(chain["completion"])),
        ("verdict", _verdict(chain)),
        ("hint", _hint(chain["hint"])),
        ("filters", _filters(chain["filters"])),
        ("lesson", _lesson(chain["lesson"])),
        ("training example", _example(chain["example"])),
    ):
        if lines := list(part):
            say(f"\n{title}")
            for line in lines:
                say(f"  {line}")


def print_json(chain: dict[str, Any]) -> None:
    """Print it as JSON, in characters that every terminal takes for text."""
    console.print(json.dumps(chain, indent=2), markup=False, emoji=False)


def say(line: str) -> None:
    """Print a line as it is: no markup, no emoji codes, no control characters."""
    console.print("\n".join(map(printable, line.split("\n"))), markup=False, emoji=False)


def quoted(text: str) -> Iterator[str]:
    """The lines of a text, marked as such; one that has none is marked too."""
    return (f"| {line}" for line in text.split("\n"))


def _row(label: str, value: Any) -> str:
    return f"{label:<{LABEL}}{value}"


def _fate(fate: dict[str, Any]) -> Iterator[str]:
    if not fate["trained_on"]:
        yield f"not trained on: {fate['why']}" + (f" ({fate['reason']})" if fate["reason"] else "")
    for use in fate["trained_on"]:
        carried = ", carried along" if use["carried"] else ""
        yield f"in the training data of iteration {use['iteration']}{carried}: {_learned(use)}"


def _learned(use: dict[str, Any]) -> str:
    if use["too_long"]:
        return "left out, being longer than the model's context"
    if use["steps"] is None:
        return "not known yet in which steps"
    if not use["steps"]:
        return f"in none of its {use['of_steps']} steps, which did not get through all examples"
    steps = ", ".join(map(str, use["steps"]))
    return f"learned in step{'s' * (len(use['steps']) > 1)} {steps} of {use['of_steps']}"


def _problem(problem: dict[str, Any]) -> Iterator[str]:
    if problem["id"]:
        yield _row("id", problem["id"])
    if "missing" in problem:
        yield _row("unknown", problem["missing"])
        return
    yield _row("source", f"{problem['source']} ({problem['revision'] or 'generated, or of no known revision'})")
    if "question" in problem:
        first, *more = problem["question"].split("\n")
        yield _row("question", first)
        yield from (_row("", line) for line in more)
        if problem["choices"]:
            yield _row("choices", "; ".join(problem["choices"]))
        yield _row("answer", problem["answer"])
        yield _row("group", problem["group"])
    yield _row("ground truth", problem["answer_source_in_words"])
    if problem.get("parents"):
        yield _row("made from", ", ".join(problem["parents"]))
    if written := problem.get("written"):
        yield from _written(written)


def _written(written: dict[str, Any]) -> Iterator[str]:
    """Of a problem that a model wrote."""
    if written["tally"]:
        votes = ", ".join(f"{votes} for {answer}" for answer, votes in written["tally"].items())
        yield _row("votes", f"{votes}; of {written['votes']}")
    yield _row("written by", f"{written['model']}, seed {written['seed']}, in {written['id']}")
    yield from quoted(written["text"] or "")


def _lesson(lesson: dict[str, Any] | None) -> Iterator[str]:
    for name, value in (lesson or {}).items():
        if name in ("prompt", "text"):
            yield f"{name}:"
            yield from quoted(value)
        else:
            yield _row(name, ", ".join(value) if isinstance(value, list) else value)


def _model(model: dict[str, Any] | None) -> Iterator[str]:
    if model is None:
        return
    yield _row("model", model["name"])
    yield _row("adapter", f"SHA-256 {model['adapter_sha256']}" if model["adapter_sha256"] else "none: the base model")
    yield _row("base model", f"{model['base_model']} (SHA-256 {model['base_model_sha256']})")


def _sampling(sampling: dict[str, Any] | None) -> Iterator[str]:
    if sampling is None:
        return
    if sampling["decoding"] is None:
        yield _row("settings", "unknown: the recipe of this iteration is not in the run directory")
    for name, value in (sampling["decoding"] or {}).items():
        yield _row(name, repr(value) if name == "stop" else value)
    yield _row("seed", f"{sampling['seed']} (sample {sampling['sample_index']} of stage seed {sampling['stage_seed']})")
    where = f"{sampling['dtype']} on {sampling['device']}, threads: {sampling['threads']}"
    yield _row("computed in", f"{where}, sampler: {sampling['sampler']}")
    yield _row("versions", ", ".join(f"{name} {version}" for name, version in (sampling["versions"] or {}).items()))


def _text(prompt: dict[str, Any] | None) -> Iterator[str]:
    if prompt is not None:
        yield from quoted(prompt["text"])


def _completion(completion: dict[str, Any] | None) -> Iterator[str]:
    if completion is not None:
        yield from quoted(completion["text"])
        yield f"({completion['num_tokens']} tokens, ended by {completion['finish_reason']})"


def _verdict(chain: dict[str, Any]) -> Iterator[str]:
    verdict, steps = chain["verdict"], chain["steps"]
    if verdict is None:
        return
    yield _row("status", f"{verdict['status']}{': ' * bool(verdict['detail'])}{verdict['detail']}")
    yield _row("final answer", verdict["answer"] if verdict["answer"] is not None else "none")
    yield _row("steps", f"{steps['checked']} could be checked, {steps['wrong']} are certainly wrong")
    yield _row("verifier", verdict["verifier"])


def _hint(hint: dict[str, Any] | None) -> Iterator[str]:
    if hint is None:
        return
    yield f"the prompt showed the answer {hint['answer']}"
    words = {True: "shows it too (rationalization.keep_hint)", False: "does not show it", None: "is not to be seen"}
    yield f"the training prompt {words[hint['kept_in_training']]}"


def _filters(filters: list[dict[str, Any]]) -> Iterator[str]:
    for one in (one for one in filters if one["passed"] is not None):
        setting = f" ({one['setting']})" if one["setting"] else ""
        yield f"{MARKS[one['passed']]:<8}{one['name']}: {one['meaning']}{setting}"


def _example(example: dict[str, Any] | None) -> Iterator[str]:
    if example is not None:
        yield from quoted(example["prompt"])
        yield "learned:"
        yield from quoted(example["target"])
