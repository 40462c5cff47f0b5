"""The quality filter: what it learns from, when it is refused, and which rationales it keeps."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.quality import Quality, label, learn_quality
from star.quality.filter import FEWEST
from star.records import Attempt, Completion, Problem, Prompt, Verdict

GOOD = ("so we add", "which gives", "we get", "step by step")
BAD = ("maybe", "i guess", "no idea", "whatever")


def attempt(problem, text, status="correct", steps=(1, 0), sample=0, hinted=False, ended="eos", source="gold"):
    question = Problem(problem, "gsm8k", f"What is {problem}?", "2", answer_source=source)
    completion = Completion(problem, sample, text, 5, ended, 0, "base")
    return Attempt(question, Prompt(problem, "Q", hinted), completion, Verdict(status, "2"), *steps)


def made(count, seed, is_learnable, problems=None):
    """Attempts whose texts say how good they are, or do not."""
    rng = random.Random(seed)
    found = []
    for place in range(count):
        is_good = rng.random() < 0.5
        likes = (GOOD if is_good else BAD) if is_learnable else rng.choice([GOOD, BAD])
        phrases = [rng.choice(likes if rng.random() < 0.7 else GOOD + BAD) for _ in range(4)]
        text = f"{' '.join(phrases)} {rng.randrange(100)} #### 2"
        bad = rng.choice([{"status": "wrong"}, {"steps": (2, 1)}])
        problem = f"p{rng.randrange(problems) if problems else place}"
        found.append(attempt(problem, text, sample=place, **({} if is_good else bad)))
    return found


@pytest.fixture
def recipe(recipe_with):
    return recipe_with("selection.quality={keep: 0.8}")


def test_labels_are_what_verification_is_sure_of():
    assert label(attempt("a", "x")) is True
    assert label(attempt("a", "x", steps=(0, 0))) is True
    assert label(attempt("a", "x", status="wrong")) is False
    assert label(attempt("a", "x", steps=(2, 1))) is False
    assert label(attempt("a", "x", status="no_answer")) is None
    assert label(attempt("a", "x", status="timeout")) is None
    assert label(attempt("a", "x", hinted=True)) is None
    assert label(attempt("a", "x", ended="length")) is None
    assert label(attempt("a", "x", source="consensus")) is None


@pytest.mark.parametrize("seed", range(4))
def test_what_can_be_seen_in_the_text_is_learned(recipe, seed):
    quality = learn_quality(made(400, seed, is_learnable=True), recipe, seed)
    assert not quality.refused
    assert quality.auc > 0.8
    better, worse = attempt("new", "step by step we get 7 #### 2"), attempt("new", "i guess whatever 7 #### 2")
    assert quality.score(better) > quality.score(worse)


def test_labels_that_are_noise_are_refused_and_nothing_is_dropped(recipe):
    qualities = [learn_quality(made(300, seed, is_learnable=False), recipe, seed) for seed in range(12)]
    refused = [quality for quality in qualities if quality.refused]
    assert len(refused) >= 11
    for quality in refused:
        assert quality.auc < quality.needed
        assert f"its held-out AUC is {quality.auc:.3f}" in quality.refused
        again = quality.ranking([attempt("a", "i guess"), attempt("b", "we get")], 0.5)
        assert again.low == 0
        assert again.score(attempt("a", "i guess")) is None


def test_it_takes_more_than_the_least_auc_where_few_attempts_measure_it(recipe):
    few, many = (learn_quality(made(n, 0, is_learnable=True), recipe, 1) for n in (200, 1000))
    assert few.needed > many.needed >= 0.6


def test_a_kind_with_too_few_members_is_refused_with_the_counts(recipe):
    right = [attempt(f"p{i}", f"{i} #### 2") for i in range(200)]
    wrong = [attempt(f"w{i}", f"{i} #### 3", status="wrong") for i in range(FEWEST - 1)]
    quality = learn_quality([*right, *wrong], recipe, 1)
    assert "too few attempts to learn from" in quality.refused
    assert quality.auc is None
    assert sum(quality.counts.values()) == 200 + FEWEST - 1
    assert "drops nothing" in str(quality)


def test_attempts_at_one_problem_are_all_fitted_or_all_held_out(recipe):
    tries = made(600, 3, is_learnable=True, problems=20)
    of_one = [t for t in tries if t.problem.id == "p7"]
    quality = learn_quality(of_one * 10, recipe, 1)
    assert sorted(name for name, count in quality.counts.items() if count) in (
        ["fitted_bad", "fitted_good"],
        ["held_out_bad", "held_out_good"],
    )
    assert learn_quality(tries, recipe, 1).auc_within is not None


@given(st.lists(st.sampled_from([*GOOD, *BAD]), min_size=1, max_size=40), st.floats(0.05, 0.95))
def test_the_best_share_is_kept_with_what_scores_like_the_last_of_it(quality_of_made, texts, keep):
    candidates = [attempt(f"p{place}", text) for place, text in enumerate(texts)]
    ranking = quality_of_made.ranking(candidates, keep)
    scores = [ranking.score(one) for one in candidates]
    kept = [score for score in scores if score >= ranking.threshold]
    assert ranking.candidates == len(texts)
    assert ranking.low == len(texts) - len(kept)
    assert len(kept) >= max(1, round(keep * len(texts)))
    assert sum(score > ranking.threshold for score in scores) < max(1, round(keep * len(texts)))


@pytest.fixture(scope="module")
def quality_of_made(recipe_with):
    return learn_quality(made(400, 0, is_learnable=True), recipe_with("selection.quality={}"), 1)


def test_the_artefact_gives_the_same_scores_to_the_bit(quality_of_made):
    quality = quality_of_made.ranking([attempt("a", text) for text in GOOD + BAD], 0.5)
    again = Quality.from_dict(json.loads(json.dumps(quality.to_dict())))
    for text in GOOD + BAD:
        assert again.score(attempt("x", text)) == quality.score(attempt("x", text))
    assert json.dumps(again.to_dict()) == json.dumps(quality.to_dict())


def test_no_feature_knows_the_verdict_the_ground_truth_or_the_steps(quality_of_made):
    scores = {
        quality_of_made.score(attempt("a", "we get 7", status=status, steps=steps, hinted=hinted))
        for status in ("correct", "wrong")
        for steps in ((0, 0), (3, 2))
        for hinted in (False, True)
    }
    assert len(scores) == 1


def test_the_filter_needs_the_ground_truth(recipe_with):
    with pytest.raises(ValueError, match="quality learns from what the ground truth says"):
        recipe_with("selection.quality={}", "selection.accept=all", "rationalization.probability=0")
    with pytest.raises(ValueError, match="method: direct has not"):
        recipe_with("selection.quality={}", "method=direct")
    with pytest.raises(ValueError, match="min_auc"):
        recipe_with("selection.quality={min_auc: 0.5}")
