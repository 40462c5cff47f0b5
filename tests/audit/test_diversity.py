"""Diversity of texts whose right values are known."""

import random
from itertools import cycle, islice, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from star.audit import diversity as module
from star.audit.diversity import (
    GROUP,
    SAMPLE,
    TOO_LITTLE,
    WINDOW_BYTES,
    WINDOW_WORDS,
    compression_ratio,
    distinct,
    diversity,
    self_bleu,
    word_entropy,
)
from star.audit.signals import SIGNALS

NAMES = {signal.name for signal in SIGNALS if signal.part == "diversity"}
DOCS = [["the", "cat", "sat", "on", "the", "mat"], ["the", "cat", "ate"]]


def made_up(count, length, seed=0, vocabulary=5000):
    rng = random.Random(seed)
    return [" ".join(f"w{rng.randrange(vocabulary)}" for _ in range(length)) for _ in range(count)]


def test_distinct_n_counts_phrases_within_texts():
    assert distinct(DOCS, 1) == 6 / 9
    assert distinct(DOCS, 2) == 6 / 7, "the cat comes twice"
    assert distinct(DOCS, 3) == 1.0
    assert distinct(DOCS, 7) == 0.0


def test_entropy_is_the_bits_of_a_word():
    assert word_entropy([["a"] * 9]) == 0.0
    assert word_entropy([list("abcdefgh")] * 3) == 3.0
    assert word_entropy([["a", "a", "b", "c"]]) == 1.5


def test_what_repeats_compresses_and_what_does_not_does_not():
    noise = random.Random(0).randbytes(WINDOW_BYTES)
    assert compression_ratio(b"abcd" * 1024) > 100
    assert compression_ratio(noise) == pytest.approx(1, abs=0.01)


def test_self_bleu_is_one_of_equal_texts_and_zero_of_disjoint_ones():
    assert self_bleu([list("abcdef")] * 4) == pytest.approx(1)
    assert self_bleu([["a"]] * 4) == pytest.approx(1)
    assert self_bleu([list("abcd"), list("efgh"), list("ijkl")]) == 0.0
    assert self_bleu([[], ["a"], []]) == 0.0


def test_self_bleu_is_what_its_formula_gives():
    # Of "a b c d e": 4 of 5 words, 3+1 of 4+1 pairs, 2+1 of 3+1 triples, 1+1 of 2+1 quadruples are in "a b c d f".
    expected = (4 / 5 * 4 / 5 * 3 / 4 * 2 / 3) ** 0.25
    assert self_bleu([list("abcde"), list("abcdf")]) == pytest.approx(expected)
    # Counts are clipped to those of the text that has most: 1 of 2 "a"; 0+1 of 1+1 pairs, 0+1 of 0+1 longer phrases.
    assert self_bleu([list("aa"), list("ab"), list("cd")]) == pytest.approx(
        ((1 / 2 * 1 / 2) ** 0.25 + (1 / 2 * 1 / 2) ** 0.25 + 0) / 3
    )


def test_a_text_shorter_than_the_nearest_other_one_pays_for_it():
    short, long = list("abcd"), list("abcdefgh")
    of_long = (4 / 8 * 4 / 8 * 3 / 7 * 2 / 6) ** 0.25
    assert self_bleu([short, long]) == pytest.approx((2.718281828459045 ** (1 - 8 / 4) + of_long) / 2)


def test_four_words_at_random_have_known_values():
    words = ["".join(word) for word in product("ab", repeat=2)]
    texts = [" ".join(islice(cycle(words), 8))] * 200
    found = diversity(texts, 0)
    assert found["rationale_words"] == 8
    assert found["word_entropy"] == 2.0
    assert found["distinct_1"] == 4 / WINDOW_WORDS
    assert found["distinct_2"] == pytest.approx(4 / (WINDOW_WORDS - WINDOW_WORDS / 8))
    assert found["near_duplicates"] == 199 / 200
    assert found["self_bleu"] == pytest.approx(1)
    assert found["compression_ratio"] > 50


def test_near_duplicates_are_counted_over_all_texts():
    texts = made_up(900, 30)
    assert diversity([*texts, *texts[:100]], 0)["near_duplicates"] == 0.1


def test_values_do_not_depend_on_how_much_text_there_is():
    few, many = (diversity(made_up(count, 40, vocabulary=300), 0) for count in (60, 3000))
    assert few.keys() == many.keys() == NAMES
    for name in NAMES:
        assert few[name] == pytest.approx(many[name], rel=0.05, abs=0.01), name


def test_collapse_shows_in_every_signal():
    alive = made_up(600, 40)
    collapsed = [random.Random(i).choice(alive[:8]) for i in range(600)]
    healthy, sick = diversity(alive, 0), diversity(collapsed, 0)
    for signal in SIGNALS:
        if signal.part == "diversity" and signal.better != "neither":
            better = healthy[signal.name] > sick[signal.name]
            assert better == (signal.better == "higher"), signal.name


def test_too_little_text_has_no_value_and_a_reason():
    assert set(TOO_LITTLE) == NAMES
    assert diversity([], 0) == {}
    assert set(diversity(["one two"], 0)) == {"rationale_words", "near_duplicates"}
    assert "self_bleu" not in diversity(made_up(GROUP - 1, 5), 0)
    assert "self_bleu" in diversity(made_up(GROUP, 5), 0)
    assert "distinct_1" not in diversity(made_up(1, WINDOW_WORDS - 1), 0)
    assert "distinct_1" in diversity(made_up(1, WINDOW_WORDS), 0)
    assert "compression_ratio" not in diversity(["a" * (WINDOW_BYTES - 1)], 0)
    assert "compression_ratio" in diversity(["a" * WINDOW_BYTES], 0)


def test_the_sample_is_drawn_by_the_seed_from_texts_that_come_once():
    texts = made_up(SAMPLE * 2, 10)
    assert diversity(iter(texts), 1) == diversity(texts, 1) != diversity(texts, 2)


def test_memory_and_time_are_bounded_by_the_sample(monkeypatch):
    monkeypatch.setattr(module, "COMPARED", 10)
    monkeypatch.setattr(module, "WINDOWS", 2)
    long = made_up(30, 500)
    found = diversity([*long, *long], 0)
    assert found["near_duplicates"] == 0, "the first ten have no duplicates among them"
    assert found.keys() == NAMES


@settings(max_examples=30)
@given(st.lists(st.text(st.characters()), max_size=5), st.integers(0, 3))
def test_no_text_raises(texts, seed):
    found = diversity(texts * 30, seed)
    assert all(0 <= found[name] <= 1 for name in ("self_bleu", "near_duplicates", "distinct_2") if name in found)
