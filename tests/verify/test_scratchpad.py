"""Scratchpads: worked solutions have no wrong line, and a change of any line is found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.verify.scratchpad import check_columns, check_paper, columns, columns_end, paper, paper_end
from star.verify.steps import check_steps

OPERATIONS = ["addition", "subtraction", "multiplication"]
RESULT = {"addition": int.__add__, "subtraction": int.__sub__, "multiplication": int.__mul__}
PAIRS = (
    st.integers(1, 6)
    .flatmap(lambda digits: st.tuples(*[st.integers(0 if digits == 1 else 10 ** (digits - 1), 10**digits - 1)] * 2))
    .map(lambda pair: (max(pair), min(pair)))
)


def change_a_digit(text, data):
    """The text with one digit changed, and the number of its line."""
    at = data.draw(st.sampled_from([i for i, character in enumerate(text) if character.isdigit()]))
    digit = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != text[at]]))
    return text[:at] + digit + text[at + 1 :], text[:at].count("\n")


@pytest.mark.parametrize("operation", OPERATIONS)
@given(pair=PAIRS)
def test_worked_columns_end_in_the_result_and_have_no_wrong_step(operation, pair):
    lines = columns(*pair, operation)
    steps = check_columns("\n".join(lines), *pair, operation)
    assert (steps.checked, steps.wrong) == (len(lines), ())
    assert lines[-1] == f"#{RESULT[operation](*pair)}"


@pytest.mark.parametrize("operation", OPERATIONS)
@given(pair=PAIRS)
def test_every_line_of_worked_columns_is_a_true_equation(operation, pair):
    lines = columns(*pair, operation)[:-1]
    steps = check_steps("\n".join(line.split(",")[0] for line in lines))
    assert (steps.checked, steps.wrong) == (len(lines), ())


@pytest.mark.parametrize("operation", OPERATIONS)
@given(pair=PAIRS, data=st.data())
def test_any_changed_digit_in_columns_is_found(operation, pair, data):
    changed, line = change_a_digit("\n".join(columns(*pair, operation)), data)
    assert check_columns(changed, *pair, operation).wrong == (changed.split("\n")[line],)


@given(pair=PAIRS, data=st.data())
def test_the_paper_scratchpad_is_checked_line_by_line(pair, data):
    pair = pair if len(str(pair[0])) == len(str(pair[1])) else (pair[0], pair[0])
    text = "\n".join(paper(*pair))
    assert check_paper(text, *pair).wrong == ()
    changed, line = change_a_digit(text, data)
    assert check_paper(changed, *pair).wrong == (changed.split("\n")[line].strip(),)


@pytest.mark.parametrize("operation", OPERATIONS)
@given(pair=PAIRS, data=st.data())
def test_a_missing_or_additional_line_is_found(operation, pair, data):
    lines = columns(*pair, operation)
    at = data.draw(st.integers(0, len(lines) - 1))
    assert check_columns("\n".join(lines[:at] + lines[at + 1 :]), *pair, operation).wrong
    assert check_columns("\n".join([*lines[:at], "1+1+0=2,2", *lines[at:]]), *pair, operation).wrong


def test_an_answer_without_columns_has_only_wrong_steps():
    steps = check_columns("#843", 457, 386, "addition")
    assert (steps.checked, steps.wrong[0]) == (4, "#843")
    assert steps.wrong[1:] == ("missing: 5+8+1=14,43", "missing: 4+3+1=8,843", "missing: #843")


@pytest.mark.parametrize(
    ("operation", "pair", "lines"),
    [
        ("addition", (457, 386), "7+6+0=13,3 5+8+1=14,43 4+3+1=8,843 #843"),
        ("subtraction", (457, 386), "7-6-0=1,1 15-8-0=7,71 4-3-1=0,071 #71"),
        ("subtraction", (1000, 1), "10-1-0=9,9 10-0-1=9,99 10-0-1=9,999 1-0-1=0,0999 #999"),
        ("multiplication", (47, 36), "7*6+0=42,2 4*6+4=28 7*3+28=49,92 4*3+4=16,1692 #1692"),
        ("multiplication", (7, 0), "7*0+0=0,0 #0"),
    ],
)
def test_the_lines_are_those_of_the_documentation(operation, pair, lines):
    assert columns(*pair, operation) == lines.split()


@given(st.text() | st.text("0123456789+-*=,#\n"))
def test_no_text_raises(text):
    for operation in OPERATIONS:
        assert check_columns(text, 12, 5, operation).checked >= 3
    columns_end(text)
    paper_end(text)
    assert check_paper(text, 12, 34).checked >= 7


@pytest.mark.parametrize("operation", OPERATIONS)
@given(pair=PAIRS)
def test_worked_columns_come_to_the_result(operation, pair):
    assert columns_end("\n".join(columns(*pair, operation))) == RESULT[operation](*pair)


@pytest.mark.parametrize("operation", ["addition", "subtraction"])
@given(pair=PAIRS, data=st.data())
def test_columns_with_a_changed_digit_come_to_nothing(operation, pair, data):
    changed, _ = change_a_digit("\n".join(columns(*pair, operation)[:-1]), data)
    assert columns_end(changed) is None


@given(pair=PAIRS, data=st.data())
def test_the_paper_scratchpad_comes_to_the_result_unless_a_line_is_changed_or_missing(pair, data):
    pair = pair if len(str(pair[0])) == len(str(pair[1])) else (pair[0], pair[0])
    lines = paper(*pair)
    assert paper_end("\n".join(lines)) == sum(pair)
    changed, _ = change_a_digit("\n".join(lines[1:-3]), data)
    assert paper_end(changed) is None
    at = data.draw(st.integers(1, len(lines) - 4))
    assert paper_end("\n".join(lines[:at] + lines[at + 1 :])) is None


def test_no_scratchpad_comes_to_nothing():
    assert columns_end("#843") is paper_end("8 4 3") is columns_end("") is paper_end("") is None
