"""The data sets of reasoning-gym as tasks: generated problems, answers in tags, no code run."""

import re
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from star.errors import UserError
from star.recipe import ReasoningGymTask
from star.tasks.gym_scoring import COMPOSITE, HOW, REFUSED, VERIFIERS
from star.tasks.reasoning_gym import ReasoningGym
from star.verify.text import normalise

pytest.importorskip("reasoning_gym")


def task(data_set="chain_sum", train=30, held_out=10, **settings):
    return ReasoningGym(
        ReasoningGymTask(kind="reasoning_gym", data_set=data_set, train=train, held_out=held_out, **settings)
    )


@pytest.fixture(scope="module")
def sums():
    made = task()
    return made, made.problems("train"), made.problems("held_out")


def test_problems_are_the_same_whenever_they_are_made_also_where_they_depend_on_the_order_of_sets():
    first, second = (task("isomorphic_strings", train=5, held_out=5).problems("train") for _ in range(2))
    assert first == second


def test_splits_share_no_question_and_repeat_none(sums):
    _, train, held_out = sums
    questions = [normalise(problem.question) for problem in train + held_out]
    assert len(train) == 30
    assert len(set(questions)) == len(questions) == 40


def test_a_problem_says_where_it_comes_from(sums):
    problem = sums[1][7]
    assert problem.id == "chain_sum-train-000007"
    assert problem.source.startswith("reasoning_gym:chain_sum:seed=")
    assert (problem.answer_source, problem.group, problem.meta) == ("computed", "all", {})


def test_difficulty_is_the_group_where_it_is_a_number():
    assert task("gsm_symbolic", train=1, held_out=1).problems("train")[0].group == "difficulty 1"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("2 + 2 = 4.\n<answer> {} </answer>", "correct"),
        ("<answer>\n{}\n</answer> so <answer>{}.0</answer>", "correct"),
        ("<answer>{}</answer> or <answer>123456</answer>", "no_answer"),
        ("<answer>{}", "no_answer"),
        ("{}", "no_answer"),
        ("<answer>123456</answer>", "wrong"),
        ("<answer>__import__('os').abort()</answer>", "no_answer"),
    ],
)
def test_the_final_answer_stands_between_tags(sums, text, status):
    made, train, _ = sums
    assert made.judge(train[0], text.replace("{}", train[0].answer)).status == status


def test_a_hinted_prompt_shows_the_answer_and_a_plain_one_does_not(sums):
    made, train, _ = sums
    shown = f"<answer>{train[0].answer}</answer>"
    assert shown in made.question(train[0], hinted=True)
    assert shown not in made.question(train[0], hinted=False)
    assert made.judge(train[0], made.bare_answer(train[0])).accepted


def test_too_many_problems_are_refused_with_how_many_there_are():
    with pytest.raises(UserError, match=r"task.train = 50: coin_flip has about \d different questions"):
        task("coin_flip", train=50, options={"min_trials": 3, "max_trials": 3}).problems("train")


def test_a_data_set_that_only_reasoning_gym_can_score_says_so_and_keeps_what_that_needs():
    made = task("jugs", train=3, held_out=1, timeout=10.0)
    problems = made.problems("train")
    assert "scored by reasoning-gym itself" in made.notice
    assert all("puzzle" in problem.meta["metadata"] for problem in problems)
    mark = Path("ran-by-an-answer")
    texts = [made.bare_answer(problems[0]), f"<answer>__import__('pathlib').Path({mark.name!r}).touch()</answer>"]
    verdicts = made.judge_all([(problems[0], text) for text in texts])
    assert [verdict.status for verdict in verdicts] == ["correct", "wrong"]
    assert not mark.exists()


def test_an_unknown_data_set_is_answered_with_the_nearest():
    with pytest.raises(UserError, match="did you mean chain_sum"):
        task("chainsum")


@pytest.mark.parametrize("data_set", REFUSED)
def test_a_refused_data_set_says_why(data_set):
    with pytest.raises(UserError, match=f"{data_set}.*no task here"):
        task(data_set)


