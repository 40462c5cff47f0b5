"""A sampler that is made up but keeps the protocol: what it writes follows from seeds alone."""

from __future__ import annotations

import os
import random
import re
import signal
from collections.abc import Sequence
from pathlib import Path

from star import load_recipe, run
from star.records import Completion, derive_seed

ASKED = re.compile(r"What is (\d+) \+ (\d+)\?(?: \(\d+\))?\nA:$")


class Mathematician:
    """Goes on with a list of sums, and adds numbers, rightly in `skill` of all cases."""

    version = "1"

    def __init__(self, skill: float = 0.8, dies_at: str = ""):
        self.skill, self.dies_at, self.name = skill, dies_at, ""
        self.asked: list[str] = []

    def use(self, adapter, name):
        self.name = name

    def release(self): ...

    def sample(self, prompts, decoding, seed):
        return [
            self._complete(prompt, place, derive_seed(seed, prompt.problem_id, place))
            for prompt in prompts
            for place in range(decoding.samples)
        ]

    def _complete(self, prompt, place, seed):
        self.asked.append(prompt.problem_id)
        if prompt.problem_id == self.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        rng = random.Random(seed)
        asked = ASKED.search(prompt.text)
        text = self.answer(int(asked[1]), int(asked[2]), rng) if asked else self.write(prompt, rng)
        return Completion(prompt.problem_id, place, text, len(text.split()), "eos", seed, self.name)

    def answer(self, first, second, rng):
        wrong = rng.random() >= self.skill
        return f" {first} + {second} = {first + second}.\n#### {first + second + wrong}"

    def write(self, prompt, rng):
        lines = [f" {self.question(rng)}", *(f"Problem {n}: {self.question(rng)}" for n in range(10, 13))]
        return "\n".join(lines)

    def question(self, rng):
        return f"What is {rng.randrange(100, 1000)} + {rng.randrange(100, 1000)}?"


class Sloppy(Mathematician):
    """Always comes to the same wrong answer, by a step that anybody can see is wrong."""

    def answer(self, first, second, rng):
        return f" {first} + {second} = {first + second + (first >= 100)}.\n#### {first + second + (first >= 100)}"


class Turncoat(Mathematician):
    """Adds numbers of three digits wrongly until it is trained, and rightly from then on."""

    def answer(self, first, second, rng):
        wrong = first >= 100 and self.name == "base"
        return f" {first} + {second} = {first + second}.\n#### {first + second + wrong}"


def whole_run(recipe: Path, folder: Path, prompt: str, overrides: Sequence[str]) -> None:
    """Of a recipe that has problems written; it kills itself at a prompt, if there is one."""
    run(load_recipe(recipe, overrides), folder, sampler=Mathematician(dies_at=prompt))
