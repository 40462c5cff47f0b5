"""Ground truths of our own for the puzzles of reasoning-gym that come without one."""

import json

import pytest

from star.tasks.solutions import boxnet, rush_hour

reasoning_gym = pytest.importorskip("reasoning_gym")

CROWDED = {"min_box_num": 3, "max_box_num": 5, "min_row_num": 3, "max_row_num": 6, "max_column_num": 6}


def puzzles(name, count=30, **options):
    """A data set, and its entries as the process that generates them hands them over."""
    data = reasoning_gym.create_dataset(name, size=count, seed=1, **options)
    return data, [json.loads(json.dumps(entry)) for entry in data]


def test_every_board_is_solved_in_the_fewest_moves():
    data, entries = puzzles("rush_hour")
    for entry in entries:
        moves = rush_hour(entry["metadata"])
        assert data.score_answer(moves, entry) == 1.0
        assert len(moves.split()) == entry["metadata"]["min_moves"]


@pytest.mark.parametrize("solve", [boxnet, rush_hour], ids=lambda solve: solve.__name__)
def test_a_puzzle_has_the_same_answer_every_time(solve):
    _, entries = puzzles(solve.__name__, 5)
    first, second = ([solve(entry["metadata"]) for entry in entries] for _ in range(2))
    assert first == second


def test_without_its_last_move_no_board_is_solved():
    data, entries = puzzles("rush_hour", 10)
    assert all(data.score_answer(rush_hour(e["metadata"]).rpartition(" ")[0], e) < 1 for e in entries)


def test_a_board_that_cannot_be_solved_has_no_answer():
    assert rush_hour({"board_config": "oooooo" "oooooo" "AAooox" "oooooo" "oooooo" "oooooo"}) == ""  # fmt: skip
    assert rush_hour({"board_config": "oooooo" "oooooo" "AAoooo" "oooooo" "oooooo" "oooooo"}) == "A+4"  # fmt: skip


@pytest.mark.parametrize("options", [{}, CROWDED], ids=["as it comes", "crowded"])
def test_every_box_is_matched(options):
    data, entries = puzzles("boxnet", **options)
    assert all(data.score_answer(boxnet(entry["metadata"]), entry) == 1.0 for entry in entries)


def test_no_box_moves_twice_in_a_step_and_agents_work_at_the_same_time():
    state = {"0.5_0.5": ["box_red", "box_blue"], "0.5_1.5": ["box_red", "target_red"], "0.5_2.5": ["target_red"]}
    state["0.5_1.5"].append("target_blue")
    assert json.loads(boxnet({"initial_state": state})) == [
        {
            "Agent[0.5, 0.5]": "move(box_red, square[0.5, 1.5])",
            "Agent[0.5, 1.5]": "move(box_red, square[0.5, 2.5])",
        },
        {
            "Agent[0.5, 1.5]": "move(box_red, target_red)",
            "Agent[0.5, 0.5]": "move(box_blue, square[0.5, 1.5])",
            "Agent[0.5, 2.5]": "move(box_red, target_red)",
        },
        {"Agent[0.5, 1.5]": "move(box_blue, target_blue)"},
    ]
