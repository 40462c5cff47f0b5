"""Comparing trees by value, in this process: trees of short texts do no harm."""

import itertools

import pytest

from star.verify.algebra import POINTS, equal, equal_latex
from star.verify.expression import parse_expression


def same(one, other):
    found = {equal(parse_expression(a), parse_expression(b)) for a, b in ((one, other), (other, one))}
    assert len(found) == 1
    return found.pop()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"\sin^2 1 + \cos^2 1 - 1", "0"),  # zero that has no digits
        (r"\ln 2+\ln 3-\ln 6", "0"),
        (r"\sqrt[3]{2+\sqrt5}+\sqrt[3]{2-\sqrt5}-1", "0"),
        (r"\sin 2x - 2\sin x\cos x", "0"),
        (r"\sqrt{2}+\sqrt{3}", r"\sqrt{5+2\sqrt{6}}"),
        (r"e^{i\pi}", "-1"),
        (r"[0, 2+\sqrt3]", r"[0,\sqrt{7+4\sqrt3}]"),
        (r"\{\sqrt{7+4\sqrt3}, 1\}", r"\{1, 2+\sqrt3\}"),
        (r"(0,1)\cup(\sqrt{7+4\sqrt3},5)", r"(2+\sqrt3,5)\cup(0,1)"),
        (r"\gcd(12,18,8)", "2"),
        ("(x^2-4)/(x-2)", "x+2"),
        ("f(x) = 2x", "f(x) = x+x"),
        ("AB = 5", "5"),
    ],
)
def test_equal_values_are_equal(one, other):
    assert same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("e^{-200}", "0"),
        ("e^{-200}", "e^{-201}"),
        (r"\sqrt{10^{20}+1}", "10^{10}"),
        (r"\sqrt{10^{400}+1}-10^{200}", "0"),
        ("1/0", "2/0"),
        ("1/0", "0/0"),
        (r"0 \cdot \infty", "0"),
        ("xy=5", "5"),
        ("x=5", "y=5"),
        ("2(1,2)", "(2,4)"),
        ("1+[1,2]", "3"),
        ("x+y<3", "x<3"),
        (r"\infty", r"-\infty"),
    ],
)
def test_other_values_are_not(one, other):
    assert not same(one, other)


def test_each_point_where_formulas_are_compared_counts():
    """A formula that is 0 at all points but one is not 0."""
    for left_out in POINTS:
        factors = [f"(x-({p}/{q}))" for p, q in POINTS if (p, q) != left_out]
        assert not same("".join(factors), "0")


@pytest.mark.parametrize("text", [r"\ln(1+10^{-300})", r"\cos(e^{-5000})-1"])
def test_what_has_no_digits_and_is_not_shown_to_be_0_is_refused(text):
    with pytest.raises(ValueError, match="too close to 0"):
        equal(parse_expression(text), parse_expression("0"))


@pytest.mark.parametrize("count", [2, 8, 9, 17, 40])
def test_every_symbol_has_its_own_value(count):
    symbols = [f"x_{i}" for i in range(count)]
    one = "+".join(f"{2**i}{s}" for i, s in enumerate(symbols))
    for first, second in itertools.combinations(symbols, 2):
        assert not same(first, second)
    assert same(one, "+".join(f"{s}*{2**i}" for i, s in reversed(list(enumerate(symbols)))))


def test_a_large_set_is_refused_rather_than_compared_forever():
    with pytest.raises(ValueError, match="a set of 200 items"):
        equal(parse_expression(", ".join(f"x^{i}" for i in range(100, 200)) + ", 1" * 100), parse_expression("1, x"))


def test_two_relations_that_cannot_hold_are_not_the_same():
    assert equal_latex(r"x \in (-\infty,3)", "x < x") is False
    assert equal_latex("x < x", "x > x") is False


LATEX = [
    r"\int_0^1 x dx",
    r"\lfloor x \rfloor",
    r"\{1\} \cup [3, 4)",
    "x = 5",
    r"\begin{pmatrix}1 & 2\end{pmatrix}",
    "x < 3",
]


@pytest.mark.parametrize(("one", "other"), list(itertools.product(LATEX, repeat=2)))
def test_what_the_other_parser_reads_is_compared_both_ways_alike(one, other):
    assert equal_latex(one, other) == equal_latex(other, one) == (one == other)


@pytest.mark.parametrize("text", ["x^{2}}", r"\frac{1}{2} + )", "x^2 & 3", r"\frac{1}", "1 +"])
def test_the_other_parser_must_read_all_of_the_text(text):
    assert equal_latex("x^2", text) is None
