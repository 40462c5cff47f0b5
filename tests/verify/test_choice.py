"""Multiple choice: letters and texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.records import Problem
from star.verify import ChoiceVerifier

VERIFIER = ChoiceVerifier()


def problem(answer, choices=("bank", "library", "New York", "mall", "desk")):
    return Problem(id="p", task="t", question="q", answer=answer, choices=choices)


@pytest.mark.parametrize(
    "answer", ["(b)", "b", "B", "b.", "(B).", "b)", "B:", r"\text{b}", r"\text{(B)}", " (b) ", "library", "LIBRARY\n"]
)
def test_letter_and_text_both_name_a_choice(answer):
    for truth in ("b", "(B)", "library"):
        assert VERIFIER.verify(answer, problem(truth)).status == "correct"


def test_the_text_of_a_choice_is_read_whatever_its_case_and_spaces():
    assert VERIFIER.verify("new \u00a0york", problem("c")).status == "correct"


@pytest.mark.parametrize("answer", ["library (b)", "(b) library", "b. library", "B: Library", "library (b)."])
def test_a_letter_and_its_text_together_name_a_choice(answer):
    assert VERIFIER.verify(answer, problem("b")).status == "correct"


@pytest.mark.parametrize("answer", ["mall (b)", "(b) mall", "b. bank", "library (z)", "(b) library (b)", "(a) (b)"])
def test_a_letter_and_the_text_of_another_choice_name_none(answer):
    assert VERIFIER.verify(answer, problem("b")).status == "no_answer"


def test_answers_agree_when_they_name_the_same_choice():
    assert VERIFIER.agree(["(b)", "library", "B.", "library (b)"], problem("a"))
    assert not VERIFIER.agree(["(b)", "bank"], problem("b"))


@pytest.mark.parametrize("piece", ["(", "a", "(b) ", " ", "b. ", "x(b)"])
def test_a_megabyte_ends(piece):
    assert VERIFIER.verify(piece * (1_000_000 // len(piece)), problem("b")).status == "no_answer"


def test_another_choice_is_wrong():
    assert VERIFIER.verify("(a)", problem("b")).status == "wrong"
    assert VERIFIER.verify("mall", problem("b")).status == "wrong"


@pytest.mark.parametrize("answer", ["", "f", "(z)", "1", "a or b", "ab", "bookshop", "((b))", "b, c", "в", "\ud800"])
def test_what_is_none_of_the_choices_is_no_answer_rather_than_wrong(answer):
    verdict = VERIFIER.verify(answer, problem("b"))
    assert (verdict.status, verdict.answer, verdict.detail) == ("no_answer", answer, "not one of the choices")


def test_the_text_of_a_choice_goes_before_a_letter():
    choices = ("x", "y", "a")
    assert VERIFIER.verify("a", problem("(c)", choices)).status == "correct"
    assert VERIFIER.verify("(a)", problem("x", choices)).status == "correct"


def test_a_text_that_two_choices_share_names_neither():
    choices = ("same", "Same", "other")
    assert VERIFIER.verify("same", problem("a", choices)).status == "no_answer"
    assert VERIFIER.verify("(b)", problem("b", choices)).status == "correct"


def test_a_ground_truth_that_is_none_of_the_choices_is_complained_about():
    assert VERIFIER.check_gold(problem("f", ("x", "y"))) == "the ground truth 'f' is none of its choices ['x', 'y']"
    assert VERIFIER.check_gold(problem("a", ())) == "the problem has no choices"
    assert VERIFIER.check_gold(problem("b")) is None
    assert VERIFIER.check_gold(problem("new york")) is None


@given(st.text())
def test_no_text_raises(answer):
    assert VERIFIER.verify(answer, problem("b")).status in ("correct", "wrong", "no_answer")


@given(st.lists(st.text("xyz ", min_size=2, max_size=6).filter(str.strip), min_size=1, max_size=26), st.data())
def test_a_letter_always_names_its_own_choice(choices, data):
    choices = [f"{choice}{i}" for i, choice in enumerate(choices)]
    index, other = (data.draw(st.integers(0, len(choices) - 1)) for _ in range(2))
    letter = chr(ord("A") + index)
    expected = "correct" if index == other else "wrong"
    assert VERIFIER.verify(f"({letter})", problem(choices[other], tuple(choices))).status == expected
    assert VERIFIER.verify(choices[other], problem(letter, tuple(choices))).status == expected
