"""What an answer to a puzzle of reasoning-gym must be before reasoning-gym is asked whether it solves it.

Its scoring of `boxnet` raises on what is no plan, and lets a plan move the targets to the boxes; its scoring of
`rush_hour` counts the steps of a move one by one, however many they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from star.records import Verdict

_SQUARE = r"\[([0-9]+(?:\.[0-9]+)?),\s*([0-9]+(?:\.[0-9]+)?)\]"
_AGENT = re.compile(f"Agent{_SQUARE}")
_ACTION = re.compile(rf"move\(box_[^,()]+,\s(?:target_[^,()]+|square{_SQUARE})\)")
_STEPS = re.compile(r"[A-Z][+-](\d+)")
MAX_DIGITS = 2
"""A board has six squares along a side, so no move needs more digits than this."""


def boxnet(answer: str, metadata: dict[str, Any]) -> Verdict | None:
    """A list of steps, each an object of agents and their actions: `{"Agent[x, y]": "move(box_..., ...)"}`."""
    try:
        plan = json.loads(answer)
    except (ValueError, RecursionError):
        return Verdict("no_answer", answer, "not JSON")
    if not isinstance(plan, list) or not all(isinstance(step, dict) for step in plan):
        return Verdict("no_answer", answer, "not a list of steps")
    for agent, action in (pair for step in plan for pair in step.items()):
        place, move = _AGENT.fullmatch(agent), _ACTION.fullmatch(action) if isinstance(action, str) else None
        if not place or not move:
            return Verdict("no_answer", answer, f"not an agent and how it moves a box: {agent!r}: {action!r}"[:200])
        for x, y in (found.groups() for found in (place, move) if found[1]):
            if f"{float(x)}_{float(y)}" not in metadata["initial_state"]:
                return Verdict("wrong", answer, f"there is no square[{x}, {y}]"[:200])
    return None


def rush_hour(answer: str, metadata: dict[str, Any]) -> Verdict | None:
    """Moves as `F+1 K-1`."""
    steps = _STEPS.findall(answer)
    if not steps:
        return Verdict("no_answer", answer, "no moves, as F+1 K-1")
    if max(map(len, steps)) > MAX_DIGITS:
        return Verdict("wrong", answer, "no car can move that far")
    return None


CHECKS: dict[str, Callable[[str, dict[str, Any]], Verdict | None]] = {"boxnet": boxnet, "rush_hour": rush_hour}
"""By data set: the verdict on an answer, given the metadata; `None` where it is for reasoning-gym to say."""
