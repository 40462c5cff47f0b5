"""Where a problem comes from that the model wrote, and what its answer stood on in an iteration."""

from __future__ import annotations

from typing import Any

from star.records import WRITTEN, Problem
from star.store import Artefacts


def written_by(iteration: Artefacts, problem: Problem) -> dict[str, Any] | None:
    """The completion that a problem was read in: `id`, `model`, `seed`, `prompt` and `text`; and of an answer that was
    voted on, the votes up to `iteration`: `tally`, `votes` and `agreement`. `None` for a problem of the task.

    Raises:
        UserError: an artefact is damaged.
    """
    kind, _, rest = problem.id.partition("/")
    number = rest.partition("/")[0]
    if kind != WRITTEN or not number.isdecimal():
        return None
    rows = Artefacts(iteration.store, int(number)).rows("written")
    found = next((row for row in rows if problem.id.startswith(f"{row['id']}/")), None)
    if found is None:
        return None
    member: dict[str, Any] = {}
    if problem.is_voted:
        member = next((row for row in iteration.rows("pool") if row["problem"]["id"] == problem.id), {})
    return {
        **{name: found[name] for name in ("id", "model", "seed", "prompt", "text")},
        **{name: member.get(name) for name in ("tally", "votes", "agreement")},
    }
