"""Training problems that overlap held-out or protected ones: refused or left out, with what they share."""

import json
from pathlib import Path

import pytest

from star.errors import UserError
from star.recipe import Audit, load_recipe
from star.records import Problem
from star.tasks import build_task, load_problems
from star.tasks.contamination import protect, without_overlap

STORY = "Bella bought stamps at the post office and some of the stamps had a snowflake design"
GSM8K = Path("/work/shared/data/gsm8k")


def problem(question, id="p", answer_source="gold"):
    return Problem(id, "jsonl", question, "1", source=f"file:{id}", answer_source=answer_source)


def clean(train, held_out, **audit):
    audit = Audit(**audit)
    return without_overlap(train, protect(held_out, audit), audit)


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


TRAIN = [problem("Other?", "1"), problem(f"{STORY}. How many?", "2"), problem("Same?", "3"), problem("Last?", "4")]
HELD_OUT = [problem(f"{STORY}: how much?", "5"), problem(" same?", "6")]


def test_overlap_is_refused_with_the_number_and_what_is_shared():
    with pytest.raises(UserError) as caught:
        clean(TRAIN, HELD_OUT)
    assert str(caught.value) == (
        "2 of 4 training problems overlap held-out or protected ones, so accuracy would say too much:\n"
        f"  file:2 (id 2) has 17 words in a row with file:5 (id 5): '{STORY.casefold()} how'\n"
        "  file:3 (id 3) is the same text as file:6 (id 6): 'Same?'\n"
        "Remove them from one of the two, or leave them out with audit.contamination=remove; "
        "for problems that are made from templates, audit.ngram=null compares only whole texts"
    )


def test_overlap_is_left_out_and_counted_when_the_recipe_says_so():
    kept, removed = clean(TRAIN, HELD_OUT, contamination="remove")
    assert [p.id for p in kept] == ["1", "4"]
    assert removed.count == 2
    assert removed.first[1] == "file:3 (id 3) is the same text as file:6 (id 6): 'Same?'"


def test_whole_texts_alone_are_compared_when_the_recipe_says_so():
    kept, removed = clean(TRAIN, HELD_OUT, contamination="remove", ngram=None)
    assert ([p.id for p in kept], removed.count) == (["1", "2", "4"], 1)


def test_a_message_shows_the_first_overlaps_and_counts_the_others():
    train = [problem("Same?", str(i)) for i in range(9)]
    with pytest.raises(
        UserError, match=r"9 of 10 .*\n  file:0 [^\n]*\n  file:1 [^\n]*\n  file:2 [^\n]*\n  \(and 6 more"
    ):
        clean([*train, problem("Other?")], HELD_OUT)


def test_of_generated_problems_only_whole_questions_are_protected():
    drawn = [problem(f"{STORY}: how much?", "5", "computed"), problem("Same?", "6", "computed")]
    kept, removed = clean(TRAIN, drawn, contamination="remove")
    assert ([p.id for p in kept], removed.count) == (["1", "2", "4"], 1)


def test_every_string_in_a_row_of_a_file_is_protected_and_names_its_line(write):
    rows = [{"id": "x"}, {"question": {"stem": "Other?"}, "steps": ["a", {"text": f"{STORY}!"}], "level": 3}]
    path = write("set.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    _, removed = clean(TRAIN, [], protect=[path], contamination="remove")
    assert removed.first == [
        f"file:1 (id 1) is the same text as {path}:2: 'Other?'",
        f"file:2 (id 2) has 16 words in a row with {path}:2: {STORY.casefold()!r}",
    ]


def test_every_paragraph_of_a_text_file_is_protected_and_names_its_line(write):
    path = write("set.txt", "\ufeff \n\nSame?\n\t\n\n" + STORY.replace(" ", "\n", 5) + "\nand so on\n\n\nOther? No.")
    _, removed = clean(TRAIN, [], protect=[path], contamination="remove")
    assert [complaint.partition(": ")[0] for complaint in removed.first] == [
        f"file:2 (id 2) has 16 words in a row with {path}:6",
        f"file:3 (id 3) is the same text as {path}:3",
    ]


def test_a_row_that_is_nested_deep_is_read_to_its_end(write):
    path = write("set.jsonl", '{"a":' + "[" * 900 + '"Same?"' + "]" * 900 + "}\n")
    assert clean(TRAIN, [], protect=[path], contamination="remove")[1].count == 1


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("set.txt", b"\n \n", "audit.protect = 'FILE': the file has no text; take it out, or give one that has"),
        ("set.jsonl", b'{"n": 1}\n', "audit.protect = 'FILE': the file has no text; take it out, or give one that has"),
        ("set.txt", b"one\n\ncaf\xe9\n", "FILE:3: not UTF-8 text: invalid continuation byte at byte 3, "),
        ("set.jsonl", b"{}\n[]\n", "FILE:2: expected a JSON object, found list: []"),
        (
            "",
            b"",
            "audit.protect = 'FILE': this is a folder; give JSONL files, or text files whose paragraphs are protected",
        ),
    ],
)
def test_a_protected_file_that_protects_nothing_is_an_error(tmp_path, name, data, message):
    path = tmp_path / name
    if name:
        path.write_bytes(data)
    with pytest.raises(UserError) as caught:
        clean(TRAIN, [], protect=[str(path)])
    assert str(caught.value).replace(str(path), "FILE").startswith(message)


def test_nothing_but_overlap_is_an_error_however_it_is_treated():
    with pytest.raises(UserError, match=r"1 of 1 training problems overlap .*\n.*\nRemove .*, or give others; "):
        clean(TRAIN[2:3], HELD_OUT, contamination="remove")


def test_all_held_out_problems_are_protected_though_some_are_evaluated(tmp_path, write):
    train = write("train.jsonl", "".join(json.dumps({"question": f"{i}?", "answer": "1"}) + "\n" for i in range(9)))
    held_out = write("test.jsonl", "".join(json.dumps({"question": f"{i}!", "answer": "1"}) + "\n" for i in range(9)))
    task = {"kind": "jsonl", "train": train, "held_out": held_out}
    recipe = write("r.yaml", json.dumps({"name": "x", "task": task, "model": {"path": "m"}}))
    recipe = load_recipe(recipe, ["evaluation.problems=2", "limit=1"])
    problems = load_problems(recipe, build_task(recipe))
    assert (len(problems.train), len(problems.held_out), problems.removed.count) == (1, 1, 0)
    assert all(problems.protected.hit_by(problem(f"{i}!")) for i in range(9))


@pytest.mark.parametrize("style", ["columns", "paper", "words"])
def test_generated_sums_do_not_overlap(style, recipe_with):
    recipe = recipe_with(f"task={{kind: arithmetic, style: {style}}}")
    assert load_problems(recipe, build_task(recipe)).removed.count == 0


@pytest.mark.skipif(not GSM8K.is_dir(), reason=f"{GSM8K} is not here")
def test_four_training_problems_of_gsm8k_are_held_out_ones_with_other_numbers(recipe_with):
    recipe = recipe_with(f"task.path={GSM8K}", "audit.contamination=remove")
    problems = load_problems(recipe, build_task(recipe))
    assert (len(problems.train), problems.removed.count) == (7469, 4)
    assert "bought stamps at the post office some of the stamps had a snowflake" in problems.removed.first[0]
