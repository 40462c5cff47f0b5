"""Several data sets of reasoning-gym in one task."""

from collections import Counter

import pytest

from star.errors import UserError
from star.recipe import ReasoningGymTask
from star.tasks.reasoning_gym import ReasoningGym

pytest.importorskip("reasoning_gym")

MEMBERS = [
    {"name": "chain_sum", "weight": 2, "config": {"min_terms": 2, "max_terms": 2}},
    {"name": "jugs"},
    {"name": "game_of_life", "config": {"grid_size_x": 3, "grid_size_y": 3, "filled_cells": 4}},
    {"name": "boxnet", "weight": 0.5},
]


def task(datasets, train=24, held_out=4):
    settings = {"data_set": "composite", "train": train, "held_out": held_out, "timeout": 20.0}
    return ReasoningGym(ReasoningGymTask(kind="reasoning_gym", options={"datasets": datasets}, **settings))


@pytest.fixture(scope="module")
def mixed():
    made = task(MEMBERS)
    return made, made.problems("train")


def test_every_problem_is_from_a_member_and_accuracy_is_reported_by_it(mixed):
    _, train = mixed
    counts = Counter(problem.group for problem in train)
    assert set(counts) == {member["name"] for member in MEMBERS}
    assert max(counts, key=counts.get) == "chain_sum"
    assert all(problem.meta["data_set"] == problem.group for problem in train)
    assert all(problem.source.startswith(f"reasoning_gym:composite:{problem.group}:seed=") for problem in train)


def test_it_is_the_same_whenever_it_is_made(mixed):
    assert task(MEMBERS).problems("train") == mixed[1]


def test_an_answer_is_scored_as_its_own_data_set_would(mixed):
    made, train = mixed
    first = {problem.group: problem for problem in reversed(train)}
    sums, life, jugs, boxes = (first[name] for name in ("chain_sum", "game_of_life", "jugs", "boxnet"))
    cases = [
        (sums, f"{sums.answer}.0", "correct"),
        (jugs, jugs.answer, "correct"),
        (life, life.answer.replace(" ", ""), "correct"),
        (boxes, boxes.answer.replace(", A", ",\nA"), "correct"),
        (sums, "many", "no_answer"),
        (jugs, '["fill Z"]', "wrong"),
        (boxes, "[]", "wrong"),
        (life, "[" * 5_000, "no_answer"),
    ]
    verdicts = made.judge_all([(problem, f"<answer>{answer}</answer>") for problem, answer, _ in cases])
    assert [verdict.status for verdict in verdicts] == [status for *_, status in cases]


def test_it_says_which_members_reasoning_gym_scores_and_keeps_what_that_needs_for_no_other(mixed):
    made, train = mixed
    assert made.notice == "answers of jugs, boxnet are scored by reasoning-gym itself, in a worker"
    assert {problem.group for problem in train if "metadata" in problem.meta} == {"jugs", "boxnet"}
    assert task([{"name": "chain_sum"}]).notice == ""


@pytest.mark.parametrize(
    ("datasets", "message"),
    [
        (None, r"task.options.datasets = None: for a composite, give a list of data sets, as \[\{name: chain_sum"),
        ([], r"datasets = \[\]: for a composite"),
        ({"name": "jugs"}, "for a composite, give a list"),
        (["jugs"], r"task.options.datasets\[0\] = 'jugs': this is no data set with its name"),
        ([{"weight": 1}], "this is no data set with its name"),
        ([{"name": "jugs"}, {"name": "gcd", "wieght": 2}], r"datasets\[1\].wieght: there is no such key"),
        ([{"name": "chainsum"}], r"datasets\[0\].name = 'chainsum': .* did you mean chain_sum"),
        ([{"name": "codeio"}], r"datasets\[0\].name = 'codeio': .* no task here: .* a language model wrote"),
        ([{"name": "composite"}], "a composite cannot hold another one"),
        ([{"name": "gcd"}, {"name": "gcd"}], r"datasets\[1\].name = 'gcd': this data set is already in the list"),
        ([{"name": "gcd", "weight": 0}], r"weight = 0: the weight of gcd should be a number above 0"),
        ([{"name": "gcd", "weight": True}], "should be a number above 0"),
        ([{"name": "gcd", "config": [1]}], "the options of gcd should be a mapping"),
        ([{"name": "gcd", "config": {"seed": 1}}], r"datasets\[0\].config.seed: use task.seed"),
    ],
    ids=str,
)
def test_what_is_no_list_of_data_sets_is_answered_with_what_is(datasets, message):
    with pytest.raises(UserError, match=message):
        task(datasets)


def test_options_that_reasoning_gym_refuses_name_the_member_and_its_words():
    with pytest.raises(UserError, match=r"reasoning-gym says: .*chain_sum: .*min_terms"):
        task([{"name": "gcd"}, {"name": "chain_sum", "config": {"min_terms": 0}}]).problems("train")
