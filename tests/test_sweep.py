"""Which temperature and threshold an iteration chooses, from attempts whose balance scores are known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.errors import UserError
from star.records import Attempt, Completion, Problem, Prompt, Verdict
from star.spool import Chosen
from star.sweep import balance_score, sweep_table, tried_decodings, tried_problems


def tries(problem, *texts_and_steps):
    """Attempts with these texts, right if they say so, of four steps with so many of them wrong."""
    question = Problem(problem, "gsm8k", "What?", "2")
    return [
        Attempt(
            question,
            Prompt(problem, "Q"),
            Completion(problem, i, text, 5, "eos", 0, "base"),
            Verdict("correct" if "right" in text else "wrong"),
            4,
            wrong,
        )
        for i, (text, wrong) in enumerate(texts_and_steps)
    ]


@pytest.fixture
def sweeping(recipe_with):
    return lambda *overrides: recipe_with("decoding={temperature: 0.7, samples: 2}", "sweep={}", *overrides)


def table(recipe, tries):
    return sweep_table(tries, recipe, str.strip)


@given(st.integers(0, 20), st.integers(0, 20), st.integers(1, 20))
def test_the_balance_score_is_a_share_and_grows_with_what_is_right(right, wrong, enough):
    score = balance_score(right, right + wrong, enough)
    assert 0 <= score <= 1
    assert score <= balance_score(right + 1, right + 1 + wrong, enough)
    assert score >= balance_score(right, right + wrong + 1, enough)
    assert (score == 1) == (right >= enough and not wrong)


def test_the_pair_with_the_best_balance_is_chosen_and_all_pairs_are_kept(sweeping):
    recipe = sweeping("sweep={temperatures: [0.5, 1.0], thresholds: [0, 0.75, 1], enough: 2}")
    cold = tries("a", ("right", 0), ("right ", 0), ("wrong", 4))  # one different right rationale
    hot = tries("a", ("right, and one step is not", 1), ("right too", 0), ("wrong", 3), ("worse", 4))
    found = table(recipe, {0.5: cold, 1.0: hot})
    scores = {(line["temperature"], line["threshold"]): line["score"] for line in found["table"]}
    assert scores == {
        (0.5, 0): 1 / 2 * 1 / 2, (0.5, 0.75): 1 / 2, (0.5, 1): 1 / 2,
        (1.0, 0): 2 / 4, (1.0, 0.75): 1, (1.0, 1): 1 / 2,
    }  # fmt: skip
    assert (found["temperature"], found["threshold"], found["score"]) == (1.0, 0.75, 1)
    assert (found["samples"], found["tokens"]) == (7, 35)


def test_a_problem_of_which_nothing_is_selected_counts_as_none(sweeping):
    recipe = sweeping("sweep={temperatures: [0.5], thresholds: [1], enough: 1}")
    found = table(recipe, {0.5: [*tries("a", ("right", 0)), *tries("b", ("wrong", 2))]})
    assert found["table"] == [{"temperature": 0.5, "threshold": 1, "score": 0.5, "right": 0.5, "selected": 0.5}]


def test_of_equals_the_first_in_the_recipe_is_chosen(sweeping):
    recipe = sweeping("sweep={temperatures: [0.9, 0.5], thresholds: [0.5, 0], enough: 1}")
    found = table(recipe, {t: tries("a", ("right", 0)) for t in (0.9, 0.5)})
    assert (found["temperature"], found["threshold"]) == (0.9, 0.5)


def test_an_unsound_rationale_is_not_right_when_sound_steps_are_asked_for(sweeping):
    recipe = sweeping("sweep={temperatures: [0.5], thresholds: [0], enough: 1}", "selection.require_sound_steps=true")
    assert table(recipe, {0.5: tries("a", ("right", 1), ("right too", 0))})["score"] == 0.5


def test_a_few_problems_are_drawn_anew_for_each_iteration_and_sampled_as_the_sweep_says(sweeping):
    problems = Chosen([Problem(str(i), "gsm8k", "?", "2") for i in range(50)], range(50))
    recipe = sweeping("sweep={problems: 20, samples: 3, temperatures: [0.4, 1.1]}")
    drawn = [[problem.id for problem in tried_problems(problems, recipe, number)] for number in (1, 1, 2)]
    assert len(set(drawn[0])) == 20
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(tried_problems(problems[:5], recipe, 1)) == 5
    ways = tried_decodings(recipe)
    assert {t: (way.temperature, way.samples) for t, way in ways.items()} == {0.4: (0.4, 3), 1.1: (1.1, 3)}
    assert {way.max_new_tokens for way in ways.values()} == {recipe.decoding.max_new_tokens}


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        (["sweep.temperatures=[0.5, 0.50]"], "temperatures has a value twice: 0.5, 0.5"),
        (["sweep.temperatures=[0]"], "greater than 0"),
        (["sweep.temperatures=[]"], "at least 1 item"),
        (["sweep.thresholds=[1.5]"], "less than or equal to 1"),
        (["method=direct"], "sweep asks how often answers are right"),
        (["selection.accept=all", "rationalization.probability=0"], "it needs method: star and selection.accept"),
    ],
)
def test_a_sweep_that_can_choose_nothing_is_refused(sweeping, overrides, complaint):
    with pytest.raises(UserError, match=complaint):
        sweeping(*overrides)


def test_a_sweep_asks_nothing_whose_answer_was_only_voted_on(recipe_with):
    problems = [Problem(str(i), "t", "q", "1", answer_source="consensus" if i % 2 else "gold") for i in range(20)]
    tried = tried_problems(problems, recipe_with("sweep={problems: 15}"), 1)
    assert sorted(int(one.id) for one in tried) == list(range(0, 20, 2))
