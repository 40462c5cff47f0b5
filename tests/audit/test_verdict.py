"""The verdict of the audit, on constructed histories."""

import re

import pytest

from star.audit import thresholds
from star.audit.signals import BY_NAME
from star.audit.verdict import RULES, Finding, findings, summary
from star.evaluate import wilson_interval
from star.recipe import Recipe


def row(number, correct=50, total=100, loss=None, **signals):
    low, high = wilson_interval(correct, total)
    score = {"correct": correct, "total": total, "accuracy": correct / total, "low": low, "high": high}
    row = {"iteration": number, "accuracy": {"zero-shot": {"all": score, "groups": {}}}, "audit": signals}
    return row if loss is None else row | {"train_loss_last": loss}


def history(name, *values):
    """Iterations 1, 2 ... with these values of a signal, after the base model; accuracy rises."""
    return [row(0, 20), *(row(number, 60 + number, **{name: value}) for number, value in enumerate(values, 1))]


def found(rows, signal):
    """What is said of a signal; it is said once at most."""
    of_signal = [finding for finding in findings(rows) if finding.signal == signal]
    assert len(of_signal) <= 1
    return of_signal[0] if of_signal else None


def level(rows, signal):
    finding = found(rows, signal)
    return finding and finding.level


@pytest.mark.parametrize(
    ("signal", "values", "expected"),
    [
        ("distinct_2", (0.6, 0.55), "fine"),
        ("distinct_2", (0.6, 0.48), "watch"),
        ("distinct_2", (0.6, 0.3, 0.39), "alarm"),
        ("distinct_2", (0.3, 0.6), "fine"),
        ("near_duplicates", (0.1, 0.15), "fine"),
        ("near_duplicates", (0.1, 0.21), "watch"),  # doubled
        ("near_duplicates", (0.001, 0.01), "fine"),  # tenfold, but a few examples
        ("near_duplicates", (0.0, 0.03), "watch"),
        ("near_duplicates", (0.0, 0.0), "fine"),
        ("near_duplicates", (0.51,), "alarm"),
        ("forgotten", (None, 0.05), "fine"),
        ("forgotten", (None, 0.06), "watch"),
        ("forgotten", (None, 0.11), "alarm"),
        ("easiest_decile", (0.1,), "fine"),
        ("easiest_decile", (0.31,), "alarm"),
        ("reference_perplexity", (20.0, 21.9), "fine"),
        ("reference_perplexity", (20.0, 22.1), "watch"),
        ("reference_perplexity", (20.0, 24.1), "alarm"),
        ("reference_perplexity", (20.0, 10.0), "fine"),
        ("false_positives", (0.02, 0.04), "watch"),  # rising
        ("false_positives", (0.04, 0.04), "fine"),
        ("false_positives", (0.06, 0.06), "watch"),
        ("false_positives", (0.21,), "alarm"),
        ("hint_leaks", (0.05,), "fine"),
        ("hint_leaks", (0.06,), "watch"),
        ("vote_error", (0.19,), "fine"),
        ("vote_error", (0.21,), "watch"),
        ("newly_solved", (3, 0), None),  # without `ever_solved`, nobody knows whether any are left
    ],
)
def test_a_signal_is_judged_by_its_value_and_by_its_change_since_it_was_first_measured(signal, values, expected):
    assert level(history(signal, *values), signal) == expected


@pytest.mark.parametrize("signal", [rule.signal for rule in RULES])
@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_what_was_not_measured_in_the_last_iteration_is_no_finding(signal, value):
    assert found(history(signal, 0.9, value), signal) is None
    assert found(history(signal), signal) is None


def test_the_finding_has_the_numbers_and_what_to_do():
    finding = found(history("near_duplicates", 0.2, 0.625), "near_duplicates")
    assert finding == Finding(
        "alarm",
        "near_duplicates",
        "Rationales repeat one another: near-duplicates 62.5% now, 20.0% in iteration 1.",
        "Set `selection.max_near_duplicates`; `stop.max_duplicate_share` ends a run that gets there.",
    )


@pytest.mark.parametrize(
    ("correct", "expected"),
    [
        ((20, 60, 80, 80), "fine"),
        ((20, 60, 80, 75), "fine"),  # within the interval of the best
        ((20, 60, 80, 70), "watch"),  # outside of it, but the intervals overlap
        ((20, 60, 80, 55), "alarm"),
        ((20, 25), "watch"),  # no better than the base model
        ((20,), "fine"),
        ((100, 100), "fine"),  # cannot be better
    ],
)
def test_accuracy_is_held_against_its_best_and_against_the_base_model(correct, expected):
    assert level([row(number, one) for number, one in enumerate(correct)], "accuracy") == expected


