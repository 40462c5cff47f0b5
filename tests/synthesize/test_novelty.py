"""ROUGE-L is that of the definition, and the nearest text is found exactly, whatever the bound leaves out."""

from functools import lru_cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.synthesize.novelty import Index, rouge_l, words

TEXTS = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f"]), max_size=12).map(" ".join)


def defined(first: str, second: str) -> float:
    """By the recursion of the definition: precision, recall and their harmonic mean."""
    a, b = words(first), words(second)

    @lru_cache(None)
    def longest(i: int, j: int) -> int:
        if i == len(a) or j == len(b):
            return 0
        return 1 + longest(i + 1, j + 1) if a[i] == b[j] else max(longest(i + 1, j), longest(i, j + 1))

    if not (length := longest(0, 0)):
        return 0.0
    precision, recall = length / len(a), length / len(b)
    return 2 * precision * recall / (precision + recall)


@given(TEXTS, TEXTS)
def test_rouge_l_is_the_f_measure_of_the_longest_common_subsequence(first, second):
    assert rouge_l(first, second) == pytest.approx(defined(first, second))


@given(st.lists(TEXTS, max_size=12), TEXTS)
def test_the_nearest_text_is_the_first_of_those_with_the_largest_rouge_l(texts, question):
    index = Index()
    for place, text in enumerate(texts):
        index.add(str(place), text)
    id, similarity = index.nearest(question)
    scores = [rouge_l(text, question) for text in texts]
    assert similarity == max(scores, default=0.0)
    assert id == (str(scores.index(similarity)) if similarity else "")


@given(st.lists(st.text(), max_size=4), st.text())
def test_any_text_can_be_looked_for_among_any_others(texts, question):
    index = Index()
    for place, text in enumerate(texts):
        index.add(str(place), text)
    assert 0 <= index.nearest(question).similarity <= 1


def test_what_is_nearest_changes_when_texts_are_added():
    index = Index()
    assert index.nearest("What is 1 + 2?") == ("", 0.0)
    index.add("a", "Who is there?")
    assert index.nearest("What is 1 + 2?") == ("a", pytest.approx(2 / 7))
    index.add("b", "what is 2 + 1")
    assert index.nearest("What is 1 + 2?") == ("b", 0.75)
    index.add("c", "WHAT IS 1 + 2")
    assert index.nearest("What is 1 + 2?") == ("c", 1.0)


def test_seven_words_of_ten_are_not_too_much_alike_and_eight_are():
    ten = "one two three four five six seven eight nine ten"
    assert rouge_l(ten, "one two three four five six seven h i j") == 0.7
    assert rouge_l(ten, "one two three four five six seven eight i j") > 0.7
