"""Near-duplicates among many texts, found as the texts come, without comparing every two.

Two texts are as similar as their sets of word 5-grams: the Jaccard index, those in both of those in either. MinHash
(Broder 1997, https://doi.org/10.1109/SEQUEN.1997.666900) estimates it: hash all 5-grams in `HASHES` ways, and keep the
smallest value of each way. Two texts have the same one with a probability of their Jaccard index, so the share of equal
values is an estimate, with a standard error of at most 1 / (2 sqrt(HASHES)) = 0.044. 16 bits of a value are enough
(Li and König 2010, https://arxiv.org/abs/0910.3349). Which texts are compared is found by banding (Leskovec, Rajaraman
and Ullman, chapter 3, http://www.mmds.org): those that agree in all values of one of `BANDS` bands, which 95% of the
pairs with a Jaccard index of 0.8 do, and 6% of those with 0.5.

All hashes come from SHAKE and BLAKE2, so the same texts give the same clusters in every process and on every machine.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache, reduce

import numpy as np

from star.verify.text import words

SIMILAR = 0.8
"""Jaccard index from which on two texts are near-duplicates (Lee et al. 2022, https://arxiv.org/abs/2107.06499)."""
GRAM = 5
"""Words in a row that are compared as one; a shorter text is one of its own length."""
HASHES = 128
BANDS = 16
SLOT_BITS = 16
"""Texts are looked up in 2 to this many slots a band; more texts than that share slots, and take longer."""
MOST_IN_SLOT = 64
"""Texts of a slot that are compared, the latest ones: a bound on the time when very many texts are half alike."""
CHUNK = 1024
"""5-grams that are hashed at a time, so that a long text takes no more memory than a short one."""


def _constants(name: str, count: int) -> np.ndarray:
    """Odd 64-bit numbers that are the same everywhere."""
    return np.frombuffer(hashlib.shake_128(name.encode()).digest(8 * count), "<u8").astype(np.uint64) | np.uint64(1)


def _lookups() -> np.ndarray:
    """(BANDS + 1, HASHES): what a signature is looked up by, each of its bands and all of it, so that a text that was
    there before is found whatever else was."""
    bands = np.kron(np.eye(BANDS, dtype=np.uint64), np.ones(HASHES // BANDS, np.uint64))
    return np.vstack([bands, np.ones(HASHES, np.uint64)]) * _constants("bands", HASHES)


_PLACES, _FACTORS, _TERMS = _constants("places", GRAM), _constants("factors", HASHES), _constants("terms", HASHES)
_MIX = _constants("mix", 1)
_LOOKUPS = _lookups()
_ROUNDS = np.array([[30, 0xBF58476D1CE4E5B9], [27, 0x94D049BB133111EB]], np.uint64)
"""Shift and factor of each round of `_mixed`."""


def signature(text: str) -> np.ndarray:
    """The MinHash signature of a text: (HASHES,) of uint16, 256 bytes. Never raises on any text."""
    hashes = [_hash_word(word) for word in words(text)]
    hashes += [0] * (GRAM - len(hashes))
    grams = _mixed(np.correlate(np.array(hashes, np.uint64), _PLACES, "valid"))  # (5-grams,), modulo 2**64
    parts = (grams[i : i + CHUNK, None] * _FACTORS + _TERMS for i in range(0, len(grams), CHUNK))  # (CHUNK, HASHES)
    least = reduce(np.minimum, (part.min(axis=0) for part in parts))
    return ((least * _MIX) >> np.uint64(48)).astype(np.uint16)  # its last bits would say as little as those of a gram


def similarity(a: np.ndarray, b: np.ndarray) -> float:
    """The Jaccard index that two signatures estimate."""
    return float(np.mean(a == b))


class NearDuplicates:
    """Clusters of texts that are nearly the same: a text that nearly repeats no earlier one, and what repeats it.

    What is only similar to another member of a cluster is no member, so there are no chains. A text that begins a
    cluster takes 332 bytes (half as much again while room is made), any other none; there are 4 MiB of slots.
    """

    def __init__(self) -> None:
        self.count = 0  # texts added
        self.firsts = 0  # of them, those that nearly repeat no earlier one
        self._numbers = np.empty(64, np.int64)  # which text each first one is
        self._signatures = np.empty((64, HASHES), np.uint16)
        self._latest = np.full((BANDS + 1, 1 << SLOT_BITS), -1, np.int32)  # the latest first text in each slot
        self._before = np.empty((64, BANDS + 1), np.int32)  # the one before it in the same slot

    def add(self, text: str) -> int:
        """Add a text: the number of the earliest one that it nearly repeats, or else its own. They count from 0."""
        own = signature(text)
        slots = (_LOOKUPS @ own.astype(np.uint64)) >> np.uint64(64 - SLOT_BITS)
        candidates = self._candidates(slots)
        alike = candidates[np.count_nonzero(self._signatures[candidates] == own, axis=1) >= SIMILAR * HASHES]
        number, self.count = self.count, self.count + 1
        if alike.size:
            return int(self._numbers[alike.min()])
        self._keep(number, own, slots)
        return number

    def _candidates(self, slots: np.ndarray) -> np.ndarray:
        """The first texts that share a slot."""
        bands = np.arange(BANDS + 1)
        found, at = [], self._latest[bands, slots]
        for _ in range(MOST_IN_SLOT):
            bands, at = bands[at >= 0], at[at >= 0]
            if not at.size:
                break
            found.append(at)
            at = self._before[at, bands]
        return np.unique(np.concatenate(found)) if found else np.empty(0, np.int32)

    def _keep(self, number: int, own: np.ndarray, slots: np.ndarray) -> None:
        if self.firsts == len(self._numbers):
            self._numbers, self._signatures, self._before = map(_grown, (self._numbers, self._signatures, self._before))
        self._numbers[self.firsts], self._signatures[self.firsts] = number, own
        bands = np.arange(BANDS + 1)
        self._before[self.firsts] = self._latest[bands, slots]
        self._latest[bands, slots] = self.firsts
        self.firsts += 1


def _grown(array: np.ndarray) -> np.ndarray:
    return np.concatenate([array, np.empty_like(array[: len(array) // 2])])


@lru_cache(maxsize=1 << 16)
def _hash_word(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def _mixed(values: np.ndarray) -> np.ndarray:
    """Numbers of which every bit depends on every bit of a value: SplitMix64 (Steele et al. 2014,
    https://doi.org/10.1145/2660193.2660195)."""
    for shift, factor in _ROUNDS:
        values = (values ^ (values >> shift)) * factor
    return values ^ (values >> np.uint64(31))
