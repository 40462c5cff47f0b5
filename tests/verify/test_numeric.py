"""Numbers: what is one, what it is worth, and that no text from a model costs time or raises."""

import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.records import Problem
from star.verify import NumericVerifier, parse_number

VERIFIER = NumericVerifier()


def gold(answer):
    return Problem(id="p", task="t", question="q", answer=answer)


@pytest.mark.parametrize(
    ("answer", "truth"),
    [
        ("42", "42"),
        ("−3", "-3"),  # U+2212
        ("- 3", "-3"),
        ("+3", "3"),
        ("-0", "0"),
        ("007", "7"),
        ("5.", "5"),
        ("42 .", "42"),
        (" \t42\n", "42"),
        (".5", "1/2"),
        ("0.50", "0.5"),
        ("$5", "5"),
        (r"\$5", "5"),
        ("€5", "5"),
        ("£ 5", "5"),
        ("$-5", "-5"),
        ("-$1,234.50", "-1234.5"),
        ("1,234", "1234"),
        ("1,234,567", "1234567"),
        ("1/3", "2/6"),
        ("1 / 3", "1/3"),
        ("2 1/2", "5/2"),
        ("-2 1/2", "-5/2"),
        ("1e6", "1000000"),
        ("1E6", "1,000,000"),
        ("2.5e-1", "1/4"),
        ("25%", "0.25"),
        (r"25\%", "1/4"),
        ("４２", "42"),  # full-width digits
        ("－１，２３４．５", "-1234.5"),
        ("1e400", "1" + "0" * 150 + "e250"),
        ("100000000000000000001", "100000000000000000001"),
    ],
)
def test_the_same_number_written_differently_is_correct(answer, truth):
    assert VERIFIER.verify(answer, gold(truth)).status == "correct"
    assert VERIFIER.verify(truth, gold(answer.strip().removesuffix("."))).status == "correct"


@pytest.mark.parametrize(
    ("answer", "truth"),
    [
        ("- 3", "3"),
        ("−3", "3"),
        ("25%", "25"),
        ("1/3", "0.333333333333333333"),
        ("0.30000000000000004", "0.3"),
        ("100000000000000000001", "100000000000000000000"),
        (f"1/{2**99}", f"1/{2**98}"),
        ("2 1/2", "2"),
        ("21/2", "2 1/2"),
        ("1e6", "1e7"),
        ("1.234", "1,234"),
    ],
)
def test_another_number_is_wrong(answer, truth):
    assert VERIFIER.verify(answer, gold(truth)).status == "wrong"
    assert VERIFIER.verify(truth, gold(answer)).status == "wrong"


HAZARDS = [
    "9**9**9",
    "10000000!",
    "1e99999999",
    "1e401",
    "1e-401",
    "9e9999",
    "1" * 5000,
    "0" * 201,
    "-" * 20000,
    "−" * 20000,
    "+" + " " * 198 + "x",
    "-" + " " * 60 + "$" + " " * 60 + "1" + " " * 60 + "x",
    "1," * 99 + "1",
    "1" * 199 + "x",
    "٤٢",  # Arabic-Indic digits
    "४२",
    "1_000",
    "42²",
    "½",
    "Ⅷ",
    "not 42",
    "41 or 42",
    "1/2^99",
    "1/0",
    "1/0,000",
    "0/0",
    "2 1/0",
    "",
    " ",
    ".",
    "-",
    "$",
    "%",
    "e5",
    "--3",
    "+-3",
    "-$-5",
    "1,23",
    "1234,567",
    "1,2345",
    "0,500",
    "00,500",
    "-0,123",
    ",123",
    "5,000,",
    "1 000",
    "1.2.3",
    "1/2/3",
    "1.5/2",
    "1/-2",
    "12:30",
    "0x10",
    "nan",
    "inf",
    "Infinity",
    "True",
    "(5)",
    "5 dollars",
    "1e5.5",
    "4\n2",
    "42\x00",
    "\ud800",
    "__import__('os').system('true')",
]


@pytest.mark.parametrize("text", HAZARDS, ids=lambda text: ascii(text)[:40])
def test_what_is_not_in_the_grammar_is_no_answer_and_costs_no_time(text):
    start = time.perf_counter()
    verdict = VERIFIER.verify(text, gold("42"))
    assert time.perf_counter() - start < 10
    assert (verdict.status, verdict.answer, verdict.detail) == ("no_answer", text, "not a number")


@given(st.text() | st.text("0123456789+-−.,/%$\\ eE\t\n٤²½４_*!"))
def test_no_text_raises(text):
    value = parse_number(text)
    assert value is None or isinstance(value, Fraction)
    assert VERIFIER.verify(text, gold("42")).status in ("correct", "wrong", "no_answer")


