"""Whether an answer is in a passage."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.synthesize.grounding import is_computed, is_span
from star.synthesize.numbers import equations, has_unread, numbers, single

PASSAGE = "Ann has 12 hens and Ben, who lives in New York, has 30. They sold 3,500 eggs in 2019."


@pytest.mark.parametrize("answer", ["12", "12 hens", "new york", "New York,", "3,500 eggs", "“Ben”"])
def test_words_that_stand_together_in_the_passage_are_a_span(answer):
    assert is_span(answer, PASSAGE, 5)


@pytest.mark.parametrize("answer", ["500", "2", "York New", "hen", "", "...", "42", "12 hens and Ben who lives in"])
def test_other_words_parts_of_words_and_long_answers_are_none(answer):
    assert not is_span(answer, PASSAGE, 5)


@pytest.mark.parametrize(
    ("answer", "passage"),
    [("-5", "5 hens"), ("−5", "5 hens"), ("5", "It was -5 degrees"), ("5", "It was −5 degrees"), ("5", "It cost -$5"),
     ("50%", "50 hens"), ("50", "50% of them"), ("50", "50 % of them"), ("2", "1/2 a cup"), ("5", "0.5 litres"),
     ("5", ".5 litres"), ("30", "at 12:30 sharp")],
)  # fmt: skip
def test_another_sign_a_percentage_and_a_part_of_a_number_are_no_span(answer, passage):
    assert not is_span(answer, passage, 5)


@pytest.mark.parametrize(
    ("answer", "passage"),
    [("-5", "It was −5 degrees"), ("50 %", "Some 50% of them"), ("1995", "From 1990-1995"), ("$5", "5 dollars"),
     ("5", "It cost $5 then"), ("-$5", "a balance of -5 then"), ("1/2", "1/2 a cup"), ("5", "Have some (5) of them")],
)  # fmt: skip
def test_a_number_is_found_however_its_sign_and_currency_are_written(answer, passage):
    assert is_span(answer, passage, 5)


@given(st.sampled_from(["", "-"]), st.integers(0, 10**6), st.sampled_from(["", "%"]), st.sampled_from(["", "-"]),
       st.sampled_from(["", "%"]))  # fmt: skip
def test_a_number_is_a_span_exactly_where_sign_and_percentage_are_its_own(sign, number, rate, other_sign, other_rate):
    passage = f"They counted {other_sign}{number}{other_rate} in the end."
    assert is_span(f"{sign}{number}{rate}", passage, 5) == ((sign, rate) == (other_sign, other_rate))


def test_the_whole_passage_is_no_span():
    assert is_span("red barn", "The red barn", 5)
    assert not is_span("the red barn", "The red barn.", 5)


@pytest.mark.parametrize(
    ("answer", "working"),
    [
        ("42", "12 + 30 = 42"),
        ("42 hens", "Together they have 12 + 30 = 42 hens."),
        ("84", "12 + 30 = 42, and 42 + 42 = 84."),
        ("-18", "12 - 30 = -18"),
    ],
)
def test_what_a_right_equation_makes_of_the_numbers_of_the_passage_is_computed(answer, working):
    assert is_computed(answer, working, PASSAGE)


@pytest.mark.parametrize(
    ("answer", "working"),
    [
        ("42", "It is 42."),
        ("43", "12 + 30 = 43"),
        ("42", "12 + 30 = 43"),
        ("24", "12 * 2 = 24"),
        ("18", "12 - 30 = -18"),
        ("42", "40 + 2 = 42"),
        ("all of them", "12 + 30 = 42"),
        ("42", ""),
    ],
)
def test_wrong_equations_and_numbers_from_elsewhere_compute_nothing(answer, working):
    assert not is_computed(answer, working, PASSAGE)


@given(st.text(), st.text(), st.text())
def test_any_text_can_be_asked_about(answer, working, passage):
    assert is_span(answer, passage, 5) in (True, False)
    assert is_computed(answer, working, passage) in (True, False)
    assert has_unread(working) in (True, False)


@given(st.lists(st.integers(0, 10**9), max_size=6))
def test_every_number_of_a_text_is_found_with_separators_or_without(values):
    assert numbers(" and ".join(f"{value:,}" for value in values)) == set(values)
    assert numbers(", ".join(map(str, values))) == set(values)


def test_what_counts_lines_is_no_number_and_other_numbers_at_their_start_are():
    assert numbers("1. Add 5.\n2. Take 7.\nStep 3: stop\n9. What is this?") == {5, 7, 9}


@pytest.mark.parametrize("text", ["٤٢", "a" + "9" * 41])
def test_digits_that_nobody_reads_are_noticed(text):
    assert has_unread(text)
    assert not has_unread("42 and 1,200 and ½ and 2²")


def test_one_number_is_read_with_its_sign_and_without_its_unit():
    texts = ["$-7", "-$7", "−7 degrees", "7.", "$1,200", "3.5 kg"]
    assert list(map(single, texts)) == [-7, -7, -7, 7, 1200, Fraction(7, 2)]
    assert [single(text) for text in ["3 to 4", "1/2", "x7", "seven", "", "12:30"]] == [None] * 6


def test_equations_are_those_that_are_confirmed():
    assert list(equations("3 + 4 = 7 pens. 7 + 1 = 9. 2x = 4. It is not so that 1 + 1 = 2.")) == [({3, 4}, 7)]
