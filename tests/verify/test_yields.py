"""What yields an answer: computations that come to a number, and words that are reasons."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.verify.yields import computes, reasons


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("48 / 2 = 24 clips", 24),
        ("half of it is <<48/2=24>>24", 24),
        ("24 = 48 / 2", 24),
        ("3 * 4 = 12 + 5 = 17", 17),
        ("10 / 4 = 2.5, so 3 boxes", 3),
        ("10 / 4 = 2.5, so 2 whole ones", 2),
        ("4 * $.25 = $1.00, that is 100 cents", 100),
        ("9 / 21 = 42.857%", 43),
        ("2/3 * 5 = 3.333", "3.33"),
        ("1200 sq. ft. / 400 sq. ft. per can = 3 cans", 3),
        ("$280k price - $40k deposit = $240k", 240),
        ("3x = 15, so x = 5", 5),
        ("100 = 5A, or 20 = A", 20),
        ("N + 2 = M and M - 9 = 3N, so N = -5.5", "-5.5"),
        ("96 divided by .8 equals 120", 120),
        ("The sum of 3, 4 and 5 is 12", 12),
        ("Subtracting 1,000 from 5,000 leaves 4,000.", 4000),
        ("Half of 48 is 24.", 24),
        ("A third of 30 is 10.", 10),
        ("\\frac{1}{2} \\cdot 8 = 4", 4),
    ],
)
def test_a_computation_comes_to_its_result(text, value):
    assert computes(text, Fraction(value))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", 7),
        ("7", 7),
        ("It is 7.", 7),
        ("x = 7", 7),
        ("7 = 7", 7),
        ("3 + 4", 7),  # nobody says what it is
        ("3 + 4 = 7", 8),
        ("3 + 4 = 8", 8),  # false
        ("3 + 4 = 8 in total", 8),
        ("3 + 4 = 7, so x = 12", 12),
        ("There are 5 more and 9 each, 7 in all.", 7),
        ("3 * 4 = 12", 1),
        ("50 / 100 = 0.5", 7),
        ("Tom's 7 = b", 7),
    ],
)
def test_what_does_not_compute_a_number_does_not_yield_it(text, value):
    assert not computes(text, Fraction(value))


@given(st.integers(2, 10**6), st.integers(2, 10**6), st.integers(1, 999))
def test_a_sum_yields_itself_and_no_other_whole_number(a, b, error):
    text = f"Together they have {a} + {b} = {a + b} apples."
    assert computes(text, Fraction(a + b))
    assert computes(text, Fraction(a + b + error)) == (a + b + error in ((a + b) * 100, a, b))


def test_reasons_are_words_of_their_own():
    known = ["Where do fish swim?", "river"]
    assert not reasons("", known)
    assert not reasons("So the answer is river.", known)
    assert not reasons("Fish swim where? Fish swim where, river, RIVER?!", known)
    assert not reasons("Obviously, river.", known), "one word is none"
    assert reasons("Fresh water.", known)
    assert reasons("2 + 3", []), "numbers count"


@given(st.text(st.characters()) | st.text("0123456789+-*/x=.,$% abc"), st.fractions())
def test_no_text_raises(text, value):
    computes(text, value)
    reasons(text, [text])
    assert not reasons(text, [text])
