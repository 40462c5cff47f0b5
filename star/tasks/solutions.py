"""Right answers to the puzzles of reasoning-gym that come without one. Always the same one for the same puzzle.

Each takes the metadata of an entry. Whether its answer is right is for reasoning-gym to say, as of all ground truths.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

SIDE = 6
"""Squares along a side of a rush_hour board."""
EXIT = 0b11 << 2 * SIDE + SIDE - 2
"""Where the red car has to get: the last two squares of the third row."""
Places = tuple[int, ...]
"""How far each car is along its line."""
Square = tuple[float, float]


def rush_hour(metadata: dict[str, Any]) -> str:
    """The fewest moves that bring the red car to the exit, as `F+1 K-1`; empty if none do.

    Breadth first: a board of the 18,000 has 4,700 arrangements on average, and none has more than 150,000.
    """
    board = metadata["board_config"]
    walls = sum(1 << i for i, label in enumerate(board) if label == "x")
    cars = [[i for i, at in enumerate(board) if at == label] for label in sorted(set(board) - set("ox"))]
    tracks = [_track(cells) for cells in cars]
    start = tuple(track.index(sum(1 << i for i in cells)) for track, cells in zip(tracks, cars, strict=True))
    came: dict[Places, tuple[Places, str] | None] = {start: None}
    waiting = deque([start])
    while waiting:
        places = waiting.popleft()
        if tracks[0][places[0]] == EXIT:
            return " ".join(reversed(list(_moves(came, places))))
        for after, move in _slides(places, tracks, walls):
            if after not in came:
                came[after] = places, move
                waiting.append(after)
    return ""


def _slides(places: Places, tracks: list[list[int]], walls: int) -> Iterator[tuple[Places, str]]:
    """What one car can do: where all are then, and the move."""
    taken = walls + sum(track[at] for track, at in zip(tracks, places, strict=True))
    for car, (track, at) in enumerate(zip(tracks, places, strict=True)):
        others = taken - track[at]
        for way in (range(at + 1, len(track)), range(at - 1, -1, -1)):
            for to in way:
                if track[to] & others:
                    break
                yield (*places[:car], to, *places[car + 1 :]), f"{chr(ord('A') + car)}{to - at:+d}"


def _track(cells: list[int]) -> list[int]:
    """All places along its line that a car can be in, as bits of the board."""
    stride = cells[1] - cells[0]
    first = cells[0] - cells[0] % SIDE if stride == 1 else cells[0] % SIDE
    return [sum(1 << first + stride * (at + i) for i in range(len(cells))) for at in range(SIDE - len(cells) + 1)]


def _moves(came: Mapping[Places, tuple[Places, str] | None], places: Places) -> Iterator[str]:
    """The moves that led to `places`, the last one first."""
    while step := came[places]:
        places, move = step
        yield move


def boxnet(metadata: dict[str, Any]) -> str:
    """A plan that matches every box, as JSON: each goes to the nearest target that is left, one square at a time."""
    errands = list(_errands(metadata["initial_state"]))
    plan = []
    while errands:
        step: dict[str, str] = {}
        left = []
        for colour, at, goal in errands:
            agent, to = f"Agent[{at[0]}, {at[1]}]", at
            if agent not in step:  # an agent does one thing at a time
                to = _towards(at, goal)
                place = f"target_{colour}" if at == goal else f"square[{to[0]}, {to[1]}]"
                step[agent] = f"move(box_{colour}, {place})"
                if at == goal:
                    continue
            left.append((colour, to, goal))
        plan.append(step)
        errands = left
    return json.dumps(plan)


def _errands(squares: dict[str, list[str]]) -> Iterator[tuple[str, Square, Square]]:
    """Each box as its colour, its square and the square of its target."""
    things = [(thing, tuple(map(float, key.split("_")))) for key, held in squares.items() for thing in held]
    targets = [(thing.removeprefix("target_"), at) for thing, at in things if thing.startswith("target_")]
    for thing, (x, y) in things:
        if thing.startswith("box_"):
            colour = thing.removeprefix("box_")
            same = [target for target in targets if target[0] == colour]
            nearest = min(same, key=lambda target: abs(target[1][0] - x) + abs(target[1][1] - y))
            targets.remove(nearest)
            yield colour, (x, y), nearest[1]


def _towards(at: Square, goal: Square) -> Square:
    """The next square on the way, first along the rows."""
    (x, y), (goal_x, goal_y) = at, goal
    if x != goal_x:
        return x + (1 if goal_x > x else -1), y
    return x, y + (goal_y > y) - (goal_y < y)
