"""Mathematics: the verdicts of `pairs.py`, both ways round, and what is remembered."""

import itertools
import runpy
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from star.records import STATUSES, Problem
from star.verify import SymbolicVerifier

TABLE = runpy.run_path(str(Path(__file__).parent / "pairs.py"))
SAME, DIFFERENT, UNREADABLE = TABLE["SAME"], TABLE["DIFFERENT"], TABLE["UNREADABLE"]


def gold(answer):
    return Problem(id="p", task="t", question="q", answer=answer)


def statuses(verifier, pairs):
    return [verdict.status for verdict in verifier.verify_all([(answer, gold(truth)) for truth, answer in pairs])]


@pytest.mark.parametrize("group", SAME, ids=lambda group: group[0])
def test_every_two_of_a_group_are_the_same(symbolic, group):
    pairs = list(itertools.product(group, repeat=2))
    assert [p for p, status in zip(pairs, statuses(symbolic, pairs), strict=True) if status != "correct"] == []


@pytest.mark.parametrize("pair", DIFFERENT, ids=str)
def test_what_differs_is_wrong_both_ways_round(symbolic, pair):
    assert statuses(symbolic, [pair, pair[::-1]]) == ["wrong", "wrong"]


@pytest.mark.parametrize("pair", UNREADABLE, ids=ascii)
def test_what_means_nothing_is_no_answer_rather_than_wrong(symbolic, pair):
    assert statuses(symbolic, [pair]) == ["no_answer"]


def test_every_ground_truth_of_the_table_can_be_verified(symbolic):
    truths = sorted({truth for truth, _, _ in TABLE["pairs"]()})
    assert [truth for truth in truths if symbolic.check_gold(gold(truth))] == []


@pytest.mark.parametrize("truth", ["", "not 42", r"\unknown{x}", "1 2 3", "x" * 2000, r"\frac{1}{"])
def test_a_ground_truth_that_is_no_mathematics_is_complained_about(symbolic, truth):
    assert symbolic.check_gold(gold(truth)) == f"the ground truth {truth!r} is no mathematics that can be verified"
    assert symbolic.verify("42", gold(truth)).status in ("error", "no_answer")


def test_the_detail_says_why(symbolic):
    assert symbolic.verify("5 m", gold("5 cm")).detail == ""  # `5 m` is five times m
    assert symbolic.verify(r"5\text{ m}", gold("5 cm")).detail == "another unit"
    assert symbolic.verify("not 42", gold("42")).detail == "no mathematics that can be verified"
    assert symbolic.verify("x" * 5000, gold("42")).detail == "too long for a final answer"


def test_a_batch_has_the_verdicts_of_its_pairs_in_order(symbolic):
    pairs = [
        ("42", "42"),
        (r"\sqrt2", r"2^{1/2}"),
        ("42", "not 42"),
        ("42", "43"),
        (r"\sqrt2", r"2^{1/2}"),
        ("x", "y"),
    ] * 5
    assert statuses(symbolic, pairs) == ["correct", "correct", "no_answer", "wrong", "correct", "wrong"] * 5
    assert symbolic.verify_all([]) == []


def test_answers_agree_when_they_mean_the_same(symbolic):
    assert symbolic.agree([r"\frac{\sqrt3}{3}", r"\frac1{\sqrt3}", r"\sqrt{1/3}"], gold("5"))
    assert not symbolic.agree(["1,2", "1"], gold("1"))
    assert symbolic.agree(["42"], gold("5"))
    assert symbolic.agree(["5", "5 cm"], gold("5"))
    assert not symbolic.agree(["5", "5 cm", "5 km"], gold("5"))


@pytest.mark.parametrize("zero", [r"\sin^2 1+\cos^2 1-1", r"\ln(2x)-\ln 2-\ln x", r"(-8)^{1/3}-1-i\sqrt3"])
def test_a_worker_can_show_that_something_is_0(symbolic, zero):
    assert statuses(symbolic, [("0", zero), (zero, "0")]) == ["correct"] * 2
    assert statuses(symbolic, [("0", r"\ln(1+10^{-300})")]) == ["error"]


def test_the_canonical_form_tells_values_and_units(symbolic):
    same = {symbolic.canonical(text, gold("1")) for text in ("1/2", r"\frac12", "0.5", r"\dfrac{2}{4}", "50%")}
    assert len(same) == 1
    assert symbolic.canonical("5 cm", gold("1")) != symbolic.canonical("5", gold("1"))
    assert symbolic.canonical("not 42", gold("1")) is None


