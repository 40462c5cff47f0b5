"""Whether accepted rationales become alike: distinct words and phrases, self-BLEU, compression, entropy, duplicates.

Most of these depend on how much text they are computed from: of ten times as many words fewer are distinct (McCarthy
and Jarvis 2010, https://doi.org/10.3758/BRM.42.2.381), and more texts predict each other's phrases better. To compare
iterations and runs, whatever was accepted in each, they are means over parts of one size: of `WINDOW_WORDS` words,
`WINDOW_BYTES` bytes or `GROUP` texts, from `SAMPLE` texts that are drawn at random. Where there is too little text
for one part, there is no value. Length and near-duplicates are those of all texts.
"""

from __future__ import annotations

import heapq
import math
import random
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from statistics import fmean

from star.minhash import NearDuplicates
from star.verify.text import words

SAMPLE = 500
"""Texts that are drawn; all when there are fewer."""
WINDOW_WORDS = 1000
WINDOW_BYTES = 4096
GROUP = 25
"""Texts that are compared with one another by self-BLEU; more would find more phrases, and take longer."""
WINDOWS = 50
"""Windows and groups at most, so that long texts take no longer than short ones."""
COMPARED = 100_000
"""Texts among which near-duplicates are looked for: the first ones."""
TOO_LITTLE = {
    **dict.fromkeys(
        ("distinct_1", "distinct_2", "distinct_3", "word_entropy"),
        f"the accepted rationales have fewer than {WINDOW_WORDS:,} words, too few to compare",
    ),
    "compression_ratio": f"the accepted rationales have fewer than {WINDOW_BYTES:,} bytes, too few to compare",
    "self_bleu": f"fewer than {GROUP} rationales were accepted, too few to compare",
    **dict.fromkeys(("rationale_words", "near_duplicates"), "no rationale was accepted"),
}
"""Why there is no value, by signal."""

Pieces = Sequence[Sequence[str]]
"""Words of several texts, or parts of texts: phrases do not go from one to the next."""


def diversity(texts: Iterable[str], seed: int) -> dict[str, float]:
    """The signals of diversity (`star/audit/signals.py`) of texts in any number, gone through once; those for which
    there is too little text are left out, for the reason in `TOO_LITTLE`.

    Args:
        seed: says which texts are drawn.
    """
    rng, near = random.Random(seed), NearDuplicates()
    drawn: list[tuple[float, str]] = []  # texts with the largest of random keys
    count = words_in_all = duplicates = 0
    for count, text in enumerate(texts, 1):
        words_in_all += len(words(text))
        if count <= COMPARED:
            duplicates += near.add(text) != count - 1
        push = heapq.heappush if len(drawn) < SAMPLE else heapq.heappushpop
        push(drawn, (rng.random(), text))
    if not count:
        return {}
    values = {"rationale_words": words_in_all / count, "near_duplicates": duplicates / min(count, COMPARED)}
    return values | _of_sample([text for _, text in sorted(drawn)])


def _of_sample(texts: list[str]) -> dict[str, float]:
    """The signals of texts in random order, each as the mean over parts of one size."""
    pieces = [words(text) for text in texts]
    windows = list(_windows(pieces))
    blocks = list(_blocks("\n".join(texts).encode("utf-8", "surrogatepass")))
    groups = [pieces[i : i + GROUP] for i in range(0, len(pieces) - GROUP + 1, GROUP)]
    values = {f"distinct_{n}": [distinct(window, n) for window in windows] for n in (1, 2, 3)}
    values["word_entropy"] = [word_entropy(window) for window in windows]
    values["compression_ratio"] = [compression_ratio(block) for block in blocks]
    values["self_bleu"] = [self_bleu(group) for group in groups[:WINDOWS]]
    return {name: fmean(parts) for name, parts in values.items() if parts}


