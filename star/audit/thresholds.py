"""From where on a signal is worth a look, or an alarm: each threshold with its reason.

They are for a first look. The report shows every number beside its verdict, and how it got there.
"""

from __future__ import annotations

import math

Pair = tuple[float, float]
"""Beyond the first number, watch; beyond the second one, alarm."""

NEVER: Pair = (math.inf, math.inf)

DISTINCT_FALL: Pair = (-1 / 6, -1 / 3)
"""Change of `distinct_2` since the first iteration. Guo et al. (2024, https://arxiv.org/abs/2311.09807) see it fall
with every generation that trains on its own text. A third fewer distinct word pairs is more than other problems in
another iteration make; a sixth may be that."""

NEAR_DUPLICATES: Pair = (0.25, 0.5)
"""Share. Above a half, most of what is trained on was said before, and an epoch is two."""

DUPLICATES_RISE: Pair = (1.0, math.inf)
"""Change of `near_duplicates` since the first iteration: twice as many is a trend, whatever the task's own level is."""

FORGOTTEN: Pair = (0.05, 0.1)
"""Share. Sampling loses some of the problems that are solved half of the time; one in ten is more than that."""

EASIEST_DECILE: Pair = (0.2, 0.3)
"""Share of the examples from the easiest tenth of the problems: two and three times what is even (0.1)."""

PERPLEXITY_RISE: Pair = (0.1, 0.2)
"""Change since it was first measured. Every adapter of a narrow task raises it a little; a fifth more is text outside
of the task being forgotten."""

FALSE_POSITIVES: Pair = (0.05, 0.2)
"""Share. Right answers by wrong working teach wrong working. The step checker only calls wrong what certainly is
(`docs/verification.md`), so one in twenty is real; one in five is a habit."""

FALSE_POSITIVES_RISE: Pair = (0.5, math.inf)
"""Change since the first iteration: half as many again is the loop learning them."""

HINT_LEAKS: Pair = (0.05, 0.2)
"""Share of accepted rationalizations: as for false positives, they give an answer that their working does not."""

VOTE_ERROR: Pair = (0.2, 0.4)
"""Mean distance between agreement and being right. At 0.2, an answer with four votes of five is right three times in
five: the vote is no measure of being right any more."""

LEAST_SHARE = 0.02
"""A share below this may rise by any factor without a finding: it is a few examples."""

TRANSFER_GAP = 0.2
"""By how much of the problems learning from rationalizations may lag behind learning from plain rationales. Problems
that need the hint are harder, so some of a gap is right."""

PLATEAU = 2
"""Iterations in a row without a newly solved problem: one may be chance."""

COLLAPSE_SPAN = 3
"""Iterations over which training loss and accuracy are compared: two steps in the same direction."""
