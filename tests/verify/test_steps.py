"""The step checker: what is a step, when it is sound, and that nothing is called wrong that may be right."""

import time
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from star.verify.steps import Steps, check_steps


def verdict(text):
    """`sound`, `wrong` or `None` of a text with one step at most."""
    steps = check_steps(text)
    assert steps.checked <= 1
    return None if not steps.checked else "wrong" if steps.wrong else "sound"


SOUND_AND_WRONG = [
    ("3 + 4 = 7", "3 + 4 = 8"),
    ("(3 + 4) * 2 - 5 = 9", "(3 + 4) * 2 - 5 = 6"),
    ("12 − 5 = 7", "12 − 5 = 8"),
    ("12 ÷ 4 × 5 · 2 = 30", "12 ÷ 4 × 5 · 2 = 40"),
    ("5 x 15 = 75 pages", "5 x 15 = 76 pages"),
    ("126 + 24 = $150", "126 + 24 = $151"),
    ("3 apples + 4 apples = 7 apples", "3 apples + 4 apples = 8 apples"),
    ("(3 hours * 30 mph) + (25 mph * 4 hours) = 190 miles", "(3 hours * 30 mph) + (25 mph * 4 hours) = 195 miles"),
    ("190 miles/day * 6 days = 1,140 miles", "190 miles/day * 6 days = 1,150 miles"),
    ("$.50 x 4 = $2", "$.50 x 4 = $3"),
    ("1/2 * 48 = 24", "1/2 * 48 = 25"),
    ("1/2 of 48 = 24", "1/2 of 48 = 25"),
    ("20% of 50 = 10", "20% of 50 = 11"),
    ("5/20 = 25%", "5/20 = 26%"),
    ("5/20 * 100 = 25%", "5/20 * 100 = 27%"),
    ("100% - 20% = 80%", "100% - 20% = 70%"),
    ("1/3 * 100% = 33.3%", "1/3 * 100% = 34.3%"),
    ("48 / 1/2 = 96", "48 / 2 = 96"),
    ("10/3 = 3.33", "10/3 = 3.34"),
    ("2/3 = 0.66", "2/3 = 0.65"),
    ("2/3 = 0.67", "2/3 = 0.68"),
    ("2^10 = 1024", "2^10 = 1025"),
    ("2**3 = 8", "2**3 = 6"),
    ("5(3) = 15", "5(3) = 53"),
    ("5 - 8 = -3", "5 + 8 = -3"),
    ("**3 + 4 = 7**", "3 + 4 = **8**"),
    (r"$\frac{1}{2} \times 48 = \boxed{24}$", r"$\frac{1}{2} \times 48 = \boxed{25}$"),
    ("So he (3 + 4 = 7) went", "So he (3 + 4 = 8) went"),
    ("1. 3 + 4 = 7.", "1. 3 + 4 = 8."),
    ("1) 3 + 4 = 7", "1) 3 + 4 = 8"),
    ("* 3 + 4 = 7", "* 3 + 4 = 8"),
    ("After selling 30, there are 48 - 30 = 18 rolls", "After selling 30, there are 48 - 30 = 28 rolls"),
    ("5 * 3 = 15 (three times)", "5 * 3 = 16 (three times)"),
]


@pytest.mark.parametrize(("sound", "wrong"), SOUND_AND_WRONG)
def test_closed_equations_are_sound_or_wrong(sound, wrong):
    assert (verdict(sound), verdict(wrong)) == ("sound", "wrong")


