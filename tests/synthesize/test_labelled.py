"""Texts in labelled parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.synthesize.labelled import labelled, parse_labelled

FORM = ("Question", "Working", "Answer")
PART = st.from_regex(r"\A[a-z0-9+= ?.]*[a-z0-9?.][a-z0-9+= ?.]*\Z").map(str.strip)


@given(PART, st.just("") | PART, PART)
def test_what_is_written_in_parts_is_read_again_with_the_first_label_or_without(question, working, answer):
    text = labelled(zip(FORM, (question, working, answer), strict=True))
    parts = {"Question": question, "Working": working, "Answer": answer}
    assert parse_labelled(text, FORM, optional="Working") == parts
    assert parse_labelled(text.removeprefix("Question:"), FORM, optional="Working") == parts


@pytest.mark.parametrize(
    "text",
    [
        "How many?",
        "How many?\nAnswer:",
        "\nAnswer: 4",
        "How many?\nAnswer: 4\nWorking: 2 + 2 = 4",
        "How many?\nAnswer: 4\nThat is all.",
        "How many?\nAnswer: 4\nQuestion: How many more?\nAnswer: 1",
        "Well.\nQuestion: How many?\nAnswer: 4",
    ],
)
def test_what_has_another_form_is_not_read(text):
    assert parse_labelled(text, FORM, optional="Working") is None


@given(st.text(alphabet="QuestionWrkgAw:\n \t2+=", max_size=80))
def test_any_text_can_be_read(text):
    parts = parse_labelled(text, FORM, optional="Working")
    assert parts is None or (parts["Question"] and parts["Answer"] and "\n" not in parts["Answer"])
