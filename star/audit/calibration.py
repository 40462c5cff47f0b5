"""Does agreement mean truth? The share of samples that give the majority's answer, against how often it is right."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from star.vote import majority

BINS = 10
"""Of equal width, as in Guo et al. 2017."""

Bin = dict[str, float]
"""`low` and `high` end of the share, how many `votes` fell into it, and the share of them that was `right`."""


def calibration(problems: Iterable[Sequence[tuple[Hashable | None, bool]]]) -> tuple[float | None, list[Bin]]:
    """The expected calibration error of the vote, and the bins that have votes (Guo et al. 2017,
    https://arxiv.org/abs/1706.04599, section 2; the share of a vote as confidence: Wang et al. 2023,
    https://arxiv.org/abs/2203.11171, section 3.5).

    The error is the mean distance, over all votes, between the confidence of the votes of a bin and the share of them
    that is right; `None` if nobody votes. A problem without any answer has no vote.

    Args:
        problems: of each, the answer of every sample (`None` if it has none) and whether it is right.
    """
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for samples in problems:
        answers = [answer for answer, _ in samples]
        if (most := majority(answers)) is not None:
            share = answers.count(most) / len(answers)
            right = samples[answers.index(most)][1]
            bins[min(BINS - 1, int(share * BINS))].append((share, right))
    total = sum(map(len, bins))
    gaps = (abs(sum(share for share, _ in votes) - sum(right for _, right in votes)) for votes in bins)
    rows = [
        {"low": i / BINS, "high": (i + 1) / BINS, "votes": len(votes), "right": sum(r for _, r in votes) / len(votes)}
        for i, votes in enumerate(bins)
        if votes
    ]
    return (sum(gaps) / total if total else None), rows