def _windows(pieces: Pieces) -> Iterator[Pieces]:
    """Stretches of exactly `WINDOW_WORDS` words; what is left at the end belongs to none."""
    window: list[Sequence[str]] = []
    room, found = WINDOW_WORDS, 0
    for piece in pieces:
        at = 0
        while len(piece) - at >= room:
            yield [*window, piece[at : at + room]]
            found += 1
            if found == WINDOWS:
                return
            window, at, room = [], at + room, WINDOW_WORDS
        window.append(piece[at:])
        room -= len(piece) - at


def _blocks(data: bytes) -> Iterator[bytes]:
    for start in range(0, min(len(data) - WINDOW_BYTES + 1, WINDOWS * WINDOW_BYTES), WINDOW_BYTES):
        yield data[start : start + WINDOW_BYTES]


def distinct(pieces: Pieces, n: int) -> float:
    """Distinct-n: different n-grams, of all n-grams (Li et al. 2016, https://arxiv.org/abs/1510.03055); 0 without any.

    >>> distinct([["a", "b", "a", "b"]], 2)
    0.6666666666666666
    """
    grams = list(chain.from_iterable(_grams(piece, n) for piece in pieces))
    return len(set(grams)) / len(grams) if grams else 0.0


def word_entropy(pieces: Pieces) -> float:
    """Entropy of the distribution of words, in bits (Shannon 1948, https://doi.org/10.1002/j.1538-7305.1948.tb01338.x).

    >>> word_entropy([["a", "b"], ["a", "c"]])
    1.5
    """
    counts = Counter(chain.from_iterable(pieces)).values()
    total = sum(counts)
    return sum(count / total * math.log2(total / count) for count in counts)


def compression_ratio(data: bytes) -> float:
    """Bytes of a text, by those of it compressed by zlib (Shaib et al. 2024, https://arxiv.org/abs/2403.00553)."""
    return len(data) / len(zlib.compress(data, 9))


def self_bleu(pieces: Pieces) -> float:
    """The mean BLEU-4 of each text with all others for references (Zhu et al. 2018, https://arxiv.org/abs/1802.01886):
    0 if no two share a word, 1 if all are the same.

    BLEU is that of Papineni et al. 2002 (https://aclanthology.org/P02-1040), brevity penalty included; a single text
    has few phrases of four words, so 1 is added to the counts of phrases of two words or more (Lin and Och 2004,
    https://aclanthology.org/C04-1072).
    """
    logs = [0.0] * len(pieces)
    for n in (1, 2, 3, 4):
        counts = [Counter(_grams(piece, n)) for piece in pieces]
        most = _most_elsewhere(counts)
        for i, own in enumerate(counts):
            matches = sum(min(count, most(gram, i)) for gram, count in own.items())
            share = (matches + (n > 1)) / max(own.total() + (n > 1), 1)
            logs[i] += math.log(share) / 4 if share else -math.inf
    lengths = [len(piece) for piece in pieces]
    return fmean(math.exp(log + _brevity(i, lengths)) for i, log in enumerate(logs))


def _most_elsewhere(counts: Sequence[Counter[tuple[str, ...]]]) -> Callable[[tuple[str, ...], int], int]:
    """How often a phrase is in that other text which has it most often, for every phrase and text at once."""
    best: dict[tuple[str, ...], tuple[int, int, int]] = {}  # the largest count, whose it is, the second largest
    for i, own in enumerate(counts):
        for gram, count in own.items():
            first, owner, second = best.get(gram, (0, i, 0))
            best[gram] = (count, i, first) if count > first else (first, owner, max(second, count))

    def most(gram: tuple[str, ...], i: int) -> int:
        first, owner, second = best[gram]
        return second if owner == i else first

    return most


def _brevity(i: int, lengths: Sequence[int]) -> float:
    """The logarithm of the penalty for a text shorter than the other one that is nearest to it in length."""
    own = lengths[i]
    _, nearest = min((abs(length - own), length) for j, length in enumerate(lengths) if j != i)
    return 1 - nearest / own if 0 < own < nearest else 0.0


def _grams(piece: Sequence[str], n: int) -> Iterable[tuple[str, ...]]:
    return zip(*(piece[i:] for i in range(n)), strict=False)