def test_the_better_iteration_is_named():
    finding = found([row(0, 20), row(1, 80), row(2, 50)], "accuracy")
    assert finding.says == "Held-out accuracy fell from its best: 50.0% now, 80.0% in iteration 1."
    assert "Use iteration 1 instead of the last" in finding.do


@pytest.mark.parametrize(
    ("correct", "losses", "expected"),
    [
        ((80, 70, 50), (0.9, 0.5, 0.3), "alarm"),
        ((80, 79, 78), (0.9, 0.5, 0.3), "watch"),  # falls, but that may be chance
        ((80, 70, 50), (0.9, 0.5, 0.6), "fine"),
        ((80, 70, 75), (0.9, 0.5, 0.3), "fine"),
        ((80, 50), (0.9, 0.3), None),  # too early to tell
    ],
)
def test_loss_that_falls_while_accuracy_falls_is_the_pattern_of_collapse(correct, losses, expected):
    rows = [row(n, one, loss=loss) for n, (one, loss) in enumerate(zip(correct, losses, strict=True), 1)]
    assert level([row(0, 20), *rows], "train_loss") == expected


def test_a_run_that_solves_nothing_new_while_problems_are_left_is_told():
    def rows(new, ever):
        return [row(0), *(row(n, newly_solved=count, ever_solved=ever) for n, count in enumerate(new, 1))]

    assert level(rows((9, 0, 0), 0.7), "newly_solved") == "watch"
    assert level(rows((9, 0, 1), 0.7), "newly_solved") == "fine"
    assert level(rows((9, 0, 0), 1.0), "newly_solved") == "fine"
    assert level(rows((0,), 0.7), "newly_solved") == "fine"


def test_rationalizations_that_teach_little_are_told():
    assert level([row(0), row(1, learned_plain=0.9, learned_rationalized=0.6)], "learned_rationalized") == "watch"
    assert level([row(0), row(1, learned_plain=0.9, learned_rationalized=0.8)], "learned_rationalized") == "fine"
    assert found([row(0), row(1, learned_plain=0.9, learned_rationalized=None)], "learned_rationalized") is None


def test_the_worst_comes_first_and_one_sentence_says_it_all():
    rows = history("near_duplicates", 0.3, 0.6)
    rows[-1]["audit"] |= {"hint_leaks": 0.1, "vote_error": 0.1}
    all = findings(rows)
    assert [finding.level for finding in all] == ["alarm", "watch", "fine", "fine"]
    assert summary(all) == ("alarm", "Not as it stands: 1 alarm and 1 more to watch.")
    assert summary(all[1:]) == ("watch", "With care: no alarm, 1 thing to watch.")
    assert summary(all[2:]) == ("fine", "Nothing that was measured speaks against it (2 checks).")
    assert findings([]) == []


def test_an_old_run_without_an_audit_is_judged_by_its_accuracy():
    rows = [{key: value for key, value in row(number, 30 * number).items() if key != "audit"} for number in (1, 2)]
    assert [finding.signal for finding in findings(rows)] == ["accuracy"]


def test_what_to_do_names_keys_that_recipes_have(recipe_with):
    recipe: Recipe = recipe_with()
    rules = [row(0, 20, ever_solved=0.5, newly_solved=0), *(row(n, 90 - 20 * n, loss=1 / n) for n in (1, 2, 3))]
    rules[-1]["audit"] = {rule.signal: 1.0 for rule in RULES} | {"learned_plain": 1.0, "learned_rationalized": 0.0}
    texts = [finding.do for finding in findings(rules)] + [rule.do for rule in RULES]
    keys = {key.partition(":")[0] for text in texts for key in re.findall("`([^`]*)`", text)}
    assert len(keys) > 10
    for key in keys:
        section, _, name = key.partition(".")
        assert name in type(getattr(recipe, section)).model_fields, key


def test_rules_are_about_signals_and_alarms_are_beyond_what_is_watched():
    assert {rule.signal for rule in RULES} <= set(BY_NAME)
    for rule in RULES:
        for watch, alarm in (rule.above, rule.change):
            assert abs(watch) <= abs(alarm)
    assert thresholds.PLATEAU > 1