@st.composite
def numbers(draw, largest=10**30):
    """A number as text, and its exact value."""
    n = draw(st.integers(-largest, largest))
    signs = ["-", "−", "- ", "-$", "$-", r"-\$"] if n < 0 else ["", "+", "$"]
    size, sign, comma = abs(n), draw(st.sampled_from(signs)), draw(st.sampled_from(["", ","]))
    digits, below, exponent = draw(st.integers(1, 12)), draw(st.integers(1, 10**12)), draw(st.integers(-400, 400))
    text, value = draw(
        st.sampled_from(
            [
                (f"{size:{comma}}", Fraction(size)),
                (f"{size // 10**digits:{comma}}.{size % 10**digits:0{digits}}", Fraction(size, 10**digits)),
                (f"{size:{comma}}/{below:{comma}}", Fraction(size, below)),
                (f"{size} {below}/{digits}", size + Fraction(below, digits)),
                (f"{size}e{exponent}", size * Fraction(10) ** exponent),
                (f"{size:{comma}}%", Fraction(size, 100)),
            ]
        )
    )
    return sign + text, -value if n < 0 else value


@given(numbers())
def test_a_formatted_number_has_its_exact_value(number):
    text, value = number
    assert parse_number(text) == value


@given(numbers() | numbers(largest=3), numbers(largest=3))
def test_verifying_is_symmetric(first, second):
    for (a, x), (b, y) in ((first, second), (first, first)):
        forth, back = VERIFIER.verify(a, gold(b)), VERIFIER.verify(b, gold(a))
        assert forth.status == back.status == ("correct" if x == y else "wrong")


@pytest.mark.parametrize("truth", ["one", "", "1_000", "41 or 42", "1e99999999"])
def test_a_ground_truth_that_is_not_a_number_is_complained_about(truth):
    assert VERIFIER.check_gold(gold(truth)) == f"the ground truth {truth!r} is not a number"


@pytest.mark.parametrize("truth", ["42", "1,234", "-3/4", "25%"])
def test_a_ground_truth_that_is_a_number_is_not(truth):
    assert VERIFIER.check_gold(gold(truth)) is None


def test_a_tolerance_is_an_exact_absolute_difference():
    verifier = NumericVerifier(tolerance=0.1)
    assert verifier.verify("3.1", gold("3")).status == "correct"  # 3.1 - 3 is more than 0.1 in floating point
    assert verifier.verify("2.9", gold("3")).status == "correct"
    assert verifier.verify("3.1000000000000000001", gold("3")).status == "wrong"
    assert NumericVerifier(tolerance=0).verify("3.0000000000000000001", gold("3")).status == "wrong"


@given(st.decimals(-1000, 1000, places=3), st.decimals(-1000, 1000, places=3))
def test_a_tolerance_is_symmetric(a, b):
    verifier = NumericVerifier(tolerance=0.5)
    expected = "correct" if abs(Fraction(a) - Fraction(b)) <= Fraction(1, 2) else "wrong"
    assert verifier.verify(f"{a:f}", gold(f"{b:f}")).status == expected
    assert verifier.verify(f"{b:f}", gold(f"{a:f}")).status == expected


METRIC = NumericVerifier(units=["cm|centimeters", "m|meters", "dollars"])


@pytest.mark.parametrize("answer", ["5", "5 cm", "5cm", "5 centimeters", "5.0 cm.", r"5\text{ cm}"])
def test_a_unit_may_be_left_out_or_be_the_same(answer):
    assert METRIC.verify(answer, gold("5 cm")).status == "correct"
    assert METRIC.verify(answer, gold("5")).status == "correct"
    assert METRIC.check_gold(gold(answer)) is None


def test_another_unit_is_wrong_and_an_unknown_one_is_no_answer():
    assert METRIC.verify("5 meters", gold("5 cm")).detail == "another unit"
    assert METRIC.verify("5 cm^2", gold("5 cm")).status == "wrong"
    assert METRIC.verify("5 miles", gold("5 cm")).status == "no_answer"
    assert VERIFIER.verify("5 cm", gold("5")).status == "no_answer"  # no units unless the recipe names them


def test_the_version_tells_units_and_tolerance():
    versions = {v.version for v in (VERIFIER, METRIC, NumericVerifier(tolerance=0.1), NumericVerifier(["m"], 0.1))}
    assert len(versions) == 4


def test_answers_agree_when_they_are_the_same_number():
    assert VERIFIER.agree(["1,000", "1000", "1e3", "$1000"], gold("5"))
    assert not VERIFIER.agree(["1000", "1001"], gold("1000"))
    assert VERIFIER.agree(["a lot", "A  lot"], gold("5"))
    assert not VERIFIER.agree(["a lot", "1000"], gold("5"))


def test_answers_agree_when_their_units_do():
    assert METRIC.agree(["5 cm", "5", "5.0 centimeters"], gold("5"))
    assert not METRIC.agree(["5 cm", "5 m"], gold("5"))
    assert not METRIC.agree(["5", "5 cm", "5 m"], gold("5"))
    assert METRIC.canonical("5 cm", gold("5")) != METRIC.canonical("5 m", gold("5"))


@given(numbers(), numbers(largest=3))
def test_the_canonical_form_is_the_same_exactly_for_equal_numbers(first, second):
    a, b = (VERIFIER.canonical(text, gold("0")) for text, _ in (first, second))
    assert (a == b) == (first[1] == second[1])