@pytest.mark.parametrize(
    "text",
    [
        "2x = 10", "x + 3 + 4 = 9", "3 + 4 = 7x", "3 + 4 = 2x + 1", "3 + 4 = 8 - y", "x3 + 4 = 9", "x -3 + 5 = 3",
        "f(3) + 4 = 9", "price + 3 = 5", "2 x + 3 = 10", "2 x - 3 = 7", "4 * boys = 9", "+ 3 = 4", "3 + = 4",
        "5:30 + 2 = 7", "0900-0130 = 0730", "9 + 5 = 2 pm", "1,5 + 2 = 4", "1.2.3 + 1 = 5",
        "5 more than 3 + 4 = 12", "half of 3 + 4 = 3.5", "add 5 to 3 + 4 = 12", "the sum of 5 and 3 + 4 = 12",
        "twice 3 + 4 = 14", "3, 4 + 5 = 12", "(1/2) 8 + 2 = 5", "5 * (3 + 4 = 7", "Week 1 + Week 2 = 35 + 35",
        "Weeks 1-2 = 96", "48 = 100% + 20%", "4 pounds - 6 ounces = 58 ounces", "√16 + 3 = 7", "- 5 + 3 = 9",
        "12 x 30 minutes = 6 hours", "4 x 25 cents = $1", "17 / 5 = 3 remainder 2", "17/3 = 5 and 2/3 loads",
        "17 / 5 = 3, rounded down", "100 + 20% = 120", "14 / 1 / 4 = 56", "1/0 = 3", "0/0 = 1", "0^-1 = 0",
        "9^9^9 = 1", "10^1000000 = 1", "2^(1/2) = 1", "3 != 4 + 5", "3 + 4 >= 5", "3 + 4 == 8", "3 + 4 => 8", "5 = 4",
        "3 + 4 ≈ 20", "1" * 50 + " + 1 = 2", "",
    ],
)  # fmt: skip
def test_what_may_be_right_or_is_no_equation_is_not_wrong(text):
    assert check_steps(text).wrong == ()


@pytest.mark.parametrize(
    "text",
    [
        "sin 30 + 1 = 1.5", "cos 60 + 1 = 1.5", "tan 45 + 1 = 2", "ln 1 + 5 = 5", "log_2 8 + 1 = 4", "max 3 + 4 = 9",
        "sin (30) + 1 = 1.5", "the sine of 30 + 1 = 1.5", r"\sin 30 + 1 = 1.5", "5 choose 2 + 1 = 11",
        "4 * 10 = 80 cos 60", "5 + 4 = 2 (mod 7)", r"5 + 4 = 2 \pmod{7}", "Modulo 7, 5 + 4 = 2",
        "In binary, 101 + 11 = 1000", "In binary:\n\n101 + 11 = 1000", "1011 + 1 = 1100 in binary",
        "101 + 11 = 1000 (base 2)", "In hex, 9 + 9 = 12", "0x10 + 1 = 17", "7/2 = 3 R1", "7/2 = 3 rem 1",
        "90 minutes / 60 = 1 hour 30 minutes", "45 minutes + 50 minutes = 1 hour and 35 minutes",
        "1 hour 30 minutes + 40 minutes = 130 minutes", "30 + 36 = 5'6\"", "150 + 200 cents = $3 and 50 cents",
        "150 + 200 cents = 3 dollars 50 cents", "7/2 = 3 (floor)", "Taking the floor, 7/2 = 3",
        "The ceiling of 7/2 = 4", "Rounding down, 7/2 = 3", "10 + 5 = 3 on a clock", "350 + 20 = 10 degrees",
        "It is false that 2 + 2 = 5", "2 + 2 = 5 is wrong", "2 + 2 = 5 (incorrect)", "2 + 2 = 5. That is wrong.",
        "It isn't true that 2 + 2 = 5", "2 + 2 = <<2+2=5>>5 is not right", "Is 2 + 2 = 5?", "2 + 2 = 5? No.",
        "Suppose 2 + 2 = 5.", "If 2 + 2 = 5, then", "He thinks 2 + 2 = 5", "17 / 5 = <<17/5=3>>3 remainder 2",
        "Half is <<7/2=3>>3 remainder 1", "90 minutes / 60 = <<90/60=1>>1 hour 30 minutes",
    ],
)  # fmt: skip
def test_what_is_denied_or_counts_in_another_way_is_not_checked(text):
    assert check_steps(text) == Steps()


@pytest.mark.parametrize(
    "text",
    ["He is not here. 2 + 2 = 5.", "2 + 2 = 5. It is not cold.", "How many? 2 + 2 = 5", "If 2 go, 2 + 2 = 5 are left",
     "350 + 20 = 10", "2 + 2 = 5 hours for 3 days", "Max 2 + 2 = 5", "2 + 2 = 5 min", "The floor has 2 + 2 = 5 rooms"],
)  # fmt: skip
def test_what_another_sentence_or_meaning_of_a_word_says_changes_nothing(text):
    assert verdict(text) == "wrong"


@pytest.mark.parametrize("text", ["100/3 ≈ 33", "100/3 = about 33", "100/3 = ~33", "22/7 = approximately 3.1"])
def test_an_approximation_is_sound_if_it_is_near(text):
    assert verdict(text) == "sound"


