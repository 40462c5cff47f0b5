"""What an iteration tries, where some of the problems have answers that were voted on."""

import json
from collections import Counter
from dataclasses import replace

import pytest

from star.curriculum import choose
from star.records import Problem
from star.store import Iteration, Store

GIVEN = [Problem(f"given-{i}", "t", f"{i}?", "1") for i in range(300)]
VOTED = [replace(one, id=f"new-{one.id}", group="new, consensus", answer_source="consensus") for one in GIVEN]


@pytest.mark.parametrize("kind", ["uniform", "learnable"])
def test_no_more_voted_answers_are_tried_than_their_share_and_what_is_recorded_is_what_is_tried(
    recipe_with, tmp_path, kind
):
    synthesize = "synthesize={kind: self_instruct, max_consensus_share: 0.2}"
    recipe = recipe_with("problems_per_iteration=200", f"curriculum.kind={kind}", synthesize)
    with Store.open(tmp_path / "run", recipe) as store:
        iteration = Iteration(tmp_path, 1)
        tried = choose(iteration, [*GIVEN, *VOTED], store, None, recipe, None)
    voted = sum(problem.is_voted for problem in tried)
    assert 0 < voted <= 0.2 * len(tried)
    assert len(tried) > 180  # what is too much goes before the draw, not after it
    if kind == "learnable":
        recorded = json.loads((iteration.folder / "curriculum.json").read_text())["by_group"]
        shares = {group: count / len(tried) for group, count in Counter(one.group for one in tried).items()}
        assert recorded == pytest.approx(shares)


@pytest.mark.parametrize("kind", ["uniform", "learnable"])
def test_a_draw_of_voted_answers_alone_is_drawn_again_without_them(recipe_with, tmp_path, kind):
    synthesize = "synthesize={kind: self_instruct, max_consensus_share: 0.5}"
    recipe = recipe_with("problems_per_iteration=1", f"curriculum.kind={kind}", synthesize)
    with Store.open(tmp_path / "run", recipe) as store:
        for number in range(1, 13):  # in half of which one is drawn first whose answer was voted on
            [problem] = choose(Iteration(tmp_path, number), [*GIVEN, *VOTED], store, None, recipe, None)
            assert not problem.is_voted
