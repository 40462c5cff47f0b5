"""Drift: how well each model still predicts real text, and how far it has gone from the base model.

The texts are chosen and turned into tokens before a run begins, the same ones for every iteration. A target is cut
after `LONGEST_TARGET` tokens, or where the model's context ends; a text without a token to predict is left out.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from star.errors import UserError
from star.files import file_sha256
from star.models import Checkpoint, choose_device, choose_dtype, encode_prompt, encode_target
from star.models.scoring import LONGEST_TARGET, Passage, score
from star.prompts import PromptBuilder
from star.recipe import Recipe
from star.records import Problem, derive_seed
from star.tasks.dataset import text_field
from star.tasks.source import read_paragraphs, read_rows

SOLUTIONS = "worked solutions of held-out problems"


class Text(NamedTuple):
    """What is to be predicted, and what stands before it; a paragraph of a text file has no prompt."""

    prompt: str
    target: str


@dataclass(frozen=True)
class Reference:
    """The texts of a run.

    Attributes:
        texts, passages: each text, and what is read of it.
        source: where they come from, in words.
        files: the file that they come from, with its SHA-256.
        cut, left_out: how many texts are not read to their end, or not at all.
        missing: why there are no texts.
    """

    texts: Sequence[Text] = ()
    passages: Sequence[Passage] = ()
    source: str = ""
    files: dict[str, str] = field(default_factory=dict)
    cut: int = 0
    left_out: int = 0
    missing: str = ""

    def example(self) -> tuple[str, str]:
        """One of them with a title, or why there is none."""
        if self.missing:
            return "no reference text", self.missing
        prompt, target = self.texts[0]
        return f"reference text, 1 of {len(self.texts)}", f"{prompt}[predicted:]{target}"

    def sha256(self) -> str:
        """Of all texts."""
        return hashlib.sha256(json.dumps(self.texts).encode()).hexdigest()


def load_reference(
    recipe: Recipe, prompts: PromptBuilder, held_out: Sequence[Problem], context: int | None
) -> Reference:
    """The texts that `audit.reference` names, or worked solutions; `audit.reference_texts` of them.

    Raises:
        UserError: a file that cannot be read or has no such texts, or none that can be predicted.
    """
    path, count = recipe.audit.reference, recipe.audit.reference_texts
    if count == 0:
        return Reference(missing="audit.reference_texts is 0")
    every = list(_solutions(prompts, held_out) if path is None else _read(Path(path)))
    if not every:
        return Reference(
            missing=f"task {recipe.task.kind} has no worked solutions here; name real text as audit.reference"
        )
    files = {} if path is None else {path: file_sha256(Path(path))}
    source = SOLUTIONS if path is None else f"{path} (SHA-256 {files[path]})"
    texts = random.Random(derive_seed(recipe.seed, "reference")).sample(every, min(count, len(every)))
    whole = [_encode(text, prompts.tokenizer, recipe.prompt.chat) for text in texts]
    read = [_fitting(passage, context) for passage in whole]
    passages = [passage for passage in read if passage.predicted]
    if not passages:
        why = f"none of {len(texts)} texts has a token to predict (the model's context is {context or 'unlimited'})"
        if path is None:
            return Reference(missing=f"{SOLUTIONS}: {why}")
        raise UserError(f"audit.reference = {path!r}: {why}; give other text, or shorter prompts")
    cut = sum(len(part.target) < len(full.target) for part, full in zip(read, whole, strict=True) if part.predicted)
    return Reference(texts, passages, source, files, cut, len(texts) - len(passages))


def reference_signals(
    recipe: Recipe, checkpoint: Checkpoint, adapter: Path | None, reference: Reference
) -> dict[str, Any]:
    """What `reference.json` holds: `source`, number of `texts`, those `cut` and `left_out`, and the fields of `Scores`;
    or `missing`, the reason why there are none."""
    if reference.missing:
        return {"missing": reference.missing}
    if recipe.method == "curate":
        return {"missing": "no model is trained (method: curate)"}
    device = choose_device(recipe.model)
    scores = score(checkpoint, adapter, choose_dtype(recipe.model, device), device, reference.passages)
    if not all(map(math.isfinite, scores)):  # JSON has no word for it
        return {"missing": f"the model gives the texts no finite probability (perplexity {scores.perplexity})"}
    counts = {"texts": len(reference.passages), "cut": reference.cut, "left_out": reference.left_out}
    return {"source": reference.source, **counts, **scores._asdict()}


def _solutions(prompts: PromptBuilder, held_out: Sequence[Problem]) -> Iterator[Text]:
    """Held-out problems that have a worked solution, as training would have them."""
    for problem, solution in zip(held_out, prompts.task.solutions(held_out), strict=True):
        if solution:
            yield Text(prompts.training_prompt(problem), prompts.solution_target(problem, solution))


def _read(path: Path) -> Iterator[Text]:
    """The texts of a file, each word for word.

    Raises:
        UserError: it has none, or a row without a prompt and a target.
    """
    if path.suffix not in (".jsonl", ".json", ".txt") or not path.is_file():
        what = "neither .jsonl nor .txt" if path.is_file() else "there is no such file"
        raise UserError(
            f"audit.reference = {str(path)!r}: {what}; give a JSONL file with 'prompt' and 'target' in each row, "
            "or a .txt file, a paragraph each"
        )
    if path.suffix == ".txt":
        yield from _paragraphs(path)
        return
    for place, row in read_rows(path):
        for key in Text._fields:
            text_field(row, key, place)
        yield Text(str(row["prompt"]), str(row["target"]))


def _paragraphs(path: Path) -> Iterator[Text]:
    """What stands between blank lines."""
    texts = [Text("", paragraph) for _, paragraph in read_paragraphs(path)]
    if not texts:
        raise UserError(f"{path}: the file has no text; give one with paragraphs, a blank line between two")
    yield from texts


def _encode(text: Text, tokenizer: Any, chat: bool) -> Passage:
    """A text as tokens: as training has it or, for a paragraph, behind nothing but the tokenizer's first token."""
    if text.prompt:
        return Passage(encode_prompt(tokenizer, text.prompt, chat), encode_target(tokenizer, text.target))
    start = encode_prompt(tokenizer, "", chat=False)
    return Passage(start, tokenizer(text.target, add_special_tokens=False)["input_ids"])


def _fitting(passage: Passage, context: int | None) -> Passage:
    """The passage with as much of its target as is read."""
    room = LONGEST_TARGET if context is None else max(0, min(LONGEST_TARGET, context - len(passage.prompt)))
    return Passage(passage.prompt, passage.target[:room])
