"""Whether a question is new: its ROUGE-L with the nearest of many others, exactly.

ROUGE-L (Lin 2004, https://aclanthology.org/W04-1013) of texts of m and n words whose longest common subsequence has l
words is the F-measure of precision l / m and recall l / n, which is 2 l / (m + n). Self-Instruct (Wang et al. 2022,
https://arxiv.org/abs/2212.10560, section 2.2) rejects what has more than 0.7 with anything in the pool, with the words
of the package rouge-score: runs of letters and digits, case aside. So `12 + 34` and `12 - 34` are the same.

No subsequence has more words than the two texts share, in whatever order: that bound is found for all others at once,
and only where it is high the subsequence is looked for, all positions of a text at a time, as the bits of a number
(Hyyrö 2004, "Bit-parallel LCS-length computation revisited").
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from typing import NamedTuple

import numpy as np

from star.verify.text import normalise

_WORD = re.compile(r"[^\W_]+")


class Nearest(NamedTuple):
    """The text of an index that is most like another one: its id, and their ROUGE-L. No id if all have 0."""

    id: str = ""
    similarity: float = 0.0


class Index:
    """Texts by id, of which those most like another one can be found.

    Kept of a text are 4 bytes a word and 8 for each different one of its words; of each different word, its hash table
    entry.
    """

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._words: dict[str, int] = {}
        self._texts, self._ends = array("I"), array("Q", [0])  # the words of all texts, one after the other
        self._holders: list[array] = []  # of each word, the places of the texts that have it
        self._counts: list[array] = []  # and how often each has it

    def add(self, id: str, text: str) -> None:
        """One more text."""
        place, found = len(self._ids), [self._number(word) for word in words(text)]
        self._ids.append(id)
        self._texts.extend(found)
        self._ends.append(len(self._texts))
        for word, count in Counter(found).items():
            self._holders[word].append(place)
            self._counts[word].append(count)

    def nearest(self, text: str) -> Nearest:
        """The text with the largest ROUGE-L, of equals the first."""
        known = [self._words.get(word, -1) for word in words(text)]
        shared = self._shared(known)
        lengths = np.diff(np.frombuffer(self._ends, np.uint64)).astype(np.int64) + len(known)
        bounds = 2 * shared / np.maximum(lengths, 1)
        best, most = -1, 0.0
        masks = _masks(known)
        for place in np.argsort(-bounds, kind="stable"):
            if bounds[place] < most or bounds[place] == 0:
                break
            length = common_length(masks, len(known), self._text(place))
            similarity = 2 * length / int(lengths[place])
            if similarity > most or (similarity == most and place < best):
                best, most = int(place), similarity
        return Nearest(self._ids[best], most) if best >= 0 else Nearest()

    def _shared(self, known: list[int]) -> np.ndarray:
        """How many words each text shares with these, in whatever order. (texts,)"""
        shared = np.zeros(len(self._ids), np.int64)
        for word, count in Counter(known).items():
            if word >= 0:
                holders = np.frombuffer(self._holders[word], np.uint32)
                shared[holders] += np.minimum(np.frombuffer(self._counts[word], np.uint32), count)
        return shared

    def _text(self, place: int) -> array:
        return self._texts[self._ends[place] : self._ends[place + 1]]

    def _number(self, word: str) -> int:
        if (number := self._words.setdefault(word, len(self._words))) == len(self._holders):
            self._holders.append(array("I"))
            self._counts.append(array("I"))
        return number


def words(text: str) -> list[str]:
    """Runs of letters and digits, case aside."""
    return _WORD.findall(normalise(text))


def rouge_l(first: str, second: str) -> float:
    """The ROUGE-L of two texts; 0 where one has no word.

    >>> rouge_l("What is 12 + 34?", "What is 12 + 35?")
    0.75
    """
    a, b = words(first), words(second)
    return 2 * common_length(_masks(a), len(a), b) / (len(a) + len(b)) if a and b else 0.0


def common_length(masks: dict, length: int, other: list | array) -> int:
    """The length of the longest common subsequence of a text of `length` words, given as `_masks`, and another one."""
    full = (1 << length) - 1
    free = full  # bit i is 0 where the subsequence of the first i + 1 words is longer than that of the first i
    for word in other:
        if matches := free & masks.get(word, 0):
            free = ((free + matches) | (free - matches)) & full
    return length - free.bit_count()


def _masks(text: list) -> dict:
    """For each word, the bits of the places where it stands."""
    masks: dict = {}
    for place, word in enumerate(text):
        masks[word] = masks.get(word, 0) | 1 << place
    return masks
