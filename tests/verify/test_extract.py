"""Which part of a completion is its final answer."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.errors import UserError
from star.verify import Extractor

GSM8K = Extractor(r"####[ \t]*([^\n]+)")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("6 * 7 = 42\n#### 42", "42"),
        ("#### 42\nMore text.", "42"),
        ("####42", "42"),
        ("####\t 1,234 ", "1,234"),
        ("no answer", None),
        ("", None),
        ("### 42", None),
        ("####\n42", None),
    ],
)
def test_the_first_group_of_the_pattern_is_the_answer(text, answer):
    assert GSM8K(text) == answer


def test_the_same_answer_twice_is_that_answer():
    assert GSM8K("#### 42\n...\n#### 42") == "42"
    assert GSM8K("#### New York\n#### new  york") == "New York"


def test_two_different_answers_are_none():
    assert GSM8K("#### 41\nNo, wait.\n#### 42") is None
    assert GSM8K("#### 42\n#### 41\n#### 42") is None


def test_a_match_whose_group_took_no_part_does_not_count():
    assert Extractor(r"answer: (\d+)|unsure")("unsure, answer: 5, unsure") == "5"


@given(st.text())
def test_no_text_raises(text):
    answer = GSM8K(text)
    assert answer is None or answer in text


@given(st.integers(), st.integers())
def test_the_answer_is_kept_only_if_all_statements_of_it_agree(first, second):
    assert GSM8K(f"#### {first}\n#### {second}") == (str(first) if first == second else None)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [(r"((?:a|aa)+)$", "a" * 60 + "!"), (r"(.*.*.*.*=.*)x", "=" * 3000)],
)
def test_a_pattern_that_backtracks_forever_times_out(pattern, text):
    start = time.perf_counter()
    with pytest.raises(TimeoutError):
        Extractor(pattern, timeout=0.1)(text)
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize("pattern", ["(", "[a", "(a", "a)", "(?P<x>a)(?P<x", "*(a)"])
def test_a_pattern_that_is_no_regular_expression_is_an_error_that_shows_it(pattern):
    with pytest.raises(UserError) as caught:
        Extractor(pattern)
    assert str(caught.value).startswith(f"answer pattern {pattern!r} is not a regular expression: ")


@pytest.mark.parametrize("pattern", ["", "abc", "(?:abc)", r"\(abc\)"])
def test_a_pattern_without_a_group_is_an_error_with_a_remedy(pattern):
    with pytest.raises(UserError) as caught:
        Extractor(pattern)
    assert str(caught.value) == f"answer pattern {pattern!r} has no group; put ( ) around the answer"
