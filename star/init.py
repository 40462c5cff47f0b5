"""`star init`: three questions, a look at the data, and a recipe that `star run` takes as it is."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from star.console import console, errors
from star.errors import UserError, shown
from star.files import write_text
from star.recipe import load_recipe
from star.tasks import build_task
from star.tasks.guess import Guess, guess
from star.verify import VERIFIERS

MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
"""Small enough for a laptop."""
Answer = TypeVar("Answer")

RECIPE = """\
# {name}: {rows} problems of {data}. Every key, with its default: docs/recipe.md.
#   star run RECIPE --dry-run         checks everything, shows a plain, a hinted and a training prompt
#   star run RECIPE limit=20          a quick look, on 20 problems of each group, to train and to evaluate on
name: {quoted}
iterations: 3                  # sample, verify, rationalize, fine-tune: this many times

task:
  kind: jsonl
  train: {train}
  held_out_share: 0.1          # never trained on, for evaluation; or held_out: FILE
  fields: {fields}
{gold}  verifier: {verifier}  # {why}
{labels}  # the answer is what stands behind ####, so prompts ask for that
  prompt: {prompt}
  hint: {hint}
  stop: ["\\nQ:"]

model:
  {source}: {model}

prompt:
  chat: {chat}  # through the model's chat template
  # exemplars: FILE            # worked examples; a model that is not tuned to instructions needs some

decoding:
  max_new_tokens: 256          # a rationale that is longer is cut off, and not trained on

evaluation:
  problems: 200                # at most; the same ones in every iteration

train:
  lr: 1.0e-4
  epochs: 2                    # over what was accepted
"""
ASK = "Think step by step, and end with the final answer alone, behind ####."
SHOW = "The answer is {answer}. Write the steps that lead to it, and end with the answer alone, behind ####."


def write_recipe(data: str | None, model: str | None, verifier: str | None, out: Path | None, defaults: bool) -> Path:
    """Ask for what is not given, and write a recipe; returns where it is.

    Args:
        data, model, verifier: answers that are given already.
        out: the recipe's path; by default it is called like the data.
        defaults: take the defaults of the questions that have one.

    Raises:
        UserError: an answer is missing or wrong, or the recipe is there already.
    """
    if out is not None:
        _require_new(out)
    found = _ask("Your problems, a JSONL file (one JSON object a line)", data, None, lambda text: guess(Path(text)))
    console.print(
        f"  {found.rows} problems; first: {shown(found.example[0])}, answer {shown(found.example[1])}", markup=False
    )
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", found.path.stem).strip("-._") or "my-problems"
    path = out or Path(f"{name}.yaml")
    _require_new(path)
    chosen = _ask("Base model (a hub id, a folder or a .gguf file)", model, MODEL, _model, defaults)
    question = f"How answers are compared ({', '.join(VERIFIERS)}; {found.why})"
    compared = _ask(question, verifier, found.verifier, lambda text: _verifier(text, found), defaults)
    write_text(path, _text(found, name, chosen, compared))
    try:
        build_task(load_recipe(path))
    except UserError:
        path.unlink()
        raise
    return path


def _ask(
    question: str,
    given: str | None,
    default: str | None,
    check: Callable[[str], Answer],
    defaults: bool = False,
) -> Answer:
    """The checked answer to a question. On a terminal a wrong one is asked for again."""
    if given is not None:
        return check(given)
    if defaults and default is not None:
        return check(default)
    while True:
        console.print(f"{question}{f' [{default}]' if default else ''}: ", markup=False, end="")
        try:
            answer = input().strip() or default
        except EOFError:
            console.print()
            raise UserError(f"no answer to: {question}; give it here, or as an option (star init --help)") from None
        try:
            if answer is None:
                raise UserError("this has no default")
            return check(answer)
        except UserError as error:
            if not sys.stdin.isatty():
                raise
            errors.print(f"  {error}", markup=False)


def _require_new(path: Path) -> None:
    if path.exists():
        raise UserError(f"{path}: is there already, and is not overwritten; give another one as --out FILE")
    if not path.absolute().parent.is_dir():
        raise UserError(f"{path}: there is no folder {path.parent}; make it, or give another one as --out FILE")


def _model(text: str) -> str:
    """A model that is, or may be, there: a hub is not asked."""
    path = Path(text).expanduser()
    local = text.startswith((".", "/", "~")) or text.count("/") > 1 or text.endswith(".gguf")
    if local and not path.exists():
        raise UserError(
            f"{text}: there is no such folder or file; give the folder of a model, a .gguf file or a hub id"
        )
    return text


def _verifier(text: str, found: Guess) -> str:
    if text not in VERIFIERS:
        raise UserError(f"{text}: no verifier of that name; there are {', '.join(VERIFIERS)}")
    if text == "choice" and not found.has_choices:
        raise UserError(f"choice: it needs a field `choices` in every row of {found.path}")
    return text


def _text(found: Guess, name: str, model: str, verifier: str) -> str:
    """The recipe."""
    choices = "\n{choices}" if found.has_choices else ""
    chat = _is_chat(model)
    before, after = ("", "") if chat else ("Q: ", "\nA:")
    return RECIPE.format(
        name=name,
        quoted=json.dumps(name),
        rows=found.rows,
        data=shown(found.path.name),
        train=json.dumps(str(found.path), ensure_ascii=False),
        fields=json.dumps(found.fields, ensure_ascii=False),
        gold=_line("gold_pattern", _quoted(found.gold_pattern)) if found.gold_pattern else "",
        verifier=verifier,
        why=found.why if verifier == found.verifier else "as you said",
        labels=_line("labels", json.dumps(found.answers, ensure_ascii=False)) if verifier == "label" else "",
        prompt=json.dumps(f"{before}{{question}}{choices}\n{ASK}{after}"),
        hint=json.dumps(f"{before}{{question}}{choices}\n{SHOW}{after}"),
        source="gguf" if model.endswith(".gguf") else "path",
        model=json.dumps(model, ensure_ascii=False),
        chat=str(chat).lower(),
    )


def _line(key: str, value: str) -> str:
    return f"  {key}: {value}\n"


def _quoted(text: str) -> str:
    """As YAML has it where a backslash is a backslash."""
    return "'" + text.replace("'", "''") + "'"


def _is_chat(model: str) -> bool:
    """Whether a model has a chat template: by its files or, of one that is not here, by its name."""
    folder = Path(model).expanduser()
    if folder.is_dir():
        settings = folder / "tokenizer_config.json"
        return (folder / "chat_template.jinja").is_file() or (
            settings.is_file() and "chat_template" in settings.read_text(encoding="utf-8", errors="replace")
        )
    return re.search(r"instruct|chat|-it\b", model, re.IGNORECASE) is not None
