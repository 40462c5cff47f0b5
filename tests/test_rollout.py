"""Waves, order and resumption, with a sampler that obeys the protocol and counts what it was asked."""

import dataclasses
from functools import partial

import pytest

from star.processes import Alone
from star.recipe import Decoding, load_recipe
from star.records import Attempt, Completion, Problem, Prompt, derive_seed
from star.rollout import Wave, rollout
from star.store import Journal
from star.tasks import build_task


class Answering:
    """Answers every prompt with its problem's number, which is right for even ones; dies at a given call."""

    def __init__(self, dies_at=None):
        self.calls, self.dies_at = [], dies_at

    def text(self, number):
        return f"#### {number // 2 * 2}"

    def use(self, adapter, name): ...

    def release(self): ...

    def sample(self, prompts, decoding, seed):
        self.calls.append([prompt.problem_id for prompt in prompts])
        if len(self.calls) == self.dies_at:
            raise KeyboardInterrupt
        return [
            Completion(p.problem_id, k, self.text(int(p.problem_id)), 4, "eos", derive_seed(seed, p.problem_id, k), "m")
            for p in prompts
            for k in range(decoding.samples)
        ]


class Working(Answering):
    """Answers as above, with a step that is right in problem 0, wrong in problems 1 and 2, and none in the others."""

    def text(self, number):
        step = ["2 + 2 = 4", "2 + 2 = 5", "1 + 1 = 2. 2 + 2 = 5", *["So"] * 7][number]
        return f"{step}.\n{super().text(number)}"


@pytest.fixture
def go(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text("name: x\ntask: {kind: gsm8k}\nmodel: {path: gpt2}\n")
    task = build_task(load_recipe(path))
    from star.prompts import PromptBuilder

    builder = PromptBuilder(task, load_recipe(path).prompt, None)
    problems = [Problem(str(i), "gsm8k", f"{i}?", str(i)) for i in range(10)]

    def run(name, sampler, samples=2, render=None):
        journal = Journal(tmp_path / name)
        decoding = Decoding(temperature=1.0, samples=samples)
        prompts = partial(builder.prompts, hinted=False, exemplars=False) if render is None else render
        rollout(
            problems,
            lambda part: Wave(prompts(part), decoding, seed=1, adapter=None, model="m", problems=part),
            task=task,
            sampler=sampler,
            world=Alone(),
            samples=samples,
            wave=4,
            journal=journal,
            label="test",
        )
        return list(journal.rows())

    return run


def test_attempts_are_judged_and_saved_in_the_order_of_the_problems(go):
    rows = go("a", sampler := Answering())
    assert [len(call) for call in sampler.calls] == [4, 4, 2]
    assert [(r["problem"]["id"], r["completion"]["sample_index"]) for r in rows] == [
        (str(i), k) for i in range(10) for k in range(2)
    ]
    assert [r["verdict"]["status"] for r in rows[::2]] == ["correct", "wrong"] * 5


def test_the_steps_of_every_attempt_are_checked_whatever_its_answer(go):
    rows = go("a", Working(), samples=1)
    assert [(row["steps_checked"], row["steps_wrong"]) for row in rows[:4]] == [(1, 0), (1, 1), (2, 1), (0, 0)]
    assert [row["verdict"]["status"] for row in rows[:3]] == ["correct", "wrong", "correct"]
    assert [Attempt.from_dict(row).is_false_positive for row in rows[:4]] == [False, False, True, False]


@pytest.mark.parametrize("dies_at", [1, 2, 3])
def test_an_interrupted_rollout_loses_one_wave_and_ends_with_the_same_rows(go, dies_at):
    with pytest.raises(KeyboardInterrupt):
        go("a", Answering(dies_at))
    again = Answering()
    assert go("a", again) == go("b", Answering())
    assert len(again.calls) == 3 - (dies_at - 1)


def test_the_prompts_of_a_wave_are_made_when_it_is_sampled_and_not_before(go):
    sampler, made = Answering(dies_at=2), []

    def render(problems):
        made.extend(problem.id for problem in problems)
        return [Prompt(problem.id, problem.question) for problem in problems]

    with pytest.raises(KeyboardInterrupt):
        go("a", sampler, render=render)
    assert made == [str(i) for i in range(8)]


def test_completions_name_their_seed(go):
    seeds = [row["completion"]["seed"] for row in go("a", Answering())]
    assert len(set(seeds)) == len(seeds)
    assert dataclasses.is_dataclass(Completion)
