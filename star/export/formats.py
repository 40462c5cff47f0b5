"""The training data as other trainers read it: TRL and Axolotl, each as text and as conversations.

Prompts and completions are those that the run trained on; what a format cannot say is left out, but for the id that
`star trace` follows. TRL's formats: https://huggingface.co/docs/trl/dataset_formats (prompt-completion, standard and
conversational). Axolotl's: https://docs.axolotl.ai/docs/dataset-formats (`input_output` and `chat_template`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from star.audit.provenance import recipe_of
from star.cards.columns import LOAD, Column, Layout
from star.errors import UserError, shown
from star.models import load_tokenizer, recorded_checkpoint
from star.prompts import PromptBuilder
from star.recipe import Recipe
from star.store import Artefacts, Store
from star.tasks import build_task

Row = dict[str, Any]
Message = dict[str, Any]
Turns = Callable[[str], list[Message]]
"""What makes the turns of a prompt from the question in it."""

QUESTION = "\ue000question\ue001"
"""Stands for a question where the text around it is looked for: characters for private use, which no data have."""

_ID = Column("attempt_id", "string", "id of the example, which star trace follows to its problem")
_PROMPT = "what stood before it in training"
_COMPLETION = "what was learned"
_SEGMENTS = "prompt and completion, special tokens and all, each with whether it is learned (label)"
_MESSAGES = "prompt and completion as turns, each with whether it is learned (train)"
_TURNS = "messages"
"""The type of a column that holds turns, each with role and content."""
FILE = "data/train.jsonl"
HERE = f"path: this-folder/{FILE}\n    ds_type: json"
"""Where Axolotl finds the file, in the card of an export."""


def on_hub(repo: str) -> str:
    """The same as `HERE`, for a data set on the hub (https://docs.axolotl.ai/docs/dataset_loading.html)."""
    return f"path: {json.dumps(repo)}\n    data_files: {FILE}"


class Format(NamedTuple):
    """How the folder looks, and what turns prompt and completion into a row."""

    layout: Layout
    to_row: Callable[[Texts, str, str], Row]


class Texts:
    """Prompts of one iteration as other trainers want them.

    Args:
        prompts: how they were made, where they are conversations that went through the tokenizer's chat template.

    Attributes:
        bos, end: text of the special tokens that the tokenizer puts before every text (none, with some), and of the one
            that ends what is learned.
    """

    def __init__(self, tokenizer: Any, prompts: PromptBuilder | None = None):
        first = tokenizer("a")["input_ids"][:1]
        self.bos = tokenizer.bos_token if first == [tokenizer.bos_token_id] else ""
        self.end, self.prompts = tokenizer.eos_token, prompts
        self._around = [(turns, *self._sides(turns)) for turns in self._kinds()] if prompts else []

    def _kinds(self) -> Iterator[Turns]:
        """What makes the turns of training prompts: without a hint, with one, and of lessons."""
        assert self.prompts
        yield from (partial(self.prompts.training_turns, keep_hint=hinted) for hinted in (False, True))
        yield self.prompts.request_turns

    def _sides(self, turns: Turns) -> tuple[str, str]:
        assert self.prompts
        before, _, after = self.prompts.chat(turns(QUESTION)).partition(QUESTION)
        return before, after

    def without_start(self, prompt: str) -> str:
        """The prompt for who puts the tokenizer's first token before it: a chat template may have written it."""
        return prompt.removeprefix(self.bos) if self.prompts else prompt

    def whole(self, prompt: str) -> str:
        """The prompt for who adds no special token at all."""
        return prompt if self.prompts else f"{self.bos}{prompt}"

    def turns(self, prompt: str) -> list[Message]:
        """The conversation that a prompt is: the one that the chat template makes this prompt of, or one question.

        Raises:
            UserError: the chat template makes another prompt of it today.
        """
        if self.prompts is None:
            return [{"role": "user", "content": prompt.strip()}]
        for turns_of, before, after in self._around:
            if prompt.startswith(before) and prompt.endswith(after):
                turns = turns_of(prompt[len(before) : len(prompt) - len(after)])
                if self.prompts.chat(turns) == prompt:
                    return turns
        raise UserError(
            f"the prompt {shown(prompt)} is not what the model's chat template makes of a question today; "
            "--format trl and --format axolotl take prompts as the text that they are"
        )

    def answer(self, completion: str) -> str:
        """The completion as a turn: without the blank that joins it to a prompt which is text."""
        return completion if self.prompts else completion.strip()


def texts_of(store: Store, number: int) -> Texts:
    """What iteration `number` made its prompts with.

    Raises:
        UserError: its tokenizer is not to be had, or its recipe.
    """
    iteration = Artefacts(store, number)
    if (recipe := recipe_of(store, iteration)) is None:
        raise UserError(f"{store.folder}: its recipe is not the one that iteration {number} was made with")
    task = build_task(recipe)
    tokenizer = _tokenizer(recipe, store)
    chat = PromptBuilder(task, recipe.prompt, tokenizer, recipe.method == "direct") if recipe.prompt.chat else None
    return Texts(tokenizer, chat)


def _tokenizer(recipe: Recipe, store: Store) -> Any:
    if recipe.model.starter is not None:
        from star.models.starter import starter_tokenizer

        return starter_tokenizer()
    recorded = store.read_run().get("base_model_sha256")
    return load_tokenizer(recorded_checkpoint(recipe, build_task(recipe), recorded, store.folder))


def _trl(texts: Texts, prompt: str, completion: str) -> Row:
    return {"prompt": texts.without_start(prompt), "completion": completion}


def _trl_chat(texts: Texts, prompt: str, completion: str) -> Row:
    return {"prompt": texts.turns(prompt), "completion": [_assistant(texts, completion)]}


def _axolotl(texts: Texts, prompt: str, completion: str) -> Row:
    segments = [(False, texts.whole(prompt)), (True, f"{completion}{texts.end}")]
    return {"segments": [{"label": is_learned, "text": text} for is_learned, text in segments]}


def _axolotl_chat(texts: Texts, prompt: str, completion: str) -> Row:
    asked = [{**turn, "train": False} for turn in texts.turns(prompt)]
    return {"messages": [*asked, {**_assistant(texts, completion), "train": True}]}


def _assistant(texts: Texts, completion: str) -> Message:
    return {"role": "assistant", "content": texts.answer(completion)}


def _jsonl(use: str, *columns: Column, language: str = "python") -> Layout:
    return Layout(FILE, (*columns, _ID), use, language)


_SFT = f"""{LOAD}
# then: trl.SFTTrainer(model, train_dataset=rows)"""
_INPUT_OUTPUT = f"""\
datasets:
  - {HERE}
    type: input_output
train_on_inputs: false"""
_CHAT_TEMPLATE = f"""\
datasets:
  - {HERE}
    type: chat_template
    field_messages: messages
    message_field_training: train
    roles_to_train: []"""

FORMATS = {
    "trl": Format(_jsonl(_SFT, Column("prompt", "string", _PROMPT), Column("completion", "string", _COMPLETION)), _trl),
    "trl-chat": Format(
        _jsonl(_SFT, Column("prompt", _TURNS, _PROMPT), Column("completion", _TURNS, _COMPLETION)), _trl_chat
    ),
    "axolotl": Format(_jsonl(_INPUT_OUTPUT, Column("segments", "segments", _SEGMENTS), language="yaml"), _axolotl),
    "axolotl-chat": Format(
        _jsonl(_CHAT_TEMPLATE, Column("messages", _TURNS, _MESSAGES), language="yaml"), _axolotl_chat
    ),
}
"""Formats of other trainers, by name."""
