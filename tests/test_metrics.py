"""What an iteration amounted to, from its files."""

import pytest

from star.files import write_json
from star.metrics import summarise
from star.records import Attempt, Completion, Problem, Prompt, Verdict
from star.store import Iteration, Journal


def row(problem, status="correct", steps=(0, 0), ended="eos"):
    attempt = Attempt(
        Problem(problem, "jsonl", "What is 1 + 1?", "2"),
        Prompt(problem, "Q: What is 1 + 1?\nA:"),
        Completion(problem, 0, " #### 2", 5, ended, 1, "base"),
        Verdict(status),
        *steps,
    )
    return attempt.to_dict()


@pytest.fixture
def metrics(tmp_path, recipe_with):
    """The metrics of iteration 1 with these attempts; without any, of one that sampled nothing."""

    def metrics(plain=(), hinted=(), *overrides):
        iteration = Iteration(tmp_path, 1)
        write_json(iteration.folder / "scores.json", {"zero-shot": {}})
        write_json(iteration.folder / "audit.json", {"signals": {"forgotten": 0.5}, "funnel": {"carried": 0}})
        (iteration.folder / "adapter").mkdir()
        log = [{"steps": 2, "too_long": []}, {"loss": 1.0}, {"loss": 0.5}]
        files = {"train": [{"iteration": 1}], "adapter/training": log}
        if plain:
            files |= {"attempts": plain, "rationalizations": hinted}
        for name, rows in files.items():
            Journal(iteration.folder / f"{name}.jsonl").append(rows)
        return summarise(iteration, recipe_with(*overrides))

    return metrics


def test_false_positives_are_right_answers_with_a_wrong_step_of_right_answers_with_a_step_to_check(metrics):
    plain = [
        row("a", steps=(2, 1)),
        row("b", steps=(2, 0)),
        row("c"),
        row("d", "wrong", steps=(3, 3)),
        row("d", "no_answer", steps=(1, 1)),
    ]
    found = metrics(plain, [row("d", steps=(1, 1)), row("e", "wrong", steps=(1, 1))])
    assert found["false_positives"] == {"plain": 1, "hinted": 1}
    assert found["checkable"] == {"plain": 2, "hinted": 1}


def test_problems_are_counted_once_and_verdicts_one_by_one(metrics):
    plain = [row("a"), row("a", "wrong"), row("b", "timeout"), row("c", ended="length")]
    found = metrics(plain, [row("b")])
    assert (found["problems"], found["solved"], found["hinted"], found["rationalized"]) == (3, 2, 1, 1)
    assert found["verdicts"] == {"plain": {"correct": 2, "wrong": 1, "timeout": 1}, "hinted": {"correct": 1}}
    assert (found["cut_off"], found["sampled_tokens"]) == (1, 25)


def test_an_iteration_that_sampled_nothing_has_metrics_of_its_training_alone(metrics):
    found = metrics()
    assert (found["examples"], found["train_steps"], found["train_loss_last"]) == (1, 2, 0.5)
    assert not {"problems", "solved", "false_positives", "verdicts"} & set(found)
    assert (found["audit"], found["funnel"]) == ({"forgotten": 0.5}, {"carried": 0})


def test_an_unsound_rationale_solves_nothing_when_sound_steps_are_asked_for(metrics):
    plain, hinted = [row("a", steps=(1, 1)), row("b")], [row("a", steps=(1, 0))]
    found = metrics(plain, hinted, "selection.require_sound_steps=true")
    assert (found["solved"], found["hinted"], found["rationalized"]) == (1, 1, 1)
