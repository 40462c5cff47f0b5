"""What is found wrong before any work is done, and what is shown of a recipe that is right."""

import json

import pytest

from star.errors import UserError
from star.preflight import check
from star.recipe import load_recipe


@pytest.fixture
def checked(tmp_path, random_models):
    """What a recipe over twenty rows of sums turns out to mean; the first of them is held out."""
    rows = [{"question": f"{i} + 1?", "answer": str(i + 1), "choices": [str(i), str(i + 1)]} for i in range(20)]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    path = tmp_path / "recipe.yaml"
    path.write_text(
        f"name: x\ntask: {{kind: jsonl, train: {tmp_path}/train.jsonl, verifier: numeric, held_out_share: 0.3}}\n"
        f"model: {{path: {random_models['llama']}}}\ndecoding: {{max_new_tokens: 20}}\n"
    )
    return lambda *overrides: check(load_recipe(path, overrides))


def test_bare_answers_that_the_task_would_not_read_are_refused_and_shown(checked):
    with pytest.raises(UserError) as caught:
        checked("method=direct", "task.direct='{answer}.'")
    assert str(caught.value) == (
        "method: direct would train on '2.', from which the task reads None (no_answer); "
        "task.direct must fit the answer pattern"
    )
    with pytest.raises(UserError, match=r"from which the task reads '2 or 2' \(no_answer\)"):
        checked("method=direct", "task.direct='#### {answer} or {answer}'")
    checked("task.direct='{answer}.'")  # with rationales, nothing is trained on it


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["task.direct='The answer is {answer}.'", "task.answer_pattern='answer is (.*)'"],
        ["task.verifier=exact"],
        ["task.verifier=choice"],
        ["task.verifier=symbolic", "task.timeout=20.0"],
    ],
)
def test_bare_answers_that_the_task_reads_are_accepted(checked, overrides):
    assert checked("method=direct", *overrides).recipe.method == "direct"


def test_without_rationales_the_training_example_is_a_bare_answer(checked):
    shown = dict(checked("method=direct").examples())
    assert shown["training example"] == "Q: 1 + 1?\nA:[learned:] #### 2<eos>"
    assert shown["plain prompt"] == "Q: 1 + 1?\nA:"


def test_reference_texts_are_checked_and_one_is_shown(checked, tmp_path):
    assert checked().examples()[-1][0] == "no reference text"  # a task without worked solutions
    (tmp_path / "texts.jsonl").write_text('{"prompt": "One", "target": " two"}\n')
    shown = checked(f"audit.reference={tmp_path}/texts.jsonl").examples()[-1]
    assert shown == ("reference text, 1 of 1", "One[predicted:] two")
    (tmp_path / "texts.jsonl").write_text('{"prompt": "One"}\n')
    with pytest.raises(UserError, match=r"texts\.jsonl:1: no field 'target'"):
        checked(f"audit.reference={tmp_path}/texts.jsonl")


def test_a_right_recipe_over_good_data_has_nothing_to_note(checked):
    assert checked().notices() == []


def test_what_is_left_out_is_noted_with_its_number_and_the_first(checked, tmp_path):
    with (tmp_path / "train.jsonl").open("a") as file:
        file.write('{"question": "x?", "answer": "many"}\n{"question": "y?", "answer": "more"}\n')
    with pytest.raises(UserError, match=r"train\.jsonl:21 \(id row-21\): .*task\.bad_gold=skip"):
        checked()
    [notice] = checked("task.bad_gold=skip").notices()
    assert notice == (
        "2 problems are left out, because their ground truth cannot be verified; the first: "
        f"{tmp_path}/train.jsonl:21 (id row-21): the ground truth 'many' is not a number"
    )


STORY = "one two three four five six seven eight nine ten eleven twelve thirteen"


def test_what_overlaps_is_noted_with_its_number_and_the_first(checked, tmp_path):
    (tmp_path / "set.txt").write_text(f"5 + 1?\n\n{STORY}\n")
    real = {"question": "30 + 1?", "answer": "31", "rationale": "#### 31"}
    rows = [real, {**real, "rationale": f"{STORY.upper()}\n#### 31"}]
    (tmp_path / "real.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    overrides = [f"audit.protect=[{tmp_path}/set.txt]", f"mix.real={{path: {tmp_path}/real.jsonl, share: 0.1}}"]
    found = checked(*overrides, "audit.contamination=remove")
    assert (found.removed.count, found.protected.hits([STORY])) == (1, [True])
    why = "because they overlap held-out or protected ones (audit.contamination: remove); the first:"
    assert found.notices() == [
        f"1 training problems are left out, {why} {tmp_path}/train.jsonl:6 (id row-6) is the same text as "
        f"{tmp_path}/set.txt:1: '5 + 1?'",
        f"1 rows of mix.real are left out, {why} {tmp_path}/real.jsonl:2 has 13 words in a row with "
        f"{tmp_path}/set.txt:3: {STORY!r}",
    ]
    shown = dict(found.examples())
    assert shown[f"real example, 1 of 1: real/{tmp_path}/real.jsonl:1"] == "Q: 30 + 1?\nA:[learned:]#### 31<eos>"
    with pytest.raises(UserError, match=r"1 of \d+ training problems overlap .*\n .*train\.jsonl:6"):
        checked(*overrides)


def test_a_device_that_is_not_here_is_found_before_the_data_is_read(checked, tmp_path):
    (tmp_path / "train.jsonl").unlink()
    with pytest.raises(UserError, match=r"model\.device = 'nonsense'.*use auto or cpu"):
        checked("model.device=nonsense")
