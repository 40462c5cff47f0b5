"""Diversity of texts, on sets whose right value is known."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.audit.diversity import compression_ratio, distinct, diversity, entropy, self_bleu
from star.audit.signals import SIGNALS


def test_distinct_n_grams_are_counted_across_texts():
    texts = [["a", "b", "a", "b"], ["a", "b", "c"]]
    assert distinct(texts, 1) == 3 / 7
    assert distinct(texts, 2) == 3 / 5  # ab ba ab, ab bc
    assert distinct(texts, 3) == 3 / 3
    assert distinct([["a"]], 2) == 1.0


def test_self_bleu_is_one_for_equal_texts_and_near_zero_for_strangers():
    assert self_bleu([list("abcdefgh")] * 5) == pytest.approx(1.0)
    strangers = [[f"{name}{i}" for i in range(20)] for name in "abcdef"]
    assert self_bleu(strangers) < 0.01


def test_self_bleu_has_the_value_that_is_worked_out_by_hand():
    """Of "a b c d": 3 of 4 words, 2 of 3 pairs and 1 of 2 triples stand in "a b c e", no run of four; and the other
    way round. Of equal length, so no penalty."""
    expected = (3 / 4 * 2 / 3 * 1 / 2 * 0.1 / 1) ** (1 / 4)
    assert self_bleu([list("abcd"), list("abce")]) == pytest.approx(expected)


def test_self_bleu_takes_the_best_reference_and_penalises_brevity():
    texts = [list("aab"), list("aaaa")]  # "aab": a a of 2 in the other, b not; "aaaa": two of its four
    short = math.exp(1 - 4 / 3) * math.exp((math.log(2 / 3) + math.log(1 / 2) + math.log(0.1 / 1)) / 3)
    long = math.exp((math.log(2 / 4) + math.log(1 / 3) + math.log(0.1 / 2) + math.log(0.1 / 1)) / 4)
    assert self_bleu(texts) == pytest.approx((short + long) / 2)


def test_entropy_is_that_of_the_words():
    assert entropy([["a", "a"], ["a"]]) == 0.0
    assert entropy([["a", "b", "c", "d"]] * 3) == pytest.approx(2.0)


def test_what_repeats_compresses():
    assert compression_ratio(["the same old story"] * 50) > 10 > compression_ratio([str(i**7) for i in range(50)])


@given(st.lists(st.text(max_size=40), min_size=2, max_size=20), st.integers(0, 2**63))
def test_any_texts_have_all_signals_within_their_range(texts, seed):
    found = diversity(texts, seed)
    assert set(found) == {signal.name for signal in SIGNALS if signal.part == "diversity"}
    assert all(math.isfinite(value) for value in found.values())
    for name in ("distinct_1", "distinct_2", "distinct_3", "self_bleu", "near_duplicates"):
        assert 0 <= found[name] <= 1 + 1e-9
    assert diversity(texts, seed) == found


def test_fewer_than_two_texts_have_no_diversity():
    assert diversity([], 1) == diversity(["alone"], 1) == {}


def test_repeats_are_near_duplicates_and_other_texts_are_not():
    texts = [
        f"{name} goes to the market and buys {name} apples for the {name} family" for name in ("ann", "bob", "joe")
    ]
    assert diversity([*texts, *texts], 1)["near_duplicates"] == 0.5
    assert diversity(texts, 1)["near_duplicates"] == 0.0


def test_shares_do_not_fall_because_there_are_more_texts():
    """Of the same kind of text there may be five hundred or five thousand."""
    texts = [f"{i} and {i * i} make {i * i + i}" for i in range(5000)]
    few, many = diversity(texts[:500], 1), diversity(texts, 1)
    assert many["distinct_2"] == pytest.approx(few["distinct_2"], rel=0.1)
    assert many["compression_ratio"] == pytest.approx(few["compression_ratio"], rel=0.15)
