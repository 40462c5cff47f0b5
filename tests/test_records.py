"""Records as JSON objects, and back."""

import dataclasses
import json

from star.files import to_line
from star.records import Attempt, Completion, Example, Problem, Prompt, Verdict

PROBLEM = Problem("p", "t", "Which?", "(a)", ("bank", "ü"), "f:1", "computed", ("q",), "2 digits", {"level": [1, 2]})
ATTEMPT = Attempt(
    PROBLEM,
    Prompt("p", "Which?", True),
    Completion("p", 1, "(a)", 3, "eos", 7, "base"),
    Verdict("correct", "(a)"),
    2,
    1,
)


def test_a_record_comes_back_from_its_json_as_it_was():
    for record in (PROBLEM, ATTEMPT, Example("p", "t", "base/plain/p/0", 1, True)):
        assert type(record).from_dict(json.loads(to_line(record.to_dict()))) == record


def test_json_objects_hold_all_fields_of_records_within_records():
    assert to_line(ATTEMPT.to_dict()) == to_line(dataclasses.asdict(ATTEMPT))


def test_problems_are_small_because_all_of_them_stay_in_memory():
    one, other = (Problem(name, "t", "1 + 1?", "2") for name in "ab")
    assert not hasattr(one, "__dict__")
    assert one.meta is other.meta
    assert one.meta == {}
