"""Samplers that are made up but keep the protocol: one writes lessons, the other asks about passages."""

from __future__ import annotations

import re
from pathlib import Path

from star import load_recipe, run
from tests.synthesize.writing import Mathematician

PEOPLE = re.compile(r"(\w+) has (\d+) hens and (\w+) has (\d+) hens")


class Teacher(Mathematician):
    """Writes lessons, some of which have a fault, with an exercise whose answer is not always right."""

    def write(self, prompt, rng):
        a, b, c, d = (rng.randrange(100, 1000) for _ in range(4))
        lesson = rng.choice(
            [f"{a} + {b} = {a + b}."] * 4
            + [f"{a} + {b} = {a + b + 1}.", "Add them.", f"{a} + {b} = {a + b}. There are 7654321 more."]
        )
        answer = c + d + (rng.random() < 0.2)
        form = rng.choice([" {}\nExercise: {}\nAnswer: {}"] * 5 + [" {} {} {}"])
        return form.format(f"Ann has {a} hens and buys {b}.\n{lesson}", f"What is {c} + {d}?", answer)


class Asker(Mathematician):
    """Asks about a passage: what is in it, what can be computed from it, and what is not in it. Answers only if it sees
    the passage."""

    def _complete(self, prompt, place, seed):
        self.shown = PEOPLE.findall(prompt.text)
        return super()._complete(prompt, place, seed)

    def write(self, prompt, rng):
        if prompt.text.endswith("\nQuestion:"):
            return self.ask(rng, *self.shown[-1])
        return f" {self.solve(prompt.text.rpartition('Q: ')[2], rng)}"

    def ask(self, rng, first, hens, second, more):
        total = int(hens) + int(more)
        return rng.choice(
            [
                f" How many hens do {first} and {second} have?\nWorking: {hens} + {more} = {total}\nAnswer: {total}",
                f" How many hens has {second}?\nAnswer: {more}",
                f" Whom does {first} live with?\nAnswer: {second}",
                f" How old is {first}?\nAnswer: {total + 1}",
                f" How many hens do {first} and {second} have?\nAnswer: {total}",
                " No question at all.",
            ]
        )

    def solve(self, question, rng):
        if not self.shown:
            return "Nobody knows.\n#### 0"
        _, hens, second, more = self.shown[-1]
        right = {"How many hens do": int(hens) + int(more), "How many hens has": more, "Whom does": second}
        answer = next((answer for words, answer in right.items() if words in question), 3)
        return f"So it is.\n#### {answer if rng.random() < self.skill else 1}"


WRITERS = {"textbook": Teacher, "reshape": Asker}


def whole_run(path: Path, folder: Path, prompt: str = "") -> None:
    """Of a recipe that has lessons or questions written; it kills itself at a prompt, if there is one."""
    recipe = load_recipe(path)
    run(recipe, folder, sampler=WRITERS[recipe.synthesize.kind](dies_at=prompt))