def test_an_annotation_and_its_equation_are_one_step():
    assert check_steps("48/2 = <<48/2=24>>24 clips") == Steps(1)
    assert check_steps("48/2 = <<48/2=24>>25 clips") == Steps(1, ("48/2 = 25",))
    assert check_steps("48/2 = $<<48/2=25>>24 clips") == Steps(1, ("48/2=25",))
    assert check_steps("half of it is <<48/2=24>>24, then <<24+48=73>>73") == Steps(2, ("24+48=73",))


def test_every_equals_sign_of_a_chain_is_a_step():
    assert check_steps("3 + 4 = 2 + 5 = 7") == Steps(2)
    assert check_steps("3 + 4 = 2 + 5 = 8") == Steps(2, ("2 + 5 = 8",))
    assert check_steps("3*4=<<3*4=12>>12+5=<<12+5=17>>17") == Steps(2), "run-on: each computation is right"
    assert check_steps("3 * 4 = 12 + 5 = 18") == Steps(2, ("12 + 5 = 18",))


def test_steps_are_found_on_all_lines():
    assert check_steps("He has 3 + 4 = 7 and 7 - 2 = 5.\nThen 2 * 3 = 5\n#### 5") == Steps(3, ("2 * 3 = 5",))


def expressions():
    """Texts of expressions in plain and decorated form, with their values."""
    number = st.integers(0, 9999).map(lambda n: (str(n), Fraction(n), 9))
    precedence = {"+": 1, "-": 1, "*": 2, "x": 2, "×": 2}

    def join(parts):
        (left, a, p), sign, (right, b, q) = parts
        rank = precedence[sign]
        left, right = f"({left})" if p < rank else left, f"({right})" if q <= rank else right
        return f"{left} {sign} {right}", a + b if sign == "+" else a - b if sign == "-" else a * b, rank

    return st.recursive(number, lambda sides: st.tuples(sides, st.sampled_from("+-*x×"), sides).map(join), max_leaves=6)


@given(expressions().filter(lambda expression: expression[2] < 9), st.integers(1, 1000))
def test_the_exact_value_is_sound_and_a_larger_one_is_wrong(expression, error):
    text, value, _ = expression
    assert check_steps(f"So {text} = {value} apples") == Steps(1)
    assert value < 0 or len(check_steps(f"So {text} = {value + error} apples").wrong) == 1


@given(st.integers(0, 1), st.integers(0, 1), st.integers(1, 9))
def test_a_changed_digit_in_a_result_is_found_with_and_without_annotations(which, place, change):
    results = ["24", "72"]
    digits = list(results[which])
    digits[place] = str((int(digits[place]) + change) % 10)
    results[which] = "".join(digits)
    annotated = "In May 48/2 = <<48/2=24>>{} clips.\nIn all 48+24 = $<<48+24=72>>{} for clips."
    plain = "In May 48/2 = {} clips.\nIn all 48+24 = ${} for clips."
    for text in (annotated, plain):
        assert [len(check_steps(text.format(*shown)).wrong) for shown in (["24", "72"], results)] == [0, 1]


@given(st.integers(1, 10**6), st.integers(1, 10**4), st.integers(1, 6))
def test_a_quotient_may_be_rounded_or_truncated_to_the_decimals_shown(a, b, places):
    scaled = Fraction(a * 10**places, b)
    for shown in {int(scaled), round(scaled)}:
        result = f"{shown // 10**places}.{shown % 10**places:0{places}d}"
        assert verdict(f"{a} / {b} = {result}") == "sound"


@given(st.text() | st.text("0123456789+-*/x=().,$%<>: a≈^\\{}"))
def test_no_text_raises(text):
    steps = check_steps(text)
    assert len(steps.wrong) <= steps.checked


@pytest.mark.parametrize(
    "part",
    ["1+", "(", "=", "= ", "1=", "1", "1,", ",111", "-", "1+1=", "1+1=<<1+1=2>>2 ", "<<", "**a", "\\frac{",
     "\\frac{1}{2}", "(1)", "a ", "9^99=", "2x", "5 a a a =", " ", "1+1=(", "1+1=3\n", ".", "1/2 of ", ".  ", "? ",
     ":\n", "not ", "1=2 and 3 "],
)  # fmt: skip
def test_the_time_is_linear_in_the_text(part):
    start = time.process_time()
    check_steps(part * (20_000 // len(part)) + " = 1")
    assert time.process_time() - start < 2


@given(st.text(alphabet="0123456789+-*/=().,%$x≈ \n", max_size=60))
@example("- 3 + 4 = 1")
def test_no_arrangement_of_the_signs_of_arithmetic_raises(text):
    check_steps(text)
