"""Attempts at problems of GSM8K's kind, as an iteration would write them."""

import pytest

from star.records import Attempt, Completion, Problem, Prompt, Verdict


@pytest.fixture
def attempt():
    def attempt(problem, text=" 1 + 1 = 2\n#### 2", *, hinted=False, sample=0, steps=(1, 0), model="base"):
        answer = text.partition("#### ")[2] or None
        status = "correct" if answer == "2" else "wrong" if answer else "no_answer"
        question = Problem(problem, "gsm8k", f"What is {problem}?", "2", group="2 steps")
        prompt = Prompt(problem, f"Q: {question.question}{' (2)' * hinted}\nA:", hinted)
        completion = Completion(problem, sample, text, 5, "eos", 0, model)
        return Attempt(question, prompt, completion, Verdict(status, answer), *steps)

    return attempt
