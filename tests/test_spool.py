"""Problems that are not in memory are the same problems, in the same order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.errors import UserError
from star.records import Problem
from star.spool import AT_ONCE, IN_MEMORY, Chosen, Spool

text = st.text(max_size=20)  # surrogates too
problems = st.lists(
    st.builds(
        Problem,
        text,
        text,
        text,
        text,
        st.lists(text, max_size=2).map(tuple),
        group=text,
        meta=st.dictionaries(text, st.one_of(st.integers(), st.floats(allow_nan=False), text), max_size=2),
    ),
    max_size=12,
)


@given(problems, st.slices(12), st.randoms())
def test_a_spool_is_the_sequence_that_was_put_into_it(given_, part, rng):
    spool, places = Spool(given_), [rng.randrange(len(given_)) for _ in given_]
    assert list(spool) == given_
    assert len(spool) == len(given_)
    assert spool[part] == given_[part]
    assert [spool[i] for i in places] == [given_[i] for i in places]
    chosen = Chosen(spool, places)
    assert list(chosen) == [given_[i] for i in places]
    assert chosen[part] == [given_[i] for i in places][part]


def test_a_spool_may_grow_between_two_looks_at_it():
    spool = Spool([Problem("a", "t", "q", "1")])
    assert spool[0].id == spool[-1].id == "a"
    spool.append(Problem("b", "t", "q", "2"))
    assert [problem.id for problem in spool] == ["a", "b"]
    with pytest.raises(IndexError):
        spool[2]


def test_what_is_too_large_for_memory_goes_to_a_file_and_reads_the_same():
    question = "x" * (IN_MEMORY // AT_ONCE)
    many = [Problem(str(i), "t", question + str(i), "1") for i in range(AT_ONCE + 10)]
    assert list(Spool(many)) == many


def test_what_messagepack_has_no_word_for_comes_back_too():
    odd = [
        Problem("a", "t", "\ud800", "1", meta={"many": 10**30}),
        Problem("b", "t", "q", "1", meta={"n": {"x": None}}),
    ]
    assert list(Spool(odd)) == odd


@pytest.mark.parametrize("wrong", [{"answer": 7}, {"meta": {1: 2}}, {"choices": (1, 2)}, {"group": None}])
def test_a_problem_with_a_field_of_another_type_is_an_error_that_shows_it(wrong):
    spool = Spool([Problem(**{"id": "one of mine", "task": "t", "question": "q", "answer": "1"} | wrong)])
    with pytest.raises(UserError, match=r"^Problem: Expected .* mend the task that made .*one of mine"):
        spool[0]
