"""What is trained on beside an iteration's own rationales."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.mix import carry, mix, origins
from star.records import Example
from star.vote import most_beside


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


def voted(iteration, problem):
    return Example("p", f"{iteration} {problem}", f"m/plain/{problem}/0", iteration, answer_source="consensus")


def test_examples_for_an_answer_that_does_not_stand_any_more_are_not_taken_along(recipe_with):
    recipe = recipe_with(
        "synthesize={kind: self_instruct, max_consensus_share: 0.9}",
        "selection.keep_iterations=2",
        "selection.replay=0.4",
    )
    new = [voted(3, "a"), voted(3, "b"), *accepted(3, 9)]
    old = {1: [voted(1, "a"), voted(1, "d")], 2: [voted(2, "a"), voted(2, "b"), voted(2, "c")]}
    withdrawn = {"a": 2, "b": 3, "c": 4}
    kept = list(mix(new, lambda n: old.get(n, []), [], recipe, 3, withdrawn=withdrawn))
    assert kept == [*new, voted(2, "a"), voted(1, "d")]
    assert len(list(mix(new, lambda n: old.get(n, []), [], recipe, 3))) == 16


@given(st.lists(st.tuples(st.integers(1, 2), st.booleans()), max_size=40), st.integers(0, 20), st.floats(0.1, 0.9))
def test_what_is_taken_along_keeps_answers_that_were_voted_on_within_their_share(recipe_with, old, new, share):
    recipe = recipe_with(
        f"synthesize={{kind: self_instruct, max_consensus_share: {share!r}}}", "selection.keep_iterations=all"
    )
    made = [*accepted(3, new), *(voted(3, str(i)) for i in range(most_beside(new, share)))]
    past = [voted(n, f"x{i}") if is_voted else accepted(n, i + 1)[i] for i, (n, is_voted) in enumerate(old)]
    kept = list(mix(made, lambda n: past if n == 2 else [], [], recipe, 3))
    assert [one for one in kept if not one.is_voted or one.iteration == 3] == [
        one for one in [*made, *past] if not one.is_voted or one.iteration == 3
    ]
    assert sum(one.is_voted for one in kept) <= share * len(kept) + 1e-9


@given(st.integers(1, 30), st.integers(0, 30), st.integers(0, 30), st.floats(0.1, 0.6))
def test_lessons_are_no_more_than_their_share_of_what_is_left_when_answers_do_not_stand(
    recipe_with, new, gone, over, share
):
    recipe = recipe_with(
        f"synthesize={{kind: textbook, max_share: {share!r}, max_consensus_share: 0.2}}", "selection.keep_iterations=2"
    )
    lessons = [Example("about sums", f"{i}", f"lesson/new/3/{i}", 3) for i in range(99)]
    past = [voted(2, f"gone {i}") for i in range(gone)] + [voted(2, f"over {i}") for i in range(over)]
    withdrawn = {f"gone {i}": 3 for i in range(gone)}
    found = list(mix(accepted(3, new), lambda n: past, [], recipe, 3, lambda: lessons, withdrawn))
    left = sum(not one.is_lesson for one in found)
    assert left == new + min(over, most_beside(new, 0.2))
    assert len(found) - left == min(99, most_beside(left, share))


@given(st.integers(1, 200), st.integers(0, 60), st.floats(0.01, 0.6), st.floats(0, 0.4))
def test_lessons_are_no_more_than_their_share_and_do_not_come_back(recipe_with, count, written, share, replayed):
    recipe = recipe_with(
        f"synthesize={{kind: textbook, max_share: {share!r}}}", f"selection.replay={replayed!r}",
        "selection.keep_iterations=2",
    )  # fmt: skip

    def lessons(number):
        return [Example("about sums", f"{number}.{i}", f"lesson/new/{number}/{i}", number) for i in range(written)]

    old = {1: [*accepted(1, 50), *lessons(1)], 2: [*accepted(2, 50), *lessons(2)]}
    found = list(mix(accepted(3, count), lambda n: old.get(n, []), [], recipe, 3, lambda: lessons(3)))
    kept = [example for example in found if example.is_lesson]
    assert {example.iteration for example in kept} <= {3}
    assert len(kept) <= share * len(found)
    assert len(kept) == min(written, most_beside(count + 50, share))
    assert origins(found, recipe, 3)["lessons"] == len(kept)
    assert [example.target for example in kept] == sorted((e.target for e in kept), key=lambda t: int(t.split(".")[1]))
