"""Which training problems an iteration draws."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.curriculum import draw
from star.curriculum.draw import draw_learnable, learnability, weighted_places
from star.curriculum.estimate import estimate
from star.history import ProblemHistory
from star.records import Problem, derive_seed

POOL = [Problem(f"{group}-{i}", "t", f"{group} {i}?", "a", group=group) for i in range(200) for group in "abc"]
TRIED = [
    ProblemHistory("x", "a", 500, 500, last=1),  # mastered
    ProblemHistory("y", "b", 500, 200, last=1),
    ProblemHistory("z", "c", 500, 0, last=1),  # hopeless
]


@pytest.fixture
def learnable(recipe_with):
    """A recipe that draws a number of problems by what is learned from them."""
    return lambda count, *more: recipe_with("curriculum.kind=learnable", f"problems_per_iteration={count}", *more)


def test_all_alike_is_what_it_always_was(recipe_with):
    recipe = recipe_with("problems_per_iteration=10")
    places = random.Random(derive_seed(recipe.seed, 3, "draw")).sample(range(len(POOL)), 10)
    assert list(draw(POOL, recipe, 3)) == [POOL[place] for place in places]
    assert draw(POOL, recipe_with(), 3) is POOL


def test_most_effort_goes_where_success_is_neither_sure_nor_hopeless(learnable):
    drawn = draw_learnable(POOL, estimate(TRIED, [], 2), learnable(120), 2)
    groups = Counter(problem.group for problem in drawn)
    assert groups["b"] > 90
    assert groups["a"] > 0
    assert groups["c"] > 0


def test_what_is_drawn_is_in_the_order_of_the_data_without_repeats_and_the_same_again(learnable):
    estimates, recipe = estimate(TRIED, [], 2), learnable(120)
    drawn = [problem.id for problem in draw_learnable(POOL, estimates, recipe, 2)]
    places = [[problem.id for problem in POOL].index(id) for id in drawn]
    assert len(set(drawn)) == 120
    assert places == sorted(places)
    assert [problem.id for problem in draw_learnable(POOL, estimates, recipe, 2)] == drawn
    assert [problem.id for problem in draw_learnable(POOL, estimates, recipe, 3)] != drawn


def test_more_than_there_are_is_all_of_them(learnable):
    assert list(draw_learnable(POOL, estimate(TRIED, [], 2), learnable(10_000), 2)) == POOL


@given(st.floats(0, 1))
def test_weights_come_to_one_and_none_is_below_its_part_of_the_exploration(explore):
    weights = learnability(POOL, estimate(TRIED, [], 2), explore)
    assert sum(weights) == pytest.approx(1)
    assert min(weights) > 0
    assert min(weights) >= explore / len(POOL)


@pytest.mark.parametrize("explore", [0.0, 0.1])
def test_what_is_always_solved_has_some_weight_however_often_it_was_tried(explore):
    mastered = [ProblemHistory(problem.id, problem.group, 10**9, 10**9, last=1) for problem in POOL]
    weights = learnability(POOL, estimate(mastered, [], 1e-6), explore)
    assert sum(weights) == pytest.approx(1)
    assert len(weighted_places(weights, 5, seed=1)) == 5


def test_a_problem_is_drawn_as_often_as_its_weight_says():
    weights = [0.1, 0.2, 0.3, 0.4]
    drawn = Counter(place for seed in range(4000) for place in weighted_places(weights, 1, seed))
    for place, weight in enumerate(weights):
        assert drawn[place] / 4000 == pytest.approx(weight, abs=0.04)  # five standard deviations


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        (("curriculum.kind=learnable",), "it needs problems_per_iteration"),
        (("curriculum.kind=grow",), "it needs problems_per_iteration"),
        (
            ("curriculum.kind=learnable", "problems_per_iteration=5", "method=direct"),
            "with method: direct there are none",
        ),
        (
            (
                "curriculum.kind=learnable",
                "problems_per_iteration=5",
                "rationalization.probability=0",
                "selection.accept=all",
            ),
            "selection.accept: all takes none",
        ),
        (("curriculum={kind: learnable, highest: 3}",), "highest 3 belongs to kind: grow, and kind is learnable"),
        (("curriculum={kind: grow, explore: 0.3}",), "explore 0.3 belongs to kind: learnable, and kind is grow"),
        (("curriculum.window=3",), "window 3 belongs to kind: learnable or grow, and kind is uniform"),
        (("curriculum={kind: learnable, prior: 1.0e-9}",), "prior"),
        (("curriculum={kind: grow, raise_at: 0.2, lower_at: 0.3}",), "lower_at 0.3 is not below raise_at 0.2"),
        (("curriculum={kind: grow, review: 0.6, ahead: 0.4}",), "leave no problems for the level itself"),
        (("curriculum={kind: grow, start: 4, highest: 3}",), "start 4 is above highest 3"),
    ],
)
def test_settings_that_make_no_sense_are_refused(recipe_with, overrides, complaint):
    with pytest.raises(Exception, match=complaint):
        recipe_with(*overrides)
