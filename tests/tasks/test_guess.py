"""What a JSONL file is taken for."""

import json

import pytest

from star.errors import UserError
from star.tasks.guess import guess


@pytest.fixture
def guessed(tmp_path):
    """From rows to what they are taken for."""

    def write(*rows):
        (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return guess(tmp_path / "rows.jsonl")

    return write


@pytest.mark.parametrize(
    ("answers", "verifier"),
    [
        (["12", "1,000", "-3.5"], "numeric"),
        (["yes", "no"] * 4, "label"),
        ([r"\frac{1}{2}", "x^2", "2x"], "symbolic"),
        (["Paris", "Rome", "Oslo"], "exact"),
        (["a text " * 40, "another"], "exact"),
    ],
)
def test_the_verifier_follows_from_the_answers(guessed, answers, verifier):
    found = guessed(*({"question": f"q{i}", "answer": answer} for i, answer in enumerate(answers)))
    assert found.verifier == verifier
    assert ("labels" in found.settings()) == (verifier == "label")


def test_choices_make_a_choice_only_if_they_hold_the_answers(guessed):
    rows = [{"question": f"q{i}", "answer": "b", "choices": ["bank", "library"]} for i in range(3)]
    assert guessed(*rows).verifier == "choice"
    assert guessed(*rows, {"question": "q", "answer": "z", "choices": ["bank"]}).verifier == "exact"
    assert guessed(*({**row, "choices": 5} for row in rows)).verifier == "exact"


def test_labels_that_a_reader_takes_for_the_same_are_one(guessed):
    found = guessed(*({"question": f"q{i}", "answer": a} for i, a in enumerate(["Yes", "yes.", "no", "NO"] * 3)))
    assert (found.verifier, found.answers) == ("label", ["Yes", "no"])
    assert guessed(*({"question": f"q{i}", "answer": a} for i, a in enumerate(["yes", "?"] * 4))).verifier == "exact"


def test_a_field_groups_problems_only_if_several_share_its_values(guessed):
    rows = [{"question": f"q{i}", "answer": f"{i}", "type": f"t{i}", "source": f"page {i // 2}"} for i in range(100)]
    assert guessed(*rows).fields["group"] == "source"
    rows += [{"question": "q", "answer": "1", "type": "t", "source": "page 50"}] * 2
    assert "group" not in guessed(*rows).fields


def test_fields_go_by_their_usual_names_and_ids_must_differ(guessed):
    found = guessed(*({"id": 7, "problem": "1+1", "solution": "so\n#### 2", "level": "easy"} for _ in range(2)))
    assert found.fields == {"question": "problem", "answer": "solution", "group": "level"}
    assert found.example == ("1+1", "2")
    assert found.settings()["gold_pattern"]
    with pytest.raises(UserError, match=r"no field that holds the question.*'foo', 'bar'"):
        guessed({"foo": "1", "bar": "2"})
