"""How much a set of texts has to say: distinct n-grams, self-BLEU, compression, entropy, near-duplicates.

A share of distinct n-grams falls, and a compression ratio rises, as texts are added, whatever they say. So both are of
a sample of `SAMPLE` texts, drawn with the same seed in every iteration: they compare where there are as many.
"""

from __future__ import annotations

import math
import random
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from statistics import mean

from star.minhash import NearDuplicates
from star.verify.text import words

SAMPLE = 500
"""Texts that n-grams, entropy and compression are of."""
BLEU_SAMPLE = 100
"""Texts that self-BLEU is of: each against all others of them, as more references raise it."""
BLEU_ORDER = 4
SMALL = 0.1
"""Matches where there are none (Chen and Cherry 2014, method 1, https://aclanthology.org/W14-3346), as in Texygen."""
COMPARED = 100_000
"""Texts that are compared for near-duplicates, the first ones: 328 bytes each."""

Grams = Counter[tuple[str, ...]]


def diversity(texts: Iterable[str], seed: int) -> dict[str, float]:
    """The signals of part `diversity` in `star/audit/signals.py`, from at least two texts; nothing from fewer."""
    rng, sample, near = random.Random(seed), [], NearDuplicates()
    count = repeats = length = 0
    for count, text in enumerate(texts, 1):
        length += len(words(text))
        if count <= COMPARED:
            repeats += near.add(text) != count - 1
        if len(sample) < SAMPLE:
            sample.append(text)
        elif (place := rng.randrange(count)) < SAMPLE:  # a reservoir: each text so far is in it with the same chance
            sample[place] = text
    if count < 2:
        return {}
    tokenised = [words(text) for text in sample]
    return {
        **{f"distinct_{n}": distinct(tokenised, n) for n in (1, 2, 3)},
        "self_bleu": self_bleu(rng.sample(tokenised, min(BLEU_SAMPLE, len(tokenised)))),
        "rationale_words": length / count,
        "compression_ratio": compression_ratio(sample),
        "word_entropy": entropy(tokenised),
        "near_duplicates": repeats / min(count, COMPARED),
    }


def distinct(texts: Sequence[Sequence[str]], n: int) -> float:
    """Distinct n-grams of words, of all of them (Li et al. 2016, https://arxiv.org/abs/1510.03055, section 5.2); 1
    where there are none.

    >>> distinct([["a", "b"], ["a", "c"]], 1), distinct([["a", "b"], ["a", "c"]], 2)
    (0.75, 1.0)
    """
    counts = Counter(chain.from_iterable(_grams(text, n) for text in texts))
    return len(counts) / counts.total() if counts else 1.0


def compression_ratio(texts: Sequence[str]) -> float:
    """Bytes of all texts, a line each, by their bytes compressed with zlib (Shaib et al. 2024,
    https://arxiv.org/abs/2403.00553, section 3): the higher, the more they repeat."""
    raw = "\n".join(texts).encode("utf-8", "surrogatepass")
    return len(raw) / len(zlib.compress(raw, 6))


def entropy(texts: Iterable[Sequence[str]]) -> float:
    """Entropy of the distribution of words, in bits (Shannon 1948,
    https://doi.org/10.1002/j.1538-7305.1948.tb01338.x).

    >>> entropy([["a", "b"], ["c", "d"]])
    2.0
    """
    counts = Counter(chain.from_iterable(texts))
    total = counts.total()
    return -sum(count / total * math.log2(count / total) for count in counts.values()) + 0.0


def self_bleu(texts: Sequence[Sequence[str]]) -> float:
    """Mean BLEU-4 of each text with all the others as references (Zhu et al. 2018, https://arxiv.org/abs/1802.01886,
    section 4; BLEU of Papineni et al. 2002, https://aclanthology.org/P02-1040): 1 if all say the same.

    A text that is shorter than four words is scored by the n-grams that it has.
    """
    scores = [[] for _ in texts]  # of each text: (matches, n-grams) for n = 1 ... 4
    for n in range(1, BLEU_ORDER + 1):
        counted = [Counter(_grams(text, n)) for text in texts]
        best, second, holder = _most(counted)
        for number, counts in enumerate(counted):
            others = (second[gram] if holder[gram] == number else best[gram] for gram in counts)
            scores[number].append((sum(map(min, counts.values(), others)), counts.total()))
    lengths = [len(text) for text in texts]
    return mean(_bleu(score, i, lengths) for i, score in enumerate(scores))


def _most(counted: Sequence[Grams]) -> tuple[Grams, Grams, dict[tuple[str, ...], int]]:
    """The most and the second most times that a text has each n-gram, and which text has it most."""
    best: Grams = Counter()
    second: Grams = Counter()
    holder: dict[tuple[str, ...], int] = {}
    for number, counts in enumerate(counted):
        for gram, count in counts.items():
            if count > best[gram]:
                second[gram], best[gram], holder[gram] = best[gram], count, number
            elif count > second[gram]:
                second[gram] = count
    return best, second, holder


def _bleu(matched: Sequence[tuple[int, int]], number: int, lengths: Sequence[int]) -> float:
    """BLEU of text `number` from its matches, with the brevity penalty of the reference closest in length."""
    orders = [(matches or SMALL) / total for matches, total in matched if total]
    if not orders:
        return 0.0
    own = lengths[number]
    closest = min((length for i, length in enumerate(lengths) if i != number), key=lambda n: (abs(n - own), n))
    penalty = min(1.0, math.exp(1 - closest / own))
    return penalty * math.exp(mean(map(math.log, orders)))


def _grams(text: Sequence[str], n: int) -> Iterable[tuple[str, ...]]:
    return zip(*(text[i:] for i in range(n)), strict=False)
