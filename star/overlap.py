"""What must not be trained on, and whether a text has it: whole texts and runs of n words, kept as hashes.

After appendix C of GPT-3 (Brown et al. 2020, https://arxiv.org/abs/2005.14165): a text is contaminated that has 13
words in a row with a protected one, case and punctuation aside. As there, runs that are common are taken for
boilerplate, which leaks nothing. GPT-3 ignores those in more than 10 training documents; here it is those in more than
10 *protected* texts, because eleven copies of one leaked problem are still a leak.

What it does not see: a paraphrase, a translation, and a part of a text in a language that is written without spaces.
Knows nothing of files; `star/tasks/contamination.py` reads them.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import chain
from typing import NamedTuple

import numpy as np

from star.records import Problem
from star.verify.text import normalise

AreProtected = Callable[[Sequence[str]], Sequence[bool]]
"""Says which of some texts must not be learned: `Protected.hits`."""
COMMON = 10
"""A run of words in more protected texts than this is boilerplate (GPT-3, appendix C)."""
LONG = 8
"""Words of a text, at least, that is protected from being generated: "7" may be what somebody protects, and is also the
right answer to much else. (GPT-3, appendix C: overlaps of fewer than 8 words are spurious.)"""

_WORD = re.compile(r"[^\W_]+")
_MULTIPLIER = 0x9E3779B97F4A7C15
"""Of the polynomial that is a run's hash. Odd, so that no power of it is 0 modulo 2**64."""


class Text(NamedTuple):
    """A protected text.

    Attributes:
        place: where it stands, for messages.
        whole: what no problem may ask again, and no rationale may be.
        running: what no text may have a run of words of; empty where that would say nothing.
    """

    place: str
    whole: str
    running: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A text is protected.

    Attributes:
        place: where the protected text stands.
        how: `exact` or `13-gram`.
        words: what is shared.
    """

    place: str
    how: str
    words: str

    def __str__(self) -> str:
        if self.how == "exact":
            return f"is the same text as {self.place}: {_shown(self.words)}"
        return f"has {len(self.words.split())} words in a row with {self.place}: {_shown(self.words)}"


class Protected:
    """The protected texts.

    What stays in memory is twelve bytes for each run of words, a hash and a place for each text: 66 MB for 100,000
    texts of 45 words, and four times that for a moment, while they are sorted. Two texts that differ pass for the same
    with a probability of 2**-64.

    Args:
        texts: gone through once. One that is there twice, word for word, counts once.
        ngram: words in a row that are an overlap; `None` compares whole texts only.
    """

    def __init__(self, texts: Iterable[Text] = (), ngram: int | None = None):
        self._ngram = ngram
        self._places: list[str] = []
        self._whole: dict[int, int] = {}  # hash of a whole text -> its number
        hashes, owners = array("Q"), array("I")
        seen: set[int] = set()
        for number, text in enumerate(texts):
            self._places.append(text.place)
            self._whole.setdefault(_hash(normalise(text.whole)), number)
            key = _hash(normalise(text.running))
            if ngram is not None and text.running and key not in seen:
                seen.add(key)
                runs = np.unique(_run_hashes(_words(text.running), ngram))
                hashes.frombytes(runs.tobytes())
                owners.extend([number] * len(runs))
        self._runs, self._owners = _telling(hashes, owners)

    def hit(self, text: str) -> Hit | None:
        """What a text that is to be learned has of a protected one: a run of words, or all, if it is long enough."""
        words = _words(text)
        return self._run(words) or (self._same(text) if len(words) >= LONG else None)

    def hits(self, texts: Sequence[str]) -> list[bool]:
        """Whether each of the texts must not be learned: whether it has a `hit`."""
        plain = list(map(normalise, texts))
        words = list(map(_WORD.findall, plain))
        runs = self._have_runs(words)
        return [
            has_run or (len(found) >= LONG and _hash(text) in self._whole)
            for text, found, has_run in zip(plain, words, runs, strict=True)
        ]

    def hit_by(self, problem: Problem) -> Hit | None:
        """What a problem has of a protected text: its question as a whole, or a run of words, choices included."""
        return self._same(problem.question) or self._run(_words(running(problem)))

    def hits_by(self, problems: Sequence[Problem]) -> list[bool]:
        """Whether each of the problems has something of a protected text: whether it has a `hit_by`."""
        plain = [normalise(problem.question) for problem in problems]
        choices = (chain.from_iterable(map(_words, problem.choices)) for problem in problems)
        runs = self._have_runs([[*_WORD.findall(text), *more] for text, more in zip(plain, choices, strict=True)])
        return [has_run or _hash(text) in self._whole for text, has_run in zip(plain, runs, strict=True)]

    def _same(self, text: str) -> Hit | None:
        number = self._whole.get(_hash(normalise(text)))
        return None if number is None else Hit(self._places[number], "exact", text)

    def _run(self, words: list[str]) -> Hit | None:
        """The first run of protected words, as long as it is."""
        at, found = self._find(_run_hashes(words, self._ngram or 0))
        if not len(found):
            return None
        first = int(found[0])
        more = int(np.flatnonzero(np.diff(found, append=-1) != 1)[0])  # runs that go on where the one before did
        place = self._places[self._owners[at[first]]]
        return Hit(place, f"{self._ngram}-gram", " ".join(words[first : first + more + self._ngram]))

    def _have_runs(self, texts: Sequence[list[str]]) -> list[bool]:
        """Which of some texts, given as words, have a run of protected words."""
        runs = _run_hashes(list(chain.from_iterable(texts)), self._ngram or 0)
        owners = np.repeat(np.arange(len(texts)), [len(words) for words in texts])
        first = owners[: len(runs)]
        inside = np.flatnonzero(first == owners[len(owners) - len(runs) :])  # no run goes over the end of a text
        _, found = self._find(runs[inside])
        has = np.zeros(len(texts), bool)
        has[first[inside[found]]] = True
        return has.tolist()

    def _find(self, runs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where in `_runs` each of some hashes would stand, and the places of those that do."""
        if not len(self._runs):
            return np.zeros(len(runs), int), np.empty(0, int)
        at = np.minimum(np.searchsorted(self._runs, runs), len(self._runs) - 1)
        return at, np.flatnonzero(self._runs[at] == runs)


