"""One rationale for each list of equations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.distinct import edit_distance, one_of_each
from star.recipe import ArithmeticTask
from star.records import Problem
from star.tasks.arithmetic import Arithmetic
from star.verify import closed_equations

short = st.text("ab1 ", max_size=12)


def by_the_definition(a, b):
    """The whole table of distances (Wagner and Fischer 1974)."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row, before = [i], row
        for j, y in enumerate(b, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (x != y)))
    return row[-1]


@given(short, short)
def test_the_edit_distance_is_that_of_the_definition(a, b):
    assert edit_distance(a, b) == by_the_definition(a, b)


@given(st.text(min_size=60, max_size=200), st.text(max_size=200))
def test_the_edit_distance_of_long_texts_is_too(a, b):
    assert edit_distance(a, b) == edit_distance(b, a) == by_the_definition(a, b)


rationales = st.lists(st.tuples(st.sampled_from("pqr"), short), max_size=12)


@given(rationales)
def test_one_rationale_is_kept_for_each_list_and_no_other(rationales):
    lists, texts = [key for key, _ in rationales], [text for _, text in rationales]
    kept = one_of_each(lists, texts)
    assert [lists[place] for place in kept] == list(dict.fromkeys(lists))


@given(rationales)
def test_what_is_said_twice_counts_once(rationales):
    def kept(some):
        return [some[place] for place in one_of_each([key for key, _ in some], [text for _, text in some])]

    assert kept([one for one in rationales for _ in range(2)]) == kept(rationales)


def test_of_the_same_equations_the_text_farther_from_the_others_is_kept():
    texts = ["first 1+1=2", "so 2+0=2", "so it is that in the end 2+0=2", "so, 2+0=2"]
    assert one_of_each(["1+1=2", "2+0=2", "2+0=2", "2+0=2"], texts) == [0, 2]
    assert one_of_each(["1+1=2"] * 3, ["short", "a longer one", "the longest of them all"]) == [0]  # no others


@pytest.mark.parametrize(
    ("text", "equations"),
    [
        ("48/2 = <<48/2=24>>24 clips, and 24 + 48 = 72", ("48/2=24",)),  # annotations, where there are any
        ("He pays $1,000 × 2 = $2000.00, and 3 apples + 4 apples = 7 apples", ("1000*2=2000", "3+4=7")),
        ("3 + 4 = 8, wrong as it is", ("3+4=8",)),
        ("2x = 10, so it is five", ()),
        ("no numbers at all", ()),
    ],
)
def test_equations_are_the_same_however_they_are_written(text, equations):
    assert closed_equations(text) == equations


@given(st.text("0123456789+-*/=().,$%<>x \n"))
def test_any_text_has_a_list_of_equations(text):
    assert all(text.count("=") == 1 for text in closed_equations(text))


def test_the_equations_of_a_scratchpad_are_its_lines():
    settings = {"kind": "arithmetic", "style": "columns", "train": {2: 1}, "held_out": {2: 1}}
    task = Arithmetic(ArithmeticTask(**settings))
    sums = task.problem((12, 34), 2, "sum")
    assert task.equations(sums, "2+4+0=6,6\n1+3+0=4,46\n#46\n") == ("2+4+0=6,6", "1+3+0=4,46", "#46")
    assert task.equations(Problem("w", "arithmetic", "What is 1 + 2?", "3"), "1 + 2 = 3.\n#### 3") == ("1+2=3",)
