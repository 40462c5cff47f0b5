"""What is trained on beside an iteration's own rationales."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.mix import carry, mix, origins
from star.records import Example


def accepted(iteration, count, rationalized=False):
    return [Example("p", f"{iteration}.{i}", f"m/plain/p{i}/0", iteration, rationalized) for i in range(count)]


REAL = [Example("q", f"real {i}", f"real/gold.jsonl:{i + 1}", 0) for i in range(50)]


def mixed(recipe, number, new, trained_on):
    return list(mix(new, lambda iteration: trained_on.get(iteration, []), REAL, recipe, number))


@pytest.mark.parametrize(("keep", "expected"), [("1", {3}), ("2", {2, 3}), ("3", {1, 2, 3}), ("all", {1, 2, 3})])
def test_examples_of_the_last_iterations_are_carried_once(recipe_with, keep, expected):
    new = [Example("p", "t3", "x", 3)]
    old = [Example("p", "t2", "x", 2), Example("p", "t1", "x", 1), Example("p", "t3", "x", 2)]
    carried = list(carry(new, [*old, *REAL], recipe_with(f"selection.keep_iterations={keep}"), 3))
    assert {e.iteration for e in carried} == expected
    assert len({e.target for e in carried}) == len(carried)


@given(st.integers(1, 200), st.floats(0, 0.45), st.floats(0.01, 0.45))
def test_shares_are_of_the_whole_training_data(recipe_with, count, replayed, real):
    recipe = recipe_with(f"selection.replay={replayed!r}", f"mix.real={{path: x, share: {real!r}}}")
    old = {1: accepted(1, 300), 2: [*accepted(2, 300), *accepted(1, 300), *REAL]}
    found = origins(mixed(recipe, 3, accepted(3, count), old), recipe, 3)
    whole = count / (1 - replayed - real)
    assert found["plain"] == count
    assert found["replayed"] == min(600, round(replayed * whole))
    assert found["real"] == min(50, round(real * whole))
    assert found["carried"] == 0


def test_what_is_replayed_comes_from_all_iterations_that_are_not_carried_and_is_drawn_anew(recipe_with):
    recipe = recipe_with("selection.replay=0.5", "selection.keep_iterations=2")
    old = {1: accepted(1, 50), 2: accepted(2, 50), 3: [*accepted(3, 20), *accepted(2, 5)]}
    data = mixed(recipe, 4, accepted(4, 20), old)
    assert origins(data, recipe, 4) == {"plain": 20, "carried": 20, "replayed": 40}
    assert {e.iteration for e in data if e.iteration < 3} == {1, 2}
    again = mixed(recipe_with("seed=1", "selection.replay=0.5", "selection.keep_iterations=2"), 4, accepted(4, 20), old)
    assert mixed(recipe, 4, accepted(4, 20), old) == data != again


def test_nothing_is_replayed_before_there_is_anything(recipe_with):
    assert len(mixed(recipe_with("selection.replay=0.5"), 1, accepted(1, 9), {})) == 9


def test_origins_tell_plain_from_rationalized_only_of_this_iteration(recipe_with):
    data = [*accepted(2, 3), *accepted(2, 2, rationalized=True), *accepted(1, 4, rationalized=True), *REAL[:1]]
    recipe = recipe_with("selection.keep_iterations=2")
    assert origins(data, recipe, 2) == {"plain": 3, "hinted": 2, "carried": 4, "real": 1}
