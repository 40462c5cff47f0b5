"""Equality of text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.records import Problem
from star.verify import ExactVerifier
from star.verify.text import normalise

VERIFIER = ExactVerifier()


def gold(answer):
    return Problem(id="p", task="t", question="q", answer=answer)


@pytest.mark.parametrize(
    ("answer", "truth"),
    [
        ("Paris", "paris"),
        ("  New\u00a0York\n", "new york"),
        ("STRASSE", "straße"),
        ("cafe\u0301", "café"),  # combining accent, and one character
        ("ﬁne", "fine"),
        ("４２", "42"),
        ("8 8 3", "8  8\t3"),
    ],
)
def test_unicode_form_case_and_white_space_do_not_matter(answer, truth):
    assert VERIFIER.verify(answer, gold(truth)).status == "correct"
    assert VERIFIER.verify(truth, gold(answer)).status == "correct"


@pytest.mark.parametrize(("answer", "truth"), [("Paris.", "Paris"), ("42.0", "42"), ("883", "8 8 3"), ("", "x")])
def test_any_other_difference_is_wrong(answer, truth):
    verdict = VERIFIER.verify(answer, gold(truth))
    assert (verdict.status, verdict.answer) == ("wrong", answer)


@given(st.lists(st.text("abcXYZ019.,-", min_size=1), min_size=1), st.sampled_from([" ", "\t", "\n ", "\u3000"]))
def test_case_and_spacing_never_change_a_verdict(words, space):
    assert VERIFIER.verify(space.join(words).swapcase() + space, gold(" ".join(words))).status == "correct"


@given(st.text(), st.text())
def test_no_text_raises_and_verifying_is_symmetric(answer, truth):
    assert VERIFIER.verify(answer, gold(truth)).status == VERIFIER.verify(truth, gold(answer)).status
    assert VERIFIER.verify(answer, gold(answer)).status == "correct"


def test_an_empty_ground_truth_is_complained_about():
    assert VERIFIER.check_gold(gold(" \n")) == "the ground truth is empty"
    assert VERIFIER.check_gold(gold("x")) is None
    assert normalise(" \n") == ""


def test_answers_agree_when_they_are_the_same_text():
    assert VERIFIER.agree(["New York", "new  york"], gold("x"))
    assert not VERIFIER.agree(["New York", "York"], gold("York"))
