"""What compares the answers of reasoning-gym's data sets, most of it without reasoning-gym."""

import time
from importlib.metadata import version
from pathlib import Path

import pytest

from star.records import Problem
from star.verify.reasoning_gym import (
    IntegralVerifier,
    JsonVerifier,
    LinesVerifier,
    NumbersVerifier,
    PolynomialVerifier,
    ReasoningGymVerifier,
    SignificantVerifier,
    TargetVerifier,
)

pytest.importorskip("reasoning_gym")

LADDER = {
    "source_dataset": "word_ladder",
    "start_word": "DRUM",
    "end_word": "NOUN",
    "word_length": 4,
}


def problem(answer, **metadata):
    return Problem("p", "reasoning_gym", "?", answer, meta={"metadata": metadata} if metadata else {})


@pytest.fixture(scope="module")
def ladders():
    return ReasoningGymVerifier({"word_ladder": {}}, timeout=10.0, workers=1)


@pytest.mark.parametrize(
    ("verifier", "gold", "answer", "status"),
    [
        (LinesVerifier(), "1 2\n3 4", "1  2 \n\n3 4", "correct"),
        (LinesVerifier(), "1 2\n3 4", "1 2 3 4", "wrong"),
        (LinesVerifier(), "True", "true", "correct"),
        (JsonVerifier(), "[[0,1],[1,0]]", "[[0, 1], [1, 0]]", "correct"),
        (JsonVerifier(), "['1', '2']", '["1", "2"]', "correct"),
        (JsonVerifier(), "[0, 1]", "[0, 1, 1]", "wrong"),
        (JsonVerifier(), "[0, 1]", "[" * 10_000, "no_answer"),
        (JsonVerifier(), "[0, 1]", "[NaN]", "no_answer"),
        (NumbersVerifier("0.01", rows=True), "5.75 6.25\n7.0 5.25", "5.75 6.25\n7 5.25", "correct"),
        (NumbersVerifier("0.01", rows=True), "5.75 6.25\n7.0 5.25", "5.75 6.25 7 5.25", "wrong"),
        (NumbersVerifier("0.01", rows=True), "99 99", "100 99", "wrong"),
        (NumbersVerifier("0.0001", rows=False), "-2.029, 1.5", "1.5,-2.0290", "correct"),
        (NumbersVerifier("0.0001", rows=False), "-2.029, 1.5", "1.5", "wrong"),
        (NumbersVerifier("0", rows=False), "3 × 3 × 37", "37 x 3 × 3", "correct"),
        (NumbersVerifier("0", rows=False), "3 × 3 × 37", "9 × 37", "wrong"),
        (SignificantVerifier(), "8.05544726166417e-06", "8.06e-6", "correct"),
        (SignificantVerifier(), "8.05544726166417e-06", "8.05e-6", "wrong"),
        (SignificantVerifier(), "0.109375", "7/64", "correct"),
        (SignificantVerifier(), "3.051757812e-05", "0", "wrong"),
        (TargetVerifier(), "40*(94 - 90) + 83 - 74", "(94-90)*40+83-74", "correct"),
        (TargetVerifier(), "40*(94 - 90) + 83 - 74", "169", "wrong"),
        (TargetVerifier(), "40*(94 - 90) + 83 - 74", "40*(94 - 90) + 83 - 74 + 74 - 74", "wrong"),
        (TargetVerifier(), "1*(7*4 - 4)", "4*7 - 4 1", "no_answer"),
        (TargetVerifier(), "2*2*2", "2**2*2", "no_answer"),
        (PolynomialVerifier(), "x**2 + 3*x + 2", "3x + 2 + x^2", "correct"),
        (PolynomialVerifier(), "x**2 + 3*x + 2", "(x + 1)*(x + 2)", "no_answer"),
        (PolynomialVerifier(), "x**2 - y**2", "-y**2 - x**2", "wrong"),
    ],
)
def test_an_answer_is_compared_by_what_it_means(verifier, gold, answer, status):
    assert verifier.verify(answer, problem(gold)).status == status


