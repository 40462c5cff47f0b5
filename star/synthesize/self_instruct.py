"""The model continues a list of problems (Self-Instruct: Wang et al. 2022, https://arxiv.org/abs/2212.10560).

    Come up with a series of problems:

    Problem 1: What is 12 + 34?
    ...
    Problem 8: What is 30 + 41?
    Problem 9:

The list is that of the paper's appendix (its table of prompts), of problems in the place of tasks: 6 that were given
and 2 that a model wrote, shuffled. A chat model is asked in words to go on with the list.
"""

from __future__ import annotations

import heapq
import random
import re
from collections.abc import Sequence

from star.errors import UserError
from star.overlap import Protected
from star.prompts import PromptBuilder
from star.recipe import Audit, Decoding, SelfInstructSynthesis
from star.records import Problem, Prompt
from star.synthesize.base import Asked, Draft, Sources, Writer
from star.tasks import Task

TITLE = "Come up with a series of problems:"
_HEADING = re.compile(r"^[ \t]*Problem[ \t]+[0-9]{1,4}:", re.MULTILINE)


class SelfInstruct(Writer):
    """See the top of this file."""

    settings: SelfInstructSynthesis

    def __init__(self, settings: SelfInstructSynthesis, task: Task, prompts: PromptBuilder, context: int | None):
        super().__init__(settings, task, prompts, context)
        self.listed = settings.human + settings.machine
        words = "|".join(map(re.escape, settings.keywords))
        self._keyword = re.compile(rf"\b(?:{words})\b", re.IGNORECASE) if words else None

    @property
    def decoding(self) -> Decoding:
        if self.settings.decoding.stop is not None:
            return self.settings.decoding
        after = f"Problem {self.listed + self.settings.new + 1}:"
        stop = [after] if self.prompts.settings.chat else ["\n\n", after]
        return self.settings.decoding.model_copy(update={"stop": stop})

    @property
    def most(self) -> int:
        return super().most * self.settings.new

    def check(self, train: Sequence[Problem], protected: Protected, audit: Audit) -> list[str]:
        """See `Writer.check`. A prompt that is too long lists fewer problems."""
        self.require_questions()
        longest = heapq.nlargest(self.listed, train, key=lambda problem: len(problem.question))
        if not self.fits(alone := self._render(longest[:1])):
            raise UserError(
                f"synthesize: a prompt that lists only {longest[0].id} has {self.tokens(alone)} tokens, and with "
                f"synthesize.decoding.max_new_tokens {self.decoding.max_new_tokens} that is more than the model's "
                f"context of {self.context}; make that smaller, or use a model with a longer context"
            )
        if self.fits(self._render(longest)):
            return []
        return [
            f"a prompt of the longest questions has no room for synthesize.human + machine = {self.listed} of them; "
            "such prompts list fewer"
        ]

    def ask(self, id: str, seed: int, sources: Sources) -> Asked:
        rng = random.Random(seed)
        machine = min(self.settings.machine, len(sources.pool))
        human = min(self.listed - machine, len(sources.train))
        shown = [sources.pool[place] for place in rng.sample(range(len(sources.pool)), machine)]
        shown += [sources.train[place] for place in rng.sample(range(len(sources.train)), human)]
        rng.shuffle(shown)
        while len(shown) > 1 and not self.fits(self._render(shown)):
            shown.remove(max(shown, key=lambda problem: len(problem.question)))
        return Asked(Prompt(id, self._render(shown)), tuple(problem.id for problem in shown))

    def read(self, asked: Asked, text: str, is_cut_off: bool) -> list[Draft]:
        parts = _HEADING.split(text)
        if not parts[0].strip() or (self.prompts.settings.chat and len(parts) > 1):
            parts = parts[1:]  # nothing, or what a chat model says before its list
        questions = [" ".join(part.split()) for part in parts]
        drafts = [Draft(question, rejected=self._why_not(question)) for question in questions if question]
        if is_cut_off and drafts:
            drafts[-1] = Draft(drafts[-1].question, rejected="cut_off")
        return drafts[: self.settings.new]

    def can_show(self, problem: Problem) -> bool:
        """See `Writer.can_show`: it has to fit at least alone, since later prompts may list it."""
        return self.fits(self._render([problem]))

    def _why_not(self, question: str) -> str:
        return "ill_formed" if self._keyword and self._keyword.search(question) else ""

    def _render(self, shown: Sequence[Problem]) -> str:
        lines = [f"Problem {place}: {' '.join(problem.question.split())}" for place, problem in enumerate(shown, 1)]
        first, last = len(shown) + 1, len(shown) + self.settings.new
        head = f"{TITLE}\n\n" + "\n".join(lines)
        if not self.prompts.settings.chat:
            return f"{head}\nProblem {first}:"
        wish = f"Go on with this list: write problems {first} to {last}, each on a line of its own."
        return self.prompts.request(f"{head}\n\n{wish}")
