"""What a rationale looks like, as numbers."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from star.quality.features import FEWEST, GRAMS, SHAPE, Features, frequent_grams, shape


def test_features_are_those_of_the_text_and_its_question():
    found = dict(zip(SHAPE, shape("Tom has 3 apples and 4 pears", "3 + 4 = 7\nso 7 it is"), strict=True))
    assert found["numbers of the question"] == 1.0
    assert found["lines"] == math.log1p(2)
    assert found["equals signs"] == math.log1p(1)
    assert found["share of digits"] == 4 / len("3 + 4 = 7\nso 7 it is")
    assert shape("", "no no no no no")[SHAPE.index("distinct words")] == 0.2


@given(st.text(), st.text())
def test_any_text_has_features_and_they_are_finite(question, text):
    values = Features(["abc", "  =", "\ud800 7"]).of(question, text)
    assert values.shape == (len(SHAPE) + 3,)
    assert np.isfinite(values).all()


def test_phrases_are_those_of_most_texts_and_the_same_in_every_order():
    texts = ["abcd"] * FEWEST + ["bcde"] * FEWEST + ["xyz"] * (FEWEST - 1)
    assert frequent_grams(texts) == frequent_grams(texts[::-1]) == ["bcd", "abc", "cde"]
    many = [chr(0x4E00 + i) * 3 for i in range(2 * GRAMS)] * FEWEST
    assert len(frequent_grams(many)) == GRAMS


def test_a_phrase_counts_as_often_as_a_text_has_it():
    features = Features(["aba", "zzz"])
    assert features.names[-2:] == ["'aba'", "'zzz'"]
    assert features.of("", "ababa")[-2:].tolist() == [math.log1p(2), 0.0]
