"""Of the rationales of a problem, one for each distinct list of equations (RFT: Yuan et al. 2023, section 3.3).

Where several have the same list, the one is kept whose text is the farther from those kept of the other lists, by edit
distance: https://arxiv.org/abs/2308.01825, and collect_rejection_sampling.py of its code, OFA-Sys/gsm8k-ScRel.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence


def one_of_each(lists: Sequence[Hashable], texts: Sequence[str]) -> list[int]:
    """Which rationales of a problem are kept, as their places, in the order in which their lists came first.

    As in the paper's code, they are gone through once: a rationale takes the place of another with the same list if the
    sum of its distances to what is kept of the other lists by then is larger.

    Args:
        lists: the list of equations of each rationale.
        texts: the rationales.
    """
    kept: dict[Hashable, int] = {}
    for place, key in enumerate(lists):
        if key in kept:
            others = [texts[other] for known, other in kept.items() if known != key]
            before, now = (sum(edit_distance(texts[i], other) for other in others) for i in (kept[key], place))
            if now <= before:
                continue
        kept[key] = place
    return list(kept.values())


def edit_distance(a: str, b: str) -> int:
    """Characters to insert, delete or replace to turn `a` into `b` (Levenshtein 1966).

    A column of the table of distances is two integers, with a bit for each character of `a` (Myers 1999,
    https://doi.org/10.1145/316542.316550, in the form of Hyyrö 2003, "A bit-vector algorithm for computing Levenshtein
    and Damerau edit distances"). Takes len(b) steps on integers of len(a) bits.

    >>> edit_distance("kitten", "sitting")
    3
    """
    if not a:
        return len(b)
    places: dict[str, int] = {}
    for i, character in enumerate(a):
        places[character] = places.get(character, 0) | 1 << i
    every, last, distance = (1 << len(a)) - 1, 1 << (len(a) - 1), len(a)
    up, down = every, 0  # where a cell is one more, or one less, than the cell above it
    for character in b:
        same = places.get(character, 0)
        diagonal = (((same & up) + up) ^ up) | same | down
        right, left = down | (every & ~(diagonal | up)), up & diagonal  # the same, against the cell to the left
        distance += bool(right & last) - bool(left & last)
        right = right << 1 | 1
        up, down = (left << 1 | (every & ~(diagonal | right))) & every, right & diagonal & every
    return distance
