"""Problems of several kinds, each verified by its own kind's verifier."""

import pytest

from star.records import Problem
from star.verify import NumericVerifier
from star.verify.composite import CompositeVerifier
from star.verify.reasoning_gym import JsonVerifier


@pytest.fixture
def verifier():
    return CompositeVerifier({"sums": NumericVerifier(), "lists": JsonVerifier()})


def problem(data_set, answer):
    return Problem("p", "t", "?", answer, meta={"data_set": data_set} if data_set else {})


PAIRS = [
    ("7.0", problem("sums", "7"), "correct"),
    ("[1,2]", problem("lists", "[1, 2]"), "correct"),
    ("seven!", problem("sums", "7"), "no_answer"),
    ("[2, 1]", problem("lists", "[1, 2]"), "wrong"),
    ("8", problem("sums", "7"), "wrong"),
]


def test_each_problem_is_verified_as_its_data_set_would_be_in_any_order(verifier):
    verdicts = verifier.verify_all([(answer, problem) for answer, problem, _ in PAIRS])
    assert [(verdict.answer, verdict.status) for verdict in verdicts] == [(a, status) for a, _, status in PAIRS]
    assert verdicts == [verifier.verify(answer, problem) for answer, problem, _ in PAIRS]


def test_what_an_answer_means_is_for_its_data_set_to_say(verifier):
    assert verifier.agree(["7.0", "7"], problem("sums", "7"))
    assert verifier.canonical("[1,2]", problem("lists", "[]")) == verifier.canonical("[1, 2]", problem("lists", "[]"))
    assert "not JSON" in verifier.check_gold(problem("lists", "one"))


def test_an_exemplar_that_is_of_no_data_set_is_compared_as_text(verifier):
    assert verifier.verify("The  Answer", problem(None, "the answer")).accepted
    assert not verifier.verify("7.0", problem(None, "7")).accepted


def test_its_version_has_those_of_its_members(verifier):
    assert f"sums: {NumericVerifier().version}" in verifier.version
    assert f"lists: {JsonVerifier().version}" in verifier.version
