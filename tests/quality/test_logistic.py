"""Logistic regression and the area under the ROC curve."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.quality.logistic import RIDGE, auc, auc_within, chance, fit, sigmoid

ROWS = st.lists(st.tuples(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.booleans(), st.sampled_from("ab")), max_size=30)


def counted(rows):
    """The AUC by its definition, and how many pairs there are."""
    pairs = [(good, bad) for (good, is_good, _), (bad, is_bad, _) in product(rows, rows) if is_good and not is_bad]
    return sum((good > bad) + 0.5 * (good == bad) for good, bad in pairs), len(pairs)


@given(ROWS)
def test_the_auc_is_the_share_of_pairs_in_the_right_order_and_half_of_the_ties(rows):
    wins, pairs = counted(rows)
    found = auc([score for score, *_ in rows], [label for _, label, _ in rows])
    assert found == (pytest.approx(wins / pairs) if pairs else None)


@given(ROWS)
def test_within_groups_only_pairs_of_one_group_count(rows):
    wins, pairs = (sum(part) for part in zip(*(counted([r for r in rows if r[2] == g]) for g in "ab"), strict=True))
    found = auc_within(*(list(column) for column in zip(*rows, strict=True))) if rows else auc_within([], [], [])
    assert found == (pytest.approx(wins / pairs) if pairs else None)


def test_chance_is_how_far_the_auc_of_random_scores_goes():
    rng = np.random.default_rng(0)
    labels = np.arange(70) < 30
    found = [auc(rng.random(70), labels) for _ in range(2000)]
    assert np.std(found) == pytest.approx(chance(30, 40), rel=0.1)


def test_the_fit_is_where_the_penalised_likelihood_is_flat():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(400, 6))
    labels = (rng.random(400) < sigmoid(features[:, 0] * 2 - features[:, 1] + 0.5)).astype(float)
    weights, bias = fit(features, labels)
    errors = labels - sigmoid(features @ weights + bias)
    assert np.abs(features.T @ errors - RIDGE * weights).max() < 0.05
    assert abs(errors.sum()) < 0.05
    assert weights[0] > -weights[1] > np.abs(weights[2:]).max()


def test_kinds_that_can_be_told_apart_by_one_feature_give_no_infinite_weight():
    features = np.repeat([[-1.0], [1.0]], 50, axis=0)
    weights, bias = fit(features, (features[:, 0] > 0).astype(float))
    assert np.isfinite([*weights, bias]).all()
    assert sigmoid(features @ weights + bias)[-1] > 0.5 > sigmoid(features @ weights + bias)[0]
