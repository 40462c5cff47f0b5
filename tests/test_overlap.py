"""Which texts overlap protected ones: whatever the punctuation, from 13 words in a row on, and never fewer."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.overlap import COMMON, LONG, Protected, Text
from star.records import Problem

WORDS = [f"word{i}" for i in range(40)]
STORY = " ".join(WORDS[:20])


def protect(*texts, ngram=13):
    return Protected([Text(f"file:{number}", text, text) for number, text in enumerate(texts, 1)], ngram)


def problem(question, *choices):
    return Problem("p", "task", question, "0", choices)


words = st.lists(
    st.text(string.ascii_letters + string.digits + "éßŒ漢", min_size=1, max_size=4), min_size=13, max_size=30
)
marks = st.text(string.punctuation + " \n\t«»…—“”\u00a0", min_size=1, max_size=4)


@given(words, words, words, st.data())
def test_thirteen_words_in_a_row_are_a_hit_whatever_stands_around_and_between_them(text, before, after, data):
    start = data.draw(st.integers(0, len(text) - 13))
    shared = [data.draw(st.sampled_from([str, str.upper, str.casefold]))(word) for word in text[start : start + 13]]
    found = protect(" ".join(text)).hit("".join(word + data.draw(marks) for word in [*before, *shared, *after]))
    assert (found.place, found.how) == ("file:1", "13-gram")
    assert len(found.words.split()) >= 13


@given(st.lists(st.sampled_from("abc"), max_size=40), st.lists(st.sampled_from("abc"), max_size=40), st.integers(8, 14))
def test_a_text_is_a_hit_exactly_when_it_shares_that_many_words_in_a_row(protected, text, size):
    runs = {tuple(protected[i : i + size]) for i in range(len(protected) - size + 1)}
    shared = any(tuple(text[i : i + size]) in runs for i in range(len(text) - size + 1))
    is_whole = len(text) >= LONG and text == protected
    assert (protect(" ".join(protected), ngram=size).hit(" ".join(text)) is not None) == (shared or is_whole)


def test_what_is_shared_is_told_from_its_first_to_its_last_word():
    found = protect("x y z", STORY).hit(f"Listen! {' '.join(WORDS[3:18]).upper()}; and more. {STORY}")
    assert found.words == " ".join(WORDS[3:18])
    assert str(found) == f"has 15 words in a row with file:2: {' '.join(WORDS[3:18])!r}"


def test_a_short_answer_that_is_protected_may_be_given_to_other_questions():
    protected = protect("12", "#### 12", " ".join(WORDS[:LONG]))
    assert not protected.hit("12")
    assert not protected.hit("#### 12")
    assert protected.hit(" ".join(WORDS[:LONG]).upper()).how == "exact"
    assert not protected.hit(" ".join(WORDS[: LONG + 1]))


def test_a_question_is_compared_as_a_whole_however_short_it_is_and_with_its_signs():
    protected = protect("What is 5 + 3?")
    found = protected.hit_by(problem(" what IS  5 + 3? "))
    assert str(found) == "is the same text as file:1: ' what IS  5 + 3? '"
    assert protected.hit_by(problem("What is 5 - 3?")) is None


def test_choices_count_as_words_of_a_problem():
    question, choices = " ".join(WORDS[:8]), WORDS[8:13]
    assert protect(" ".join(WORDS[:13])).hit_by(problem(question, *choices)).how == "13-gram"
    assert protect(" ".join(WORDS[:13])).hit_by(problem(question)) is None


def test_words_that_many_protected_texts_share_are_boilerplate():
    boilerplate = " ".join(WORDS[:15])
    few = protect(*(f"question {i} {boilerplate}" for i in range(COMMON)))
    many = protect(*(f"question {i} {boilerplate}" for i in range(COMMON + 1)))
    assert few.hit(f"another {boilerplate}")
    assert not many.hit(f"another {boilerplate}")
    assert many.hit_by(problem(f"question 3 {boilerplate}")).place == "file:4"


def test_a_text_that_is_there_many_times_is_one_text():
    assert protect(*[STORY] * 50).hit(f"so {STORY}").place == "file:1"  # a canary, in every row of a file


def test_whole_texts_alone_are_compared_where_the_recipe_or_the_text_says_so():
    assert protect(STORY, ngram=None).hit_by(problem(STORY)).how == "exact"
    assert protect(STORY, ngram=None).hit_by(problem(f"so {STORY}")) is None
    drawn = Protected([Text("a", STORY, ""), Text("b", "other", "other")], 13)
    assert drawn.hit_by(problem(f"so {STORY}")) is None


@pytest.mark.parametrize("text", ["", "  ", "?!", "\ud800", "word " * 5])
def test_texts_with_little_in_them_are_no_hit_and_no_error(text):
    assert not Protected().hit(text)
    assert not protect("", STORY).hit(text)


few_words = st.lists(st.sampled_from("abc"), max_size=20).map(" ".join)


@given(st.lists(few_words, max_size=4), st.lists(few_words, max_size=6), st.sampled_from([None, 8, 13]))
def test_many_texts_at_once_are_hit_as_each_by_itself(protected, texts, size):
    found, asked = protect(*protected, ngram=size), [problem(text, "b", "c") for text in texts]
    assert found.hits(texts) == [found.hit(text) is not None for text in texts]
    assert found.hits_by(asked) == [found.hit_by(one) is not None for one in asked]


def test_no_run_of_words_goes_on_from_one_text_to_the_next():
    assert protect(STORY).hits([" ".join(WORDS[:7]), " ".join(WORDS[7:20])]) == [False, True]
    assert protect(STORY).hits([" ".join(WORDS[:7]), " ".join(WORDS[7:14])]) == [False, False]