HUGE = ["+".join(f"{n}^-4995{x}" for n in range(2, 92)) for x in ("", "x")]
ENDLESS = ["1" * 28 + "x", "1" * 9_000 + "x", "(" * 9_000, *HUGE, "*".join(f"{n}^-4995" for n in range(2, 92))]


@pytest.mark.parametrize("text", ENDLESS, ids=lambda text: f"{text[:9]}... {len(text)}")
@pytest.mark.parametrize("verifier", [TargetVerifier(), PolynomialVerifier()], ids=["target", "polynomial"])
def test_no_text_costs_time(verifier, text):
    start = time.perf_counter()
    verifier.verify(text, problem("1 + 2"))
    assert time.perf_counter() - start < 1


def test_two_antiderivatives_may_differ_by_a_constant_and_in_form():
    verifier = IntegralVerifier(timeout=10.0, memory=1024)
    gold = problem("x**2 + log(x)/2 + C")
    answers = ["x**2 + 5 + log(x)/2", "(2*x**2 + log(x))/2", "x**2 + log(x)/2 + y + C", "x**2 + C*x", "**"]
    verdicts = verifier.verify_all([(answer, gold) for answer in answers])
    assert [verdict.status for verdict in verdicts] == ["correct", "correct", "wrong", "wrong", "no_answer"][
        : len(verdicts)
    ]


def test_several_right_answers_are_all_accepted(ladders):
    entry = problem("DRUM,DRAM,CRAM,CRAP,CROP,COOP,COON,NOON,NOUN", **LADDER)
    there_and_back = "DRUM,DRAM,DRUM,DRAM,CRAM,CRAP,CROP,COOP,COON,NOON,NOUN"
    verdicts = ladders.verify_all([(entry.answer, entry), (there_and_back, entry), ("DRUM,NOUN", entry)])
    assert [verdict.status for verdict in verdicts] == ["correct", "correct", "wrong"]


def test_partial_credit_is_not_correct(ladders):
    no_word = "DRUM,DRXM,DRAM,CRAM,CRAP,CROP,COOP,COON,NOON,NOUN"
    assert ladders.verify(no_word, problem("DRUM,NOUN", **LADDER)).status == "wrong"


def test_an_entry_that_cannot_be_scored_is_an_error(ladders):
    assert ladders.verify("A,B", problem("A,B", source_dataset="word_ladder", start_word="A")).status == "error"


def test_without_an_entry_only_the_same_text_is_right(ladders):
    assert ladders.verify("DRUM, NOUN", problem("DRUM, NOUN")).accepted
    assert not ladders.verify("DRUM,NOON", problem("DRUM, NOUN")).accepted


def test_code_in_an_answer_is_never_run(tmp_path):
    verifier = ReasoningGymVerifier({"n_queens": {}}, timeout=10.0, workers=1)
    mark = tmp_path / "ran"
    entry = problem("Q", source_dataset="n_queens", valid_answers=["Q"], solutions=["Q"])
    injected = [f"__import__('os').system('touch {mark}')", f"open({str(mark)!r}, 'w')", "().__class__"]
    verdicts = verifier.verify_all([(answer, entry) for answer in [*injected, "Q"]])
    assert [verdict.accepted for verdict in verdicts] == [False, False, False, True]
    assert not Path(mark).exists()


def test_an_answer_that_takes_too_long_is_a_timeout():
    verifier = ReasoningGymVerifier({"rubiks_cube": {}}, timeout=0.02, workers=1)
    slow = "U " * 9_000
    cube = {"source_dataset": "rubiks_cube", "cube_size": 3, "scramble_moves": "U'"}
    assert verifier.verify(slow, problem("U", **cube)).status == "timeout"


def test_its_version_names_reasoning_gym(ladders):
    assert ladders.version.startswith("reasoning_gym 0.")
    assert ladders.version.endswith("word_ladder")
    assert version("sympy") in IntegralVerifier(timeout=10.0, memory=1024).version
