"""What math-verify and other graders were seen to get wrong (facts, section 5): each with its right verdict."""

import runpy
from pathlib import Path

import pytest

from star.records import Problem
from star.verify import NumericVerifier

ROOT = Path(__file__).parents[2]
NUMERIC = NumericVerifier()


def gold(answer):
    return Problem(id="p", task="t", question="q", answer=answer)


@pytest.mark.parametrize(
    ("truth", "answer", "numeric", "symbolic_too"),
    [
        # accepted by graders, and wrong
        ("3", "- 3", "wrong", "wrong"),
        ("42", "42²", "no_answer", "wrong"),
        ("42", "not 42", "no_answer", "no_answer"),
        ("42", "41 or 42", "no_answer", "wrong"),
        ("25", "25%", "wrong", "wrong"),
        ("25", r"25\%", "wrong", "wrong"),
        (r"1/1267650600228229401496703205376", "1/633825300114114700748351602688", "wrong", "wrong"),
        ("1", "1/2^99", "no_answer", "wrong"),
        ("42", "٤٢", "no_answer", "no_answer"),
        ("1000", "1_000", "no_answer", "wrong"),
        # refused by graders, and right
        ("-3", "−3", "correct", "correct"),
        ("3", "+3", "correct", "correct"),
        ("5", r"\$5", "correct", "correct"),
        ("5/2", "2 1/2", "correct", "correct"),
        ("1000000", "1e6", "correct", "correct"),
        ("42", "４２", "correct", "correct"),
        # slow or deadly
        ("42", "9**9**9", "no_answer", "timeout"),
        ("42", "10000000!", "no_answer", "timeout"),
        ("42", "1e99999999", "no_answer", "no_answer"),
        ("42", "1e999999", "no_answer", "no_answer"),
        ("42", "7" * 5000, "no_answer", "no_answer"),
        ("42", "-" * 20_000 + "42", "no_answer", "no_answer"),
    ],
    ids=lambda text: ascii(text)[:30],
)
def test_each_hazard_has_its_right_verdict(hurried, truth, answer, numeric, symbolic_too):
    assert NUMERIC.verify(answer, gold(truth)).status == numeric
    assert hurried.verify(answer, gold(truth)).status == symbolic_too


def test_powers_of_a_half_are_told_apart(symbolic):
    assert symbolic.verify(r"\frac{1}{2^{98}}", gold(r"\frac{1}{2^{99}}")).status == "wrong"
    assert symbolic.verify(r"\frac{2}{2^{100}}", gold(r"\frac{1}{2^{99}}")).status == "correct"


def test_thousands_of_mutated_completions_crash_nothing():
    """A small part of `scripts/bench_verify.py --fuzz`."""
    found = runpy.run_path(str(ROOT / "scripts" / "bench_verify.py"))["fuzz"](1500, seed=7, size=500)
    assert found["first"] == []
    assert found["crashes"] == 0
    assert all(sum(counts.values()) == 1500 for counts in found["verdicts"].values())
