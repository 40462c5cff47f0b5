"""How problems become prompts: exemplars before the question, the hint where there is one, the chat template around it.

Training prompts are made here too, so that there is one place to look for what the model sees, and one place that
could leak a hint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jinja2 import TemplateError

from star.errors import UserError
from star.recipe import Prompting, Recipe
from star.records import ChatText, Problem, Prompt
from star.tasks import Task, load_exemplars

SEPARATOR = "\n\n"
"""Between exemplars, and between the last one and the question."""


class PromptBuilder:
    """Renders prompts for one task.

    Args:
        task: says how a question reads, plain and hinted.
        settings: the recipe's `prompt` section.
        tokenizer: its chat template is used when `prompt.chat` is set.
        direct: whether exemplars show bare answers instead of rationales (`method: direct`).

    Raises:
        UserError: bad exemplars, or `prompt.chat` with a tokenizer that has no chat template.
    """

    def __init__(self, task: Task, settings: Prompting, tokenizer: Any, direct: bool = False):
        self.task, self.settings, self.tokenizer = task, settings, tokenizer
        exemplars = load_exemplars(settings.exemplars, task, settings.shots) if settings.exemplars else []
        self.exemplars = [(p, task.bare_answer(p) if direct else task.clean(rationale)) for p, rationale in exemplars]
        if settings.chat and not tokenizer.chat_template:
            raise UserError(
                f"prompt.chat = True: the tokenizer of {tokenizer.name_or_path or 'this model'} has no chat template; "
                "use prompt.chat: false, or a model that has one"
            )

    def prompts(self, problems: Sequence[Problem], hinted: bool, exemplars: bool) -> list[Prompt]:
        """One prompt for each problem; a hinted one shows the answer, and its exemplars show theirs."""
        return [Prompt(p.id, self._render(p, hinted, exemplars), hinted) for p in problems]

    def training_turns(self, question: str, keep_hint: bool = False) -> list[dict[str, str]]:
        """The turns of a training prompt that ends in `question`, with `prompt.chat`: `role` and `content` of each."""
        return self._turns(self._shown(keep_hint, self.settings.train_with), question)

    def training_prompt(self, problem: Problem, keep_hint: bool = False) -> str:
        """What stands before the rationale in training: never the hint, unless the recipe keeps some."""
        return self._render(problem, keep_hint, self.settings.train_with)

    def exemplar_target(self, problem: Problem, rationale: str) -> str:
        """An exemplar's rationale as it stands behind its question: a blank between the two where a line goes on."""
        goes_on = not self.settings.chat and not self.task.question(problem, hinted=False).endswith(("\n", " "))
        return f" {rationale}" if goes_on else rationale

    def solution_target(self, problem: Problem, solution: str) -> str:
        """A worked solution as a completion would have it: like the exemplars, or, as the starter, without a blank."""
        cleaned = self.task.clean(solution)
        return self.exemplar_target(problem, cleaned) if self.exemplars else cleaned

    def training_target(self, completion: str) -> str:
        """What is learned: the completion as the task cleans it, no white space at its end (EOS is added later)."""
        return self.task.clean(completion).rstrip()

    def direct_target(self, problem: Problem) -> str:
        """What is learned without a rationale: the bare ground truth."""
        return self.exemplar_target(problem, self.task.bare_answer(problem))

    def _render(self, problem: Problem, hinted: bool, exemplars: bool) -> str:
        shown, question = self._shown(hinted, exemplars), self.task.question(problem, hinted)
        if self.settings.chat:
            return self.chat(self._turns(shown, question))
        return SEPARATOR.join([*("".join(turn) for turn in shown), question])

    def _shown(self, hinted: bool, exemplars: bool) -> list[tuple[str, str]]:
        """Question and answer of the exemplars, if they are shown."""
        shown = self.exemplars if exemplars else []
        return [(self.task.question(p, hinted), self.exemplar_target(p, rationale)) for p, rationale in shown]

    def _turns(self, shown: list[tuple[str, str]], question: str) -> list[dict[str, str]]:
        messages = [{"role": "system", "content": self.settings.system}] if self.settings.system else []
        for asked, answered in shown:
            messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]
        return [*messages, {"role": "user", "content": question}]

    def request(self, text: str) -> str:
        """A prompt in other words than the task's: without exemplars, through the chat template with `prompt.chat`."""
        return self.chat(self.request_turns(text)) if self.settings.chat else text

    def request_turns(self, text: str) -> list[dict[str, str]]:
        """The turns of such a prompt, with `prompt.chat`."""
        return self._turns([], text)

    def chat(self, messages: list[dict[str, str]]) -> ChatText:
        """These turns through the tokenizer's chat template, up to where the model's turn begins.

        Raises:
            UserError: the template refuses them.
        """
        try:
            text = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        except TemplateError as error:
            roles = ", ".join(message["role"] for message in messages)
            raise UserError(
                f"prompt.chat = True: the model's chat template refuses the turns {roles}: {error}; "
                "leave out prompt.system or prompt.exemplars"
            ) from error
        return ChatText(text, tuple((message["role"], message["content"]) for message in messages))


def samples_with_exemplars(recipe: Recipe, iteration: int, hinted: bool) -> bool:
    """Whether prompts show the exemplars when iteration `iteration` samples.

    Hinted prompts are never trained on, so only exemplars can tell a model what a hint is: those keep them.
    """
    when = recipe.prompt.sample_with
    shown = when == "always" or (when == "first" and (hinted or iteration == 1))
    return shown and recipe.prompt.exemplars is not None and recipe.prompt.shots != 0


def evaluates_with_exemplars(recipe: Recipe, iteration: int) -> list[bool]:
    """The same for evaluation of the model that iteration `iteration` made (0: the base); two entries for `both`.

    By default a model is evaluated as it will be sampled from.
    """
    if recipe.evaluation.exemplars:
        return {"with": [True], "without": [False], "both": [True, False]}[recipe.evaluation.exemplars]
    return [samples_with_exemplars(recipe, iteration + 1, hinted=False)]
