"""A practice world: which level it is at, and which problems it makes."""

import itertools

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from star.curriculum.estimate import Tally
from star.curriculum.practice import _problems, next_level, practice_examples, practise, shares, spread
from star.errors import UserError
from star.overlap import Protected, Text
from star.recipe import ArithmeticTask, Curriculum
from star.store import Iteration, Store
from star.tasks import build_task
from star.tasks.arithmetic import Arithmetic, is_held_out

SETTINGS = Curriculum(kind="grow")
NOTHING = Protected()
SUMS = Arithmetic(ArithmeticTask(kind="arithmetic"))


@pytest.fixture
def grow(recipe_with):
    """A recipe of a practice world of sums."""
    sums = ("task={kind: arithmetic}", "curriculum.kind=grow", "problems_per_iteration=100")
    return lambda *more: recipe_with(*sums, *more)


@pytest.mark.parametrize(
    ("level", "tallies", "expected"),
    [
        (2, {2: (10, 8)}, 3),  # mastered, and nothing is known of the next one
        (2, {2: (10, 7)}, 2),
        (2, {2: (100, 1)}, 2),  # rare, but not hopeless
        (2, {2: (100, 0)}, 1),
        (1, {1: (100, 0)}, 1),  # there is none below
        (1, {1: (10, 9), 2: (10, 9), 3: (10, 9)}, 4),
        (1, {1: (10, 9), 2: (10, 1)}, 2),
        (1, {1: (10, 9), 2: (100, 0)}, 1),  # the next one is hopeless
        (5, {5: (10, 9)}, 5),  # the highest
        (3, {}, 3),
    ],
)
def test_the_level_follows_success(level, tallies, expected):
    tallies = {one: Tally(*tally) for one, tally in tallies.items()}
    assert next_level(level, 5, tallies, SETTINGS) == expected


@given(
    st.integers(1, 9),
    st.integers(0, 3),
    st.integers(1, 500),
    st.floats(0, 1),
    st.floats(0, 1),
)
@example(2, 3, 2, 0.5, 0.49)
def test_shares_are_of_levels_that_there_are_and_come_to_all(level, above, count, review, ahead):
    assume(review + ahead < 1)
    found = shares(level, level + above, count, Curriculum(kind="grow", review=review, ahead=ahead))
    assert found[level] >= 1
    assert sum(found.values()) == count
    assert list(found) == sorted(found)
    assert set(found) <= set(range(1, min(level + 1, level + above) + 1))
    assert min(found.values()) > 0
    below = [found.get(one, 0) for one in range(1, level)]
    assert max(below, default=0) - min(below, default=0) <= 1


def after(level, recipe, folder, task=SUMS, protected=NOTHING):
    """What is practised after an iteration at `level` that tried nothing."""
    with Store.open(folder / "run", recipe) as store:
        store.record({})
        before = Iteration(store.iterations_folder, 1)
        before.json("curriculum", lambda: {"kind": "grow", "level": level})
        before.finish()
        return practise(Iteration(store.iterations_folder, 2), store, task, recipe, protected)


def test_a_level_above_the_highest_comes_down(grow, tmp_path):
    problems, level = after(5, grow("curriculum.highest=3"), tmp_path)
    assert level == 3
    assert {problem.meta["level"] for problem in problems} == {1, 2, 3}


class WithoutLevel(Arithmetic):
    """Sums, but none of one length."""

    def __init__(self, level):
        super().__init__(ArithmeticTask(kind="arithmetic"))
        self.level = level

    def practice(self, level, seed):
        return iter(()) if level == self.level else super().practice(level, seed)


def test_a_level_without_problems_is_no_level_to_stay_at(grow, tmp_path):
    with pytest.raises(UserError, match=r"level 3, of which task arithmetic has no new problems.*highest below 3"):
        after(3, grow(), tmp_path, WithoutLevel(3))


def test_fewer_problems_than_planned_are_told(grow, tmp_path, capsys):
    problems, level = after(1, grow("problems_per_iteration=500"), tmp_path, WithoutLevel(2))
    assert level == 1
    assert 1 <= len(problems) < 500
    assert f"iteration 2 practises {len(problems)} problems, not 500" in capsys.readouterr().out


def test_what_is_spread_over_levels_is_as_even_as_it_can_be():
    assert spread(range(1, 4), 11) == {1: 3, 2: 4, 3: 4}
    assert spread(range(1, 4), 2) == {1: 0, 2: 1, 3: 1}
    assert spread([], 0) == {}


def test_practice_problems_are_new_each_time_the_same_again_and_never_held_out(grow):
    recipe, counts = grow(), {1: 20, 3: 100}
    first, again, other = (list(_problems(counts, SUMS, recipe, number, Protected())) for number in (1, 1, 2))
    assert first == again
    questions = [{problem.question for problem in one if problem.meta["level"] == 3} for one in (first, other)]
    assert len(questions[0]) == len(questions[1]) == 100
    assert len(questions[0] & questions[1]) < 10
    ids = [problem.id for problem in first + other]
    assert len(set(ids)) == len(ids)
    for problem in first + other:
        assert problem.answer_source == "computed"
        assert f"level={problem.meta['level']}:seed=" in problem.source
        assert problem.group == f"{problem.meta['level']} digit{'s' * (problem.meta['level'] > 1)}"
        assert not is_held_out(tuple(map(int, problem.question.split("+"))))
        assert SUMS.judge(problem, SUMS.bare_answer(problem)).accepted


def test_a_protected_question_is_never_practised(grow):
    asked = list(_problems({1: 50}, SUMS, grow(), 1, Protected()))
    protected = Protected([Text("file:1", asked[0].question, "")])
    left = list(_problems({1: 50}, SUMS, grow(), 1, protected))
    assert len(left) == 50
    assert asked[0].question not in {problem.question for problem in left}


def test_where_a_level_has_not_so_many_there_are_more_of_the_next(grow):
    made = list(_problems({1: 500, 2: 10}, SUMS, grow(), 1, Protected()))
    levels = [problem.meta["level"] for problem in made]
    assert len(made) == 510
    assert 80 <= levels.count(1) <= 100
    assert len({problem.question for problem in made}) == 510


@pytest.mark.parametrize("operation", ["addition", "subtraction", "multiplication"])
def test_every_level_of_arithmetic_makes_problems_of_that_many_digits(operation):
    task = Arithmetic(ArithmeticTask(kind="arithmetic", operation=operation))
    for level in range(1, task.levels() + 1):
        for problem in itertools.islice(task.practice(level, seed=1), 5):
            first, second = problem.question.replace("-", "+").replace("*", "+").split("+")
            assert len(first) == len(second) == level


def test_a_task_that_makes_no_problems_is_refused_with_what_to_do(recipe_with):
    recipe = recipe_with("curriculum.kind=grow", "problems_per_iteration=5")
    with pytest.raises(UserError, match=r"task gsm8k makes no new problems.*curriculum.kind=learnable"):
        practice_examples(recipe, build_task(recipe))


def test_a_level_that_the_task_has_not_is_refused(grow):
    with pytest.raises(UserError, match=r"curriculum.highest = 13: task arithmetic has levels 1 to 12"):
        practice_examples(grow("curriculum.highest=13"), SUMS)


def test_the_longest_problems_are_looked_at_before_a_run(grow):
    examples = practice_examples(grow("curriculum.highest=4"), SUMS)
    assert {len(problem.question) for problem in examples} == {9}
    assert practice_examples(grow("curriculum.kind=uniform"), SUMS) == []
