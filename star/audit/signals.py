"""What is watched, as a table: each signal's name, how to read it, and where it comes from. Their values are computed
in the files beside this one; the report and the metrics know them by these names."""

from __future__ import annotations

from typing import Literal, NamedTuple

Unit = Literal["share", "count", "number", "bits", "words"]
Better = Literal["higher", "lower", "neither"]
Part = Literal["diversity", "coverage", "drift", "trust"]


class Signal(NamedTuple):
    """One number an iteration.

    Attributes:
        meaning: one line for people.
        source: where the definition comes from.
    """

    name: str
    title: str
    part: Part
    unit: Unit
    better: Better
    meaning: str
    source: str


SIGNALS = (
    Signal("distinct_1", "distinct words", "diversity", "share", "higher",
           "distinct words, of all words of accepted rationales", "Li et al. 2016, https://arxiv.org/abs/1510.03055"),
    Signal("distinct_2", "distinct word pairs", "diversity", "share", "higher",
           "distinct pairs of neighbouring words, of all of them", "Li et al. 2016, https://arxiv.org/abs/1510.03055"),
    Signal("distinct_3", "distinct word triples", "diversity", "share", "higher",
           "distinct triples of neighbouring words, of all of them",
           "Li et al. 2016, https://arxiv.org/abs/1510.03055"),
    Signal("self_bleu", "self-BLEU", "diversity", "share", "lower",
           "how well the other rationales predict the phrases of one: 1 is all alike",
           "Zhu et al. 2018, https://arxiv.org/abs/1802.01886"),
    Signal("rationale_words", "words in a rationale", "diversity", "words", "neither",
           "mean length of accepted rationales", "Shaib et al. 2024, https://arxiv.org/abs/2403.00553"),
    Signal("compression_ratio", "compression ratio", "diversity", "number", "lower",
           "bytes of all rationales, by their bytes compressed: what repeats compresses",
           "Shaib et al. 2024, https://arxiv.org/abs/2403.00553"),
    Signal("word_entropy", "entropy of words", "diversity", "bits", "higher",
           "bits it takes to say which word comes, by how often each is used",
           "Shannon 1948, https://doi.org/10.1002/j.1538-7305.1948.tb01338.x"),
    Signal("near_duplicates", "near-duplicates", "diversity", "share", "lower",
           "accepted rationales that nearly repeat an earlier one (Jaccard 0.8 of word 5-grams, by MinHash)",
           "Broder 1997, https://doi.org/10.1109/SEQUEN.1997.666900; Lee et al. 2022, https://arxiv.org/abs/2107.06499"),
    Signal("ever_solved", "ever solved", "coverage", "share", "higher",
           "training problems tried so far that some plain attempt has solved", "Kirk et al. 2024, https://arxiv.org/abs/2310.06452"),
    Signal("newly_solved", "newly solved", "coverage", "count", "higher",
           "training problems solved without help for the first time", "Toneva et al. 2019, https://arxiv.org/abs/1812.05159"),
    Signal("forgotten", "forgotten", "coverage", "share", "lower",
           "problems that were solved when last tried, tried again, and not solved any more",
           "Toneva et al. 2019, https://arxiv.org/abs/1812.05159"),
    Signal("easiest_decile", "easiest tenth", "coverage", "share", "lower",
           "training examples from the tenth of the problems that was solved most often: 0.1 is even",
           "Xu et al. 2024, https://arxiv.org/abs/2407.13690"),
    Signal("reference_perplexity", "perplexity of real text", "drift", "number", "lower",
           "how surprised the model is by a token of the reference texts, which nobody trains on",
           "Shumailov et al. 2024, https://doi.org/10.1038/s41586-024-07566-y"),
    Signal("reference_accuracy", "accuracy on real text", "drift", "share", "higher",
           "tokens of the reference texts that the model would have written itself",
           "Shumailov et al. 2024, https://doi.org/10.1038/s41586-024-07566-y"),
    Signal("base_kl", "distance from the base", "drift", "number", "neither",
           "KL divergence from the base model to this one, nats a token of the reference texts",
           "Kullback and Leibler 1951, https://doi.org/10.1214/aoms/1177729694; Stiennon et al. 2020, https://arxiv.org/abs/2009.01325"),
    Signal("base_agreement", "agreement with the base", "drift", "share", "neither",
           "tokens of the reference texts where this model and the base would write the same",
           "Stiennon et al. 2020, https://arxiv.org/abs/2009.01325"),
    Signal("false_positives", "false positives", "trust", "share", "lower",
           "right answers with a wrong step in their working, of all right answers with a step to check",
           "Zelikman et al. 2022, section 5, https://arxiv.org/abs/2203.14465"),
    Signal("hint_leaks", "hint leaks", "trust", "share", "lower",
           "accepted rationalizations that mention the hint, or state its answer without a step that yields it",
           "Zelikman et al. 2022, section 3.2, https://arxiv.org/abs/2203.14465"),
    Signal("plain_accuracy", "plain accuracy", "trust", "share", "higher",
           "plain attempts at training problems that are right", "Zelikman et al. 2022, https://arxiv.org/abs/2203.14465"),
    Signal("hinted_accuracy", "hinted accuracy", "trust", "share", "higher",
           "hinted attempts that are right", "Zelikman et al. 2022, https://arxiv.org/abs/2203.14465"),
    Signal("learned_plain", "learned from plain", "trust", "share", "higher",
           "problems whose plain rationale was trained on last time that are solved now",
           "Zelikman et al. 2022, section 4, https://arxiv.org/abs/2203.14465"),
    Signal("learned_rationalized", "learned from hinted", "trust", "share", "higher",
           "problems whose rationalization was trained on last time that are solved now, without the hint",
           "Zelikman et al. 2022, section 4, https://arxiv.org/abs/2203.14465"),
    Signal("vote_error", "calibration error of the vote", "trust", "share", "lower",
           "mean distance between the share of samples that agree on an answer and how often it is right",
           "Wang et al. 2023, https://arxiv.org/abs/2203.11171; Guo et al. 2017, https://arxiv.org/abs/1706.04599"),
)  # fmt: skip
"""All of them, in the order of tables."""

BY_NAME = {signal.name: signal for signal in SIGNALS}
