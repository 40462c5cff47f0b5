"""Reading mathematics: what is a tree, what is none, and that no text costs time, stack or memory."""

import json
import operator
import sys
import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.verify.expression import parse_expression
from star.verify.latex import MAX_LENGTH, tidy, tokenise
from star.verify.tree import rational


def value(text):
    return rational(parse_expression(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2+3*4", 14), ("(2+3)*4", 20), ("2-3-4", -5), ("2^3^2", 512), ("2**-1", Fraction(1, 2)), ("-2^2", -4),
        ("(-2)^2", 4), ("8/4/2", 1), (r"\frac{1}{2}", Fraction(1, 2)), (r"\frac12", Fraction(1, 2)),
        (r"\frac1{20}", Fraction(1, 20)), (r"\frac{1}2", Fraction(1, 2)), (r"2\frac{1}{2}", Fraction(5, 2)),
        ("2 1/2", Fraction(5, 2)), ("21/2", Fraction(21, 2)), (r"3\cdot\frac{1}{2}", Fraction(3, 2)),
        ("50%", Fraction(1, 2)),
        ("1,234", 1234), ("1{,}234", 1234), ("1e3", 1000), ("10²³", 10**23), (r"2 \times 10^{3}", 2000),
        ("{2}{(3)}", 6),
        (r"0.\overline{3}", Fraction(1, 3)), (r"1.2\overline{45}", Fraction(137, 110)), ("+5", 5), ("--5", None),
        ("1/0", None),
        ("0^0", None), ("2^{10000}", None), ("x", None), ("5!", None), (r"\sqrt4", None), (r"2\left(3\right)", 6),
    ],
)  # fmt: skip
def test_plain_arithmetic_has_its_exact_value(text, expected):
    tree = parse_expression(text)
    assert (rational(tree) if tree else None) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"\dfrac{x}{2}", r"\frac x2"), (r"\left( x \right)", "x"), (r"\(x\)", "x"), (r"\[x\]", "$x$"), (r"x\le 3",
        "x<=3"), (r"x \leqslant 3", "x ≤ 3"),
        ("x*y", "xy"),
        (r"\sqrt2", r"\sqrt{2}"), ("√2", r"\sqrt{2}"), ("√13", r"\sqrt{13}"), ("√(2)", r"\sqrt{2}"), ("x²", "x^2"),
        ("x₁", "x_1"),
        (r"x\,y", "xy"), (r"\arcsin x", r"\sin^{-1} x"), ("π", r"\pi"), (r"\text{ or }", "or"), ("1 or 2", "1, 2"),
        ("(1, 2]", "(1,2]"),
        (r"1, 2, \text{ and } 3", "1,2,3"), (r"\pm 2", "2,-2"), ("1±2", "1+2, 1-2"), (r"3 \mp 1", r"3-1, 3+1"),
        (r"\{x : x > 1\}", "x > 1"), (r"\{x \mid x > 1\}", "x > 1"), (r"\mathbb{R}", r"\mathbb R"), (r"\text{A,B}",
        "A, B"),
        (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{bmatrix}1\\2\\\end{bmatrix}"), (r"\text{(A)}",
        r"\text{a}"),
    ],
)  # fmt: skip
def test_what_only_looks_different_is_the_same_tree(one, other):
    assert parse_expression(one) == parse_expression(other)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "2 3", "1 2 3", "x^", "(1", "1)", "{1", "[1,2", r"\{1", "1+", "*2", r"\frac{1}", r"\unknown", "x =",
        "= 5 =", ",",
        "1,,2", "not 42", "the answer is 42", "42 because", "٤٢", "½", "a\x00b", "x; drop", "1_000_", "f(x", "|x",
        "\\", "$", "#",
        "__import__('os').system('true')", "[x for x in (1,)]", "x.y", "'a'", '"a"', "x@y", "x==1",
        ":=", "__class__",
    ],
)  # fmt: skip
def test_what_is_outside_the_grammar_is_no_tree(text):
    assert parse_expression(text) is None