def test_bad_options_are_answered_with_the_words_of_reasoning_gym():
    with pytest.raises(UserError, match=r"task.options = .*min_terms"):
        task(options={"min_terms": 0}).problems("train")
    with pytest.raises(UserError, match=r"reasoning-gym says: .*colour"):
        task(options={"colour": 1}).problems("train")
    with pytest.raises(UserError, match=r"task.options.seed: use task.seed"):
        task(options={"seed": 1}).problems("train")


def test_every_data_set_of_the_package_has_a_way_to_be_compared_or_a_reason():
    from reasoning_gym.factory import DATASETS

    assert sorted([*HOW, *REFUSED, COMPOSITE]) == sorted(DATASETS)
    assert set(HOW.values()) == {*VERIFIERS, "worker"}


def test_tasks_are_imported_without_reasoning_gym():
    code = "import sys; sys.modules['reasoning_gym'] = None; import star.tasks"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_worker_scores_with_the_options_of_the_recipe():
    longer = {"min_word_length": 5, "max_word_length": 5}
    made = task("word_ladder", train=2, held_out=1, options=longer, timeout=20.0)
    assert [made.judge(p, f"<answer>{p.answer}</answer>").status for p in made.problems("train")] == ["correct"] * 2


@pytest.mark.parametrize("data_set", ["boxnet", "rush_hour"])
def test_a_puzzle_without_a_ground_truth_gets_one_that_reasoning_gym_takes_for_right(data_set):
    made = task(data_set, train=2, timeout=20.0)
    first, other = made.problems("train")
    assert not made.skipped
    assert first.answer_source == "computed"
    assert "scored by reasoning-gym itself" in made.notice
    verdicts = [made.judge(first, f"<answer>{answer}</answer>") for answer in (first.answer, other.answer, "", "What?")]
    assert [verdict.status for verdict in verdicts] == ["correct", "wrong", "no_answer", "no_answer"]


def test_practice_gets_harder_by_level_and_asks_nothing_that_is_held_out():
    made = task(options={"min_terms": 2, "max_terms": 2, "min_digits": 1, "max_digits": 1})
    held_out = {normalise(problem.question) for problem in made.problems("held_out")}
    assert made.levels() == 11
    for level in (1, 3):
        problems = list(islice(made.practice(level, seed=5), 30))
        questions = {normalise(problem.question) for problem in problems}
        assert len(questions) == 30
        assert not questions & held_out
        for problem in problems:
            numbers = re.findall(r"\d+", problem.question)
            assert len(numbers) == level + 1  # terms
            assert {len(number) for number in numbers} == {level}  # digits
            assert (problem.group, problem.meta["level"]) == (f"level {level}", level)
            assert problem.source.startswith(f"reasoning_gym:chain_sum:level={level}:seed=")
            assert made.judge(problem, made.bare_answer(problem)).accepted
    assert list(islice(made.practice(3, seed=5), 30)) == problems
    assert list(islice(made.practice(3, seed=6), 30)) != problems


def test_practice_ends_when_there_are_no_more_questions():
    made = task("coin_flip", train=1, held_out=1)
    problems = list(islice(made.practice(1, seed=0), 5000))
    assert 0 < len(problems) < 5000


def test_a_data_set_without_a_curriculum_is_refused_with_what_to_do():
    with pytest.raises(UserError, match=r"has no curriculum for 'gsm_symbolic'; take another data set"):
        task("gsm_symbolic", train=1, held_out=1).levels()
    with pytest.raises(UserError, match="raises the parameters of one data set"):
        task(COMPOSITE, train=1, held_out=1, options={"datasets": [{"name": "chain_sum"}]}).levels()


def test_a_level_that_a_data_set_cannot_make_is_named():
    with pytest.raises(UserError, match=r"'caesar_cipher'.*at level 4 of its curriculum.*lower curriculum.highest"):
        next(task("caesar_cipher", train=1, held_out=1).practice(4, seed=0))