class Counting:
    """A pool that counts what it is asked, and answers with the replies of a real one or with an error."""

    def __init__(self, pool, error=None):
        self.pool, self.error, self.asked = pool, error, 0

    def ask(self, call, requests):
        self.asked += len(requests)
        return [{"error": self.error}] * len(requests) if self.error else self.pool.ask(call, requests)


def test_a_verdict_is_remembered_by_ground_truth_and_answer(symbolic):
    verifier = SymbolicVerifier()
    verifier.pool = counting = Counting(symbolic.pool)
    for _ in range(3):
        assert statuses(verifier, [("2^{1/2}", r"\sqrt2")] * 4) == ["correct"] * 4
    assert counting.asked == 1
    statuses(verifier, [(r"\sqrt2", "2^{1/2}"), ("2^{1/2}", r"\sqrt3")])
    assert counting.asked == 3


@pytest.mark.parametrize(("error", "status"), [("timeout", "timeout"), ("MemoryError: ", "error")])
def test_a_timeout_or_an_error_is_not_remembered(symbolic, error, status):
    verifier = SymbolicVerifier()
    verifier.pool = Counting(symbolic.pool, error)
    assert statuses(verifier, [("2^{1/2}", r"\sqrt2")]) == [status]
    verifier.pool = symbolic.pool
    assert statuses(verifier, [("2^{1/2}", r"\sqrt2")]) == ["correct"]


def test_what_is_certain_needs_no_worker():
    verifier = SymbolicVerifier()
    verifier.pool = None
    pairs = [
        ("42", "42.0"),
        ("1/2", r"\frac12"),
        ("42", "43"),
        ("x+1", "x + 1"),
        (r"\text{east}", "west"),
        ("42", "not 42"),
    ]
    assert statuses(verifier, pairs) == ["correct", "correct", "wrong", "correct", "wrong", "no_answer"]


def test_the_version_names_what_decides():
    version = SymbolicVerifier().version
    assert "sympy" in version
    assert "math-verify" in version


NUMBERS = st.integers(-9, 9).map(str) | st.sampled_from(
    [r"\pi", "e", r"\sqrt{2}", "x", "y", "i", r"\frac{1}{3}", "0.5"]
)
EXPRESSIONS = st.recursive(
    NUMBERS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda p: f"({p[0]})+({p[1]})"),
        st.tuples(inner, inner).map(lambda p: f"({p[0]}) \\cdot ({p[1]})"),
        st.tuples(inner, inner).map(lambda p: rf"\frac{{{p[0]}}}{{{p[1]}}}"),
        inner.map(lambda x: rf"\sqrt{{{x}}}"),
        inner.map(lambda x: f"({x})^2"),
        st.lists(inner, min_size=2, max_size=3).map(", ".join),
        st.tuples(inner, inner).map(lambda p: f"({p[0]}, {p[1]})"),
        inner.map(lambda x: f"x < {x}"),
        inner.map(lambda x: f"y = {x}"),
    ),
    max_leaves=6,
)


@settings(max_examples=80, deadline=None)
@given(EXPRESSIONS, EXPRESSIONS)
def test_verifying_is_symmetric(symbolic, a, b):
    forth, back = statuses(symbolic, [(a, b), (b, a)])
    readable = {"correct", "wrong"}
    assert forth == back or not {forth, back} <= readable


@settings(max_examples=80, deadline=None)
@given(EXPRESSIONS, st.sampled_from([" {} ", "${}$", r"\({}\)", "{}.", r"\left({}\right)"]))
def test_an_expression_is_the_same_as_itself(symbolic, text, frame):
    framed = text if frame.startswith(r"\left") and ("," in text or "=" in text or "<" in text) else frame.format(text)
    found = statuses(symbolic, [(text, text), (text, framed)])
    assert found == ["correct"] * 2 or symbolic.canonical(text, gold("1")) is None


@settings(max_examples=60, deadline=None)
@given(EXPRESSIONS.filter(lambda t: not set(",=<i") & set(t)), st.integers(1, 99))
def test_another_value_is_never_correct(symbolic, text, difference):
    assert statuses(symbolic, [(text, f"({text})+{difference}")])[0] != "correct"


@settings(max_examples=80, deadline=None)
@given(
    st.text() | st.text(r"0123456789xyi+-*/^_(){}[]\frac,;=<>! $%|"),
    st.sampled_from(["42", r"\sqrt{2}", "x+1", "(1,2)"]),
)
def test_no_text_raises(symbolic, answer, truth):
    assert symbolic.verify(answer, gold(truth)).status in STATUSES
    symbolic.check_gold(gold(answer))
    symbolic.canonical(answer, gold(truth))
