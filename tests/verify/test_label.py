"""Closed sets of labels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.records import Problem
from star.verify import LabelVerifier

VERIFIER = LabelVerifier(["Yes", "no", "not enough information"])


def gold(answer):
    return Problem(id="p", task="t", question="q", answer=answer)


@pytest.mark.parametrize(
    "answer",
    [
        "yes",
        "Yes",
        "YES.",
        " yes\n",
        '"Yes"',
        "**yes**",
        "(yes)",
        "[yes]",
        r"\text{Yes}",
        r"\text{yes}.",
        "`yes`!",
        "“yes”",
    ],
)
def test_a_label_is_read_whatever_is_around_it(answer):
    assert VERIFIER.verify(answer, gold("yes")).status == "correct"
    assert VERIFIER.verify(answer, gold("No")).status == "wrong"


def test_a_label_may_be_several_words():
    assert VERIFIER.verify("Not  enough\ninformation.", gold("not enough information")).status == "correct"


@pytest.mark.parametrize("answer", ["", "maybe", "yes or no", "yes, no", "not", "yess", "y", "(", "1", "да", "not yes"])
def test_what_is_no_label_is_no_answer_rather_than_wrong(answer):
    verdict = VERIFIER.verify(answer, gold("yes"))
    assert (verdict.status, verdict.answer, verdict.detail) == ("no_answer", answer, "not one of the labels")


def test_a_ground_truth_that_is_no_label_is_complained_about():
    assert VERIFIER.check_gold(gold("maybe")) == (
        "the ground truth 'maybe' is none of the labels ['Yes', 'no', 'not enough information']"
    )
    assert VERIFIER.check_gold(gold(" NO ")) is None


@pytest.mark.parametrize("label", ["?", "", " ", "...", r"\text{}"])
def test_a_label_that_is_nothing_but_punctuation_is_refused(label):
    with pytest.raises(ValueError, match="nothing but punctuation"):
        LabelVerifier(["yes", label])
    assert VERIFIER.verify(label, gold("yes")).status == "no_answer"


def test_labels_that_read_the_same_are_refused():
    with pytest.raises(ValueError, match=r"the labels 'Yes' and 'yes\.' are the same"):
        LabelVerifier(["Yes", "no", "yes."])


def test_answers_agree_when_they_are_the_same_label():
    assert VERIFIER.agree(["yes", "Yes.", "**YES**"], gold("no"))
    assert not VERIFIER.agree(["yes", "no"], gold("yes"))


def test_the_version_names_the_labels_in_any_order():
    assert LabelVerifier(["b", "A"]).version == LabelVerifier(["a", "B"]).version != VERIFIER.version


@pytest.mark.parametrize(
    "text", ["!" * 10**6 + "x", "(" * 10**6, " " * 10**6 + "yes", "yes" * 300_000, "\ufdfa" * 10**5]
)
def test_a_megabyte_ends(text):
    assert VERIFIER.verify(text, gold("yes")).status in ("correct", "no_answer")


@given(st.text())
def test_no_text_raises(answer):
    assert VERIFIER.verify(answer, gold("yes")).status in ("correct", "wrong", "no_answer")
