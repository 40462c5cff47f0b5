"""When a run ends early."""

import pytest

from star.recipe import Stop
from star.stop import stop_reason


def rows(*watched):
    return [{"iteration": number, "audit": values} for number, values in enumerate(watched)]


@pytest.mark.parametrize(
    ("drawn", "budget", "stops"),
    [([400, 400], 1000, True), ([400, 400], 1001, False), ([1000], 1000, True), ([600, 0], 601, False), ([], 1, False)],
)
def test_a_run_ends_with_the_iteration_whose_samples_come_nearest_to_its_budget(drawn, budget, stops):
    assert stop_reason([], None, Stop(samples=budget)) is None
    found = stop_reason([{"iteration": 0}, *({"samples": count} for count in drawn)], None, Stop(samples=budget))
    assert found == (f"{sum(drawn):,} samples were drawn (stop.samples is {budget:,})" if stops else None)


@pytest.mark.parametrize(
    ("rule", "watched", "best", "reason"),
    [
        ({"patience": 2}, [{}] * 4, 1, "2 iterations without a better held-out accuracy (stop.patience)"),
        ({"patience": 2}, [{}] * 4, 2, None),
        ({"patience": 1}, [{}], None, None),
        ({"min_new_solved": 5}, [{}, {"newly_solved": 4, "ever_solved": 0.5}], 1, "4 problems were solved for the"),
        ({"min_new_solved": 5}, [{}, {"newly_solved": 0, "ever_solved": 1.0}], 1, None),
        ({"min_new_solved": 5}, [{}, {"newly_solved": 5, "ever_solved": 0.5}], 1, None),
        ({"max_forgotten": 0.1}, [{}, {"forgotten": 0.25}], 1, "25.0% of the problems that were solved before are not"),
        ({"max_forgotten": 0.1}, [{}, {"forgotten": None}], 1, None),
        ({"max_duplicate_share": 0.5}, [{}, {"near_duplicates": 0.51}], 1, "51.0% of the accepted rationales nearly"),
        ({"min_distinct": 0.1}, [{}, {"distinct_2": 0.05}], 1, "5.0% of the word pairs are distinct (stop.min_dis"),
        ({"min_distinct": 0.1}, [{}, {}], 1, None),
        ({}, [{}, {"forgotten": 1.0, "near_duplicates": 1.0, "distinct_2": 0.0}], 1, None),
    ],
)  # fmt: skip
def test_a_rule_stops_a_run_with_its_reason(rule, watched, best, reason):
    found = stop_reason(rows(*watched), best, Stop(**rule))
    assert found is None if reason is None else found.startswith(reason)
