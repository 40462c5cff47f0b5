"""Which part of a completion is its final answer."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.errors import UserError
from star.tasks.math import BOXED
from star.verify import Extractor

GSM8K = Extractor(r"####[ \t]*([^\n]+)")


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("6 * 7 = 42\n#### 42", ["42"]),
        ("#### 42\nMore text.", ["42"]),
        ("####42", ["42"]),
        ("####\t 1,234 ", ["1,234"]),
        ("no answer", []),
        ("", []),
        ("### 42", []),
        ("####\n42", []),
    ],
)
def test_the_first_group_of_the_pattern_is_the_answer(text, answers):
    assert GSM8K(text) == answers


def test_every_answer_that_is_stated_is_there_once_in_order():
    assert GSM8K("#### 42\n...\n#### 42") == ["42"]
    assert GSM8K("#### 42\n#### 41\n#### 42") == ["42", "41"]
    assert GSM8K("#### 1,000\n#### 1000") == ["1,000", "1000"]  # whether they agree is for a verifier to say


def test_a_match_whose_group_took_no_part_does_not_count():
    assert Extractor(r"answer: (\d+)|unsure")("unsure, answer: 5, unsure") == ["5"]


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        (r"So $\boxed{42}$.", ["42"]),
        (r"$\boxed{\frac{1}{2}}$", [r"\frac{1}{2}"]),
        (r"\boxed{\left\{1,2\right\}}", [r"\left\{1,2\right\}"]),
        (r"\fbox{x^{2^{3}}} and \boxed {5}", ["x^{2^{3}}", "5"]),
        (r"\boxed{12 $ and $ 13}", ["12 $ and $ 13"]),
        (r"\boxed{\frac{1}{2}", []),  # never closed
        (r"\boxed{4} and then \boxed{", ["4"]),
        (r"\boxed{}", []),
        (r"boxed{42}", []),
    ],
)
def test_what_stands_in_a_box_is_read_with_its_braces_balanced(text, answers):
    assert Extractor(BOXED)(text) == answers


@given(st.text() | st.text(r"\boxed{}# 4"))
def test_no_text_raises(text):
    for extractor in (GSM8K, Extractor(BOXED)):
        assert all(answer in text for answer in extractor(text))


@pytest.mark.parametrize("piece", [r"\boxed{", r"\boxed{{", "{", r"\boxed{\{", "#### ", r"\boxed{}"])
def test_a_megabyte_of_pieces_ends(piece):
    for extractor in (GSM8K, Extractor(BOXED, timeout=0.2)):
        with contextlib.suppress(TimeoutError):
            extractor(piece * (1_000_000 // len(piece)))


@pytest.mark.parametrize(
    ("pattern", "text"),
    [(r"((?:a|aa)+)$", "a" * 60 + "!"), (r"(.*.*.*.*=.*)x", "=" * 3000)],
)
def test_a_pattern_that_backtracks_forever_times_out(pattern, text):
    start = time.perf_counter()
    with pytest.raises(TimeoutError):
        Extractor(pattern, timeout=0.1)(text)
    assert time.perf_counter() - start < 20


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


def test_what_a_text_says_beside_its_final_answers():
    extract = Extractor(r"####[ \t]*([^\n]+)")
    assert extract.without("3 + 4 = 7\n#### 7\n#### 8").split() == ["3", "+", "4", "=", "7"]
    with pytest.raises(TimeoutError):
        Extractor(r"(?:a+)+(b)", timeout=0.01).without("a" * 5000)
