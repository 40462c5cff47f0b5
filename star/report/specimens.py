"""What does it look like? Attempts to read, each with what it was told, what became of it, and where it comes from."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from markupsafe import escape

from star.records import Attempt
from star.report.load import RunFiles
from star.report.shapes import Specimen
from star.report.table import in_order
from star.report.text import LIMIT, Cut, common_start, cut_end, cut_start, marked
from star.report.training import reason

KINDS = {
    "accepted": "accepted",
    "rationalized": "rationalized",
    "rejected": "rejected",
    "newly_solved": "newly solved",
    "forgotten": "forgotten",
    "false_positive": "false positive",
    "hint_leak": "hint leak",
}
"""Of specimens, as people read them."""

MOST_BYTES = 3_500_000
"""All of them together: the page stays below 5 MB. Above it, fewer of each kind are shown, evenly."""

ROW_BYTES = 1000
"""What a row takes beside its texts."""

LEAST_SHARED = 200
"""Characters that prompts must begin with alike to have these shown once for all."""


@dataclass(frozen=True)
class Shown:
    """One attempt as the page shows it.

    Attributes:
        kinds: why it was picked, as people read it.
        pieces: its text in order, and of each piece whether it is a wrong step; `left_out` characters are cut.
        wrong_steps: those that are not marked in the text.
        beginning: number of the beginning that its prompt shares with others, from 1; 0 for none.
        prompt: the prompt behind that.
        fate: whether it was trained on, or why not.
        trace: the command that prints its chain.
    """

    run: str
    iteration: int
    kinds: tuple[str, ...]
    attempt: Attempt
    question: Cut
    pieces: list[tuple[str, bool]]
    left_out: int
    wrong_steps: list[str]
    leak: str
    trained_on: bool
    fate: str
    beginning: int
    prompt: Cut
    trace: str


@dataclass(frozen=True)
class Specimens:
    """All that are shown.

    Attributes:
        beginnings: of prompts, which several share.
        total: how many there are in the files.
        is_thinned: whether there is no room for all of them.
    """

    rows: list[Shown]
    beginnings: list[Cut]
    total: int
    is_thinned: bool

    def values(self, name: str) -> list[str]:
        """What can be chosen in a filter: in the order of the rows."""
        return list(dict.fromkeys(str(getattr(row, name)) for row in self.rows))

    @property
    def kinds(self) -> list[str]:
        found = {kind for row in self.rows for kind in row.kinds}
        return [kind for kind in KINDS.values() if kind in found] + sorted(found.difference(KINDS.values()))

    @property
    def groups(self) -> list[str]:
        return sorted({row.attempt.problem.group for row in self.rows}, key=in_order)

    @property
    def statuses(self) -> list[str]:
        return sorted({row.attempt.verdict.status for row in self.rows})


@dataclass
class _Found:
    """An attempt with all the kinds that it is a specimen of."""

    run: RunFiles
    iteration: int
    specimens: list[Specimen]

    @property
    def attempt(self) -> Attempt:
        return self.specimens[0].attempt

    @property
    def prompts(self) -> tuple[str, int, bool]:
        """Those with the same key tend to begin alike."""
        return self.run.place, self.iteration, self.attempt.prompt.hinted


def specimens(runs: Sequence[RunFiles]) -> Specimens:
    """The specimens of all iterations of these runs: as many of each kind as the page has room for."""
    all = list(_found(runs))
    found = _within(all, MOST_BYTES)
    total = sum(len(rows) for run in runs for rows in run.specimens.values())
    shared = _shared(found)
    beginnings = list(dict.fromkeys(text for text in shared.values() if text))
    rows = [_shown(one, shared[one.prompts], beginnings) for one in found]
    return Specimens(rows, [cut_end(text, 10 * LIMIT) for text in beginnings], total, len(found) < len(all))


def _found(runs: Sequence[RunFiles]) -> Iterator[_Found]:
    """In the order of runs and iterations, the last iteration first; of an attempt that is there twice, once."""
    for run in runs:
        for number, rows in sorted(run.specimens.items(), reverse=True):
            by_attempt: dict[str, list[Specimen]] = defaultdict(list)
            for row in rows:
                by_attempt[row.attempt.id].append(row)
            yield from (_Found(run, number, same) for same in by_attempt.values())


def _within(found: list[_Found], most: int) -> list[_Found]:
    """Those that have room: the first of every kind and iteration, then the second ones, and so on."""
    queues: dict[tuple[str, int, str], list[int]] = defaultdict(list)
    for place, one in enumerate(found):
        queues[one.run.place, one.iteration, one.specimens[0].kind].append(place)
    kept, size = [], 0
    for place in (place for turn in zip_longest(*queues.values()) for place in turn if place is not None):
        size += _bytes(found[place].attempt)
        if size > most:
            break
        kept.append(place)
    return [found[place] for place in sorted(kept)]


def _bytes(attempt: Attempt) -> int:
    """What an attempt takes on the page, where `<` is `&lt;`."""
    texts = (attempt.problem.question, attempt.completion.text, attempt.prompt.text)
    return ROW_BYTES + sum(len(escape(text[:LIMIT]).encode(errors="replace")) for text in texts)


def _shared(found: Sequence[_Found]) -> dict[tuple[str, int, bool], str]:
    """What prompts of the same kind in the same iteration begin with: the exemplars."""
    texts: dict[tuple[str, int, bool], list[str]] = defaultdict(list)
    for one in found:
        texts[one.prompts].append(one.attempt.prompt.text)
    starts = {key: common_start(same) if len(set(same)) > 1 else "" for key, same in texts.items()}
    return {key: start if len(start) >= LEAST_SHARED else "" for key, start in starts.items()}


def _shown(one: _Found, start: str, beginnings: Sequence[str]) -> Shown:
    attempt, first = one.attempt, one.specimens[0]
    text = cut_end(attempt.completion.text)
    pieces = marked(text.text, first.wrong_steps)
    inside = [piece for piece, is_wrong in pieces if is_wrong]
    return Shown(
        run=one.run.name,
        iteration=one.iteration,
        kinds=tuple(dict.fromkeys(KINDS.get(row.kind, row.kind) for row in one.specimens)),
        attempt=attempt,
        question=cut_end(attempt.problem.question),
        pieces=pieces,
        left_out=text.left_out,
        wrong_steps=[cut_end(step, LIMIT // 10).text for step in first.wrong_steps if step not in inside][:10],
        leak=next((row.leak for row in one.specimens if row.leak), ""),
        trained_on=first.trained_on,
        fate=_fate(first),
        beginning=beginnings.index(start) + 1 if start else 0,
        prompt=cut_start(attempt.prompt.text.removeprefix(start)),
        trace=f"star trace {shlex.quote(one.run.place)} {shlex.quote(attempt.id)}",
    )


def _fate(row: Specimen) -> str:
    if row.trained_on:
        return "trained on"
    why = row.reason or ("" if row.attempt.verdict.accepted else row.attempt.verdict.status)
    return f"not trained on: {reason(why)}" if why else "not trained on"