def running(problem: Problem) -> str:
    """All that a problem shows: the question and its choices."""
    return "\n".join([problem.question, *problem.choices])


def _telling(hashes: array, owners: array) -> tuple[np.ndarray, np.ndarray]:
    """The distinct hashes of runs that are in at most `COMMON` texts, sorted, with the first text that has each."""
    runs, first, texts = np.unique(np.frombuffer(hashes, np.uint64), return_index=True, return_counts=True)
    few = texts <= COMMON
    return runs[few], np.frombuffer(owners, np.uint32)[first[few]]


def _words(text: str) -> list[str]:
    """Runs of letters and digits, whatever stands between them."""
    return _WORD.findall(normalise(text))


def _run_hashes(words: list[str], size: int) -> np.ndarray:
    """The hash of each run of `size` words, none for 0: a polynomial in those of its words, modulo 2**64.

    Returns:
        (len - size + 1,), or (0,) where there are fewer words.
    """
    if not 0 < size <= len(words):
        return np.empty(0, np.uint64)
    hashes = np.fromiter(map(_word_hash, words), np.uint64, len(words))
    return np.convolve(hashes, _powers(size), "valid")


@lru_cache
def _powers(size: int) -> np.ndarray:
    return np.array([pow(_MULTIPLIER, power, 1 << 64) for power in range(size)], np.uint64)


def _hash(text: str) -> int:
    """64 bits, the same on every machine."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


_word_hash = lru_cache(maxsize=1 << 16)(_hash)
"""The words of a language are few, and come again."""


def _shown(words: str) -> str:
    return repr(words if len(words) <= 160 else f"{words[:160]}...")
