"""Answers to puzzles that reasoning-gym is asked about, and those that it would trip over."""

import json
import time

import pytest

from star.records import Problem
from star.verify.plans import CHECKS
from star.verify.reasoning_gym import ReasoningGymVerifier

pytest.importorskip("reasoning_gym")

SQUARES = {"0.5_0.5": ["box_red"], "0.5_1.5": ["target_red"]}
MOVE, MATCH = "move(box_red, square[0.5, 1.5])", "move(box_red, target_red)"
BOXNET = Problem("b", "t", "?", "", meta={"metadata": {"source_dataset": "boxnet", "initial_state": SQUARES}})
BOARD = "oooooo" "oooooo" "AAoooB" "oooooB" "oooooo" "oooooo"  # fmt: skip
RUSH_HOUR = Problem("r", "t", "?", "", meta={"metadata": {"source_dataset": "rush_hour", "board_config": BOARD}})


@pytest.fixture(scope="module")
def verifier():
    return ReasoningGymVerifier({"boxnet": {}, "rush_hour": {}}, timeout=10.0, workers=1)


def plan(*steps):
    return json.dumps([{f"Agent{agent}": action} for agent, action in steps])


@pytest.mark.parametrize(
    ("problem", "answer", "status"),
    [
        (BOXNET, plan(("[0.5, 0.5]", MOVE), ("[0.5, 1.5]", MATCH)), "correct"),
        (BOXNET, plan(("[0.5,0.5]", MOVE), ("[0.50, 1.5]", MATCH)), "correct"),
        (BOXNET, plan(("[0.5, 0.5]", MOVE)), "wrong"),
        (BOXNET, plan(("[0.5, 1.5]", MATCH)), "wrong"),
        (BOXNET, "[]", "wrong"),
        (RUSH_HOUR, "B+1 A+4", "correct"),
        (RUSH_HOUR, "'B+2, A+4'", "correct"),
        (RUSH_HOUR, "A+4 B+1", "wrong"),
        (RUSH_HOUR, "Z+1", "wrong"),
    ],
)
def test_reasoning_gym_says_which_plans_are_right(verifier, problem, answer, status):
    assert verifier.verify(answer, problem).status == status


@pytest.mark.parametrize(
    ("problem", "answer", "status"),
    [
        (BOXNET, plan(("[0.5, 0.5]", "move(box_red, square[1.5, 0.5])")), "wrong"),
        (BOXNET, plan(("[7.5, 0.5]", MOVE)), "wrong"),
        (BOXNET, plan((f"[{'9' * 500}, 0.5]", MOVE)), "wrong"),
        (BOXNET, plan(("[0.5, 1.5]", "move(target_red, square[0.5, 0.5])"), ("[0.5, 0.5]", MATCH)), "no_answer"),
        (BOXNET, plan(("[0.5, 0.5]", 7)), "no_answer"),
        (BOXNET, plan(("", MOVE)), "no_answer"),
        (BOXNET, json.dumps({"Agent[0.5, 0.5]": MOVE}), "no_answer"),
        (BOXNET, "[[]]", "no_answer"),
        (BOXNET, "null", "no_answer"),
        (BOXNET, "1" * 9_000, "no_answer"),
        (BOXNET, "[" * 19_000, "no_answer"),
        (BOXNET, '{"a":' * 3_000, "no_answer"),
        (BOXNET, plan(("[0.5, 0.5]", "move(" * 3_000)), "no_answer"),
        (BOXNET, "__import__('os').abort()", "no_answer"),
        (BOXNET, plan(("[0.5, 0.5]", MOVE)) * 1_000, "no_answer"),
        (RUSH_HOUR, "A+999999999", "wrong"),
        (RUSH_HOUR, "B+1 A+٩٩٩٩٩٩٩٩٩", "wrong"),
        (RUSH_HOUR, "A+" + "9" * 9_000, "wrong"),
        (RUSH_HOUR, "A+99 " * 3_999, "wrong"),
        (RUSH_HOUR, "move the red car", "no_answer"),
        (RUSH_HOUR, "B+1 A+4 " * 4_000, "no_answer"),
    ],
    ids=str,
)
def test_no_text_is_an_error_or_costs_time(verifier, problem, answer, status):
    verifier.verify("A+1", RUSH_HOUR)  # the worker is there
    start = time.perf_counter()
    assert verifier.verify(answer, problem).status == status
    assert time.perf_counter() - start < 2


def test_no_check_stands_in_the_way_of_a_plan_with_more_than_it_needs():
    waiting = [{}, {"Agent[0.5, 0.5]": MATCH}]
    assert CHECKS["boxnet"](json.dumps(waiting), BOXNET.meta["metadata"]) is None