@pytest.mark.parametrize("text", ["east", "New York", r"\text{two words}", "no", "is it", "Evelyn"])
def test_words_are_text(text):
    assert parse_expression(text)[0] == "text"


BOMBS = [
    "(" * 400 + "1" + ")" * 400, "{" * 400 + "1" + "}" * 400, "|" * 900, "[" * 900, r"\{" * 400,
    r"\frac" * 180 + "1", r"\sqrt" * 190 + "2",
    r"\frac{" * 60 + "1" + "}{1}" * 60, "sin " * 240 + "x", "5" + "%" * 900, "5" + "!" * 900, "x" + "'" * 900,
    "x" + "_1" * 400, "-" * 900 + "1",
    "2^" * 400 + "2", "x^{" * 300 + "1" + "}" * 300, r"1\pm(" * 150 + "1" + ")" * 150, r"1\pm 1" * 150,
    r"\begin{pmatrix}" * 60, "²" * 900,
    "√" * 900, "," * 900, "or " * 300, "1 " * 450, "1+" * 450 + "1", "1/" * 450 + "1", r"\left(" * 150, "9" * 900,
    "1,234" * 150, " " * 990 + "x",
    r"\text{" * 150, r"\text{a}" * 100, "e" * 900, r"\sqrt[" * 150, r"\binom" * 150, "{}" * 450, "()" * 450,
    "7" * 5000, "-" * 20_000, "x" * 10**6,
]  # fmt: skip


@pytest.mark.parametrize("text", BOMBS, ids=lambda text: f"{text[:12]}... {len(text)}")
def test_no_text_costs_time_stack_or_memory(text):
    """The tree is small enough for whatever walks it with a stack: comparing, hashing, JSON, arithmetic."""
    start = time.perf_counter()
    tree = parse_expression(text)
    if tree is not None:
        hash(tree), rational(tree), tree == parse_expression(text + " ")
        assert len(json.dumps(tree)) < 100 * MAX_LENGTH
    assert time.perf_counter() - start < 10


def test_sums_and_products_of_large_powers_are_left_to_a_worker():
    terms = [f"{n}^-4995" for n in range(2, 92)]
    start = time.perf_counter()
    assert [value(sign.join(terms)) for sign in "+*"] == [None, None]
    assert time.perf_counter() - start < 0.5


def test_longer_than_the_limit_is_not_read():
    assert tokenise("1+" * (MAX_LENGTH // 2)) is not None
    assert tokenise("1+" * (MAX_LENGTH // 2) + "1") is None


def test_reading_needs_little_stack():
    """Also when the caller is deep in its own."""

    def at_depth(depth):
        return at_depth(depth - 1) if depth else [parse_expression(text) for text in BOMBS]

    frames, frame = 0, sys._getframe()
    while frame:
        frames, frame = frames + 1, frame.f_back
    at_depth(max(0, sys.getrecursionlimit() - frames - 600))


PIECES = """1 2 x y 3.5 ( ) [ ] { } \\{ \\} + - * / ^ _ , ; | ! % ' = < \\le
    \\frac \\sqrt \\pm \\pi \\sin \\text{or} \\cup \\in ° ² √ & \\\\"""


@given(st.text() | st.lists(st.sampled_from(PIECES.split())).map(" ".join))
def test_no_text_raises(text):
    tree = parse_expression(text)
    if tree is not None:
        hash(tree), rational(tree), json.dumps(tree)
        assert parse_expression(f"  {text}  ") == tree
    assert isinstance(tidy(text), str)


LEAVES = st.integers(0, 99).map(lambda n: (str(n), Fraction(n)))
OPERATORS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}


def _joined(parts):
    """Two texts with their values, as one; without a value where it would be a division by zero."""
    (a, x), sign, (b, y) = parts
    defined = x is not None and y is not None and not (sign == "/" and y == 0)
    return f"({a}{sign}{b})", OPERATORS[sign](x, y) if defined else None


@given(st.recursive(LEAVES, lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(_joined), max_leaves=12))
def test_arithmetic_has_the_value_that_it_is_made_of(made):
    text, expected = made
    assert value(text) == expected
