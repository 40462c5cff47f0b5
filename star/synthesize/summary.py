"""New problems in numbers: what `synthesis.json` and the metrics hold of an iteration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from star.recipe import Recipe
from star.synthesize.base import Writer
from star.synthesize.pool import Member
from star.synthesize.votes import new_members

CHANGES = ("overturned", "retired", "reinstated")
"""What a vote may change of a problem that was voted on before."""

Rows = Iterable[dict[str, Any]]


def summary(
    written: Rows, votes: Rows, pool: Iterable[Member], writer: Writer, recipe: Recipe, number: int
) -> dict[str, Any]:
    """What became of the drafts of iteration `number`, and the pool after it.

    Returns:
        `written` drafts, of which `kept` are in the pool and the others `rejected`, by reason; `yield`, the share kept;
        `similarity`, the mean ROUGE-L of what was kept with what was nearest to it before; `samples` drawn to write and
        to vote, and their `tokens`; and those of `_standing`.
    """
    rejected: Counter[str] = Counter(draft["reason"] for row in written for draft in row["drafts"])
    del rejected[""]
    kept, similarity = 0, 0.0
    for member, reason in new_members(written, votes, writer, recipe, number):
        rejected[reason] += reason != ""
        kept += not reason
        similarity += 0.0 if reason else member.similarity
    total = kept + rejected.total()
    return {
        "written": total,
        "kept": kept,
        "yield": kept / total if total else None,
        "rejected": dict(sorted((+rejected).items())),
        "similarity": similarity / kept if kept else None,
        "samples": {"written": sum(1 for _ in written), "votes": sum(len(row["samples"]) for row in votes)},
        "tokens": {
            "written": sum(row["num_tokens"] for row in written),
            "votes": sum(sample["num_tokens"] for row in votes for sample in row["samples"]),
        },
        **_standing(pool, writer, number),
    }


def taught(lessons: Rows) -> dict[str, Any]:
    """`lessons`, where there are any: how many were `written`, `kept` and `rejected`, by reason."""
    reasons = Counter(row["reason"] for row in lessons)
    if not reasons:
        return {}
    kept = reasons.pop("", 0)
    written = kept + reasons.total()
    return {"lessons": {"written": written, "kept": kept, "rejected": dict(sorted(reasons.items()))}}


def _standing(pool: Iterable[Member], writer: Writer, number: int) -> dict[str, Any]:
    """The pool after iteration `number`.

    `pool` problems stand, `consensus` of them on votes. In iteration `number`, `again` were voted on again, of which
    `overturned` have another answer now, `retired` have none any more, and `reinstated` have their old one again.

    `agreement` is the mean share of votes for the answer of a consensus problem, and `estimated_error` is 1 minus that:
    if a share of the votes were the probability of being right, this share of the answers would be wrong. Agreement and
    accuracy go together (Wang et al. 2023, https://arxiv.org/abs/2203.11171, section 3), but samples of one model err
    alike, so the estimate is rather too low. `true_error` is the share that is wrong of the `known` ones, whose answer
    code can compute; `None` where there is none.
    """
    counts: Counter[str] = Counter()
    agreement = 0.0
    for member in pool:
        stands, now = not member.retired, member.changed == number
        counts["pool"] += stands
        counts["again"] += member.voted == number and member.written < number
        counts["overturned"] += member.overturned == number
        counts["retired"] += now and not stands
        counts["reinstated"] += now and stands and member.overturned < number
        if stands and member.problem.is_voted:
            counts["consensus"] += 1
            agreement += member.agreement or 0.0
            counts["known"] += member.truth is not None
            counts["wrong"] += member.truth is not None and not _is_right(member, writer)
    voted, known = counts["consensus"], counts["known"]
    return {
        **{name: counts[name] for name in ("pool", "consensus", "again", *CHANGES, "known")},
        "agreement": agreement / voted if voted else None,
        "estimated_error": 1 - agreement / voted if voted else None,
        "true_error": counts["wrong"] / known if known else None,
    }


def _is_right(member: Member, writer: Writer) -> bool:
    meaning = writer.task.verifier.meaning
    return meaning(member.problem.answer, member.problem) == meaning(member.truth or "", member.problem)
