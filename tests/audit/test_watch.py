"""The audit of one iteration, on artefacts whose right values are known."""

from dataclasses import replace

import pytest

from star.audit.signals import SIGNALS
from star.audit.watch import Audit
from star.drop import Dropped
from star.history import ProblemHistory
from star.records import Example
from star.tasks import build_task

H = ProblemHistory


def example(attempt, iteration=2):
    return Example("q", attempt.completion.text, attempt.id, iteration, attempt.prompt.hinted)


@pytest.fixture
def audited(recipe_with):
    def audited(attempts=(), hinted=(), *overrides, examples=None, **parts):
        recipe = recipe_with(*overrides)
        chosen = [example(a) for a in (*attempts, *hinted) if a.verdict.accepted] if examples is None else examples
        parts = {"past": [], "now": [], "dropped": [], "trained_before": [], "reference": {"missing": "none"}} | parts
        return Audit(recipe, build_task(recipe), 2, attempts, hinted, examples=chosen, **parts)

    return audited


def test_every_signal_has_a_value_or_a_reason_why_not(audited, attempt):
    for audit in (audited(), audited([attempt("a")], [attempt("b", hinted=True)]), audited((), (), "method=direct")):
        found = audit.to_dict()
        assert set(found["signals"]) == {signal.name for signal in SIGNALS}
        missing = {name for name, value in found["signals"].items() if value is None}
        assert missing == set(found["missing"])
        assert all(found["missing"].values())


def test_shares_of_right_and_of_wrongly_reasoned_attempts_are_known(audited, attempt):
    plain = [attempt("a"), attempt("b", "#### 3"), attempt("c", steps=(2, 1)), attempt("d", "dunno")]
    hinted = [attempt("b", hinted=True), attempt("d", " The hint says 2, so\n#### 2", hinted=True, steps=(0, 0))]
    signals = audited(plain, hinted).to_dict()["signals"]
    assert signals["plain_accuracy"] == 0.5
    assert signals["hinted_accuracy"] == 1.0
    assert signals["false_positives"] == pytest.approx(1 / 3)
    assert signals["hint_leaks"] == 0.5


def test_what_was_learned_from_is_told_apart_by_how_it_was_got(audited, attempt):
    before = [
        Example("q", "t", "base/plain/a/0", 1),
        Example("q", "t", "base/plain/b/0", 1),
        Example("q", "t", "base/hinted/c/d/0", 1, True),
        Example("q", "t", "base/hinted/e/0", 1, True),
        Example("q", "t", "base/plain/z/0", 0),  # mixed in from elsewhere
    ]
    now = [H("a", "g", 2, 2, 2, True, 1), H("b", "g", 2, 1, 2, False, 1), H("c/d", "g", 2, 1, 2, True, 2),
           H("e", "g", 1, 0, 1), H("z", "g", 1, 0, 2)]  # fmt: skip
    signals = audited(trained_before=before, now=now).to_dict()["signals"]
    assert (signals["learned_plain"], signals["learned_rationalized"]) == (0.5, 1.0)


def test_training_data_are_traced_to_problems_whose_ids_have_slashes(audited, attempt):
    now = [H("x/1", "g", 4, 4, 2, True, 1), *(H(f"x/{i}", "g", 4, 1, 2, True, 1) for i in range(2, 11))]
    data = [example(attempt(id)) for id in ("x/1", "x/1", "x/2", "x/3")]
    assert audited(examples=data, now=now).to_dict()["signals"]["easiest_decile"] == 0.5


def test_the_vote_is_calibrated_when_there_is_one(audited, attempt):
    overrides = ("decoding={samples: 4, temperature: 1}",)
    tries = [attempt(p, f"{i}\n#### {a}", sample=i) for p, answers in (("a", "2223"), ("b", "2233")) for i, a in
             enumerate(answers)]  # fmt: skip
    found = audited(tries, (), *overrides).to_dict()
    assert found["signals"]["vote_error"] == pytest.approx((abs(0.75 - 1) + abs(0.5 - 1)) / 2)
    assert sum(bin["votes"] for bin in found["calibration"]) == 2
    assert audited(tries).to_dict()["missing"]["vote_error"].startswith("one sample of a problem is no vote")


def test_reference_text_gives_the_drift_or_the_reason_why_there_is_none(audited):
    values = {"perplexity": 2.0, "accuracy": 0.5, "kl": 0.1, "agreement": 0.9}
    signals = audited(reference=values).to_dict()["signals"]
    assert signals["reference_perplexity"] == 2.0
    assert signals["base_agreement"] == 0.9
    assert audited(reference={"missing": "no solutions"}).to_dict()["missing"]["base_kl"] == "no solutions"


def test_the_funnel_and_contamination_are_counted(audited, attempt):
    plain = [attempt("a"), attempt("b", "#### 3"), attempt("c")]
    dropped = [Dropped(plain[2].id, "contaminated")]
    data = [example(plain[0]), Example("q", "t", "real/f:1", 0), Example("q", "t", "base/plain/x/0", 1)]
    found = audited(plain, (), dropped=dropped, examples=data, problems_removed=7).to_dict()
    assert found["funnel"] == {
        "plain": {"sampled": 3, "wrong": 1, "contaminated": 1, "trained": 1},
        "hinted": {},
        "carried": 0,
        "replayed": 1,
        "real": 1,
    }
    assert found["contamination"] == {"problems_removed": 7, "texts_removed": 1}


def test_answers_that_were_voted_on_are_in_no_signal_and_counted_apart(audited, attempt):
    known = [attempt("a"), attempt("b", "#### 3")]
    voted = [attempt("v", steps=(2, 1)), attempt("w"), attempt("x", "#### 4")]
    voted = [replace(one, problem=replace(one.problem, answer_source="consensus")) for one in voted]
    now = [H("a", "g", 1, 1, 2, True, 2), *(H(id, "new, consensus", 1, 1, 2, True, 2) for id in "vw")]
    alone, both = (audited(tries, (), now=now, examples=[]).to_dict() for tries in (known, [*known, *voted]))
    assert both["signals"] == alone["signals"]
    assert both["signals"]["newly_solved"] == 1
    assert both["signals"]["false_positives"] == 0
    assert "consensus" not in alone
    assert both["consensus"] == {"attempts": 3, "agree": 2, "checkable": 2, "false_positives": 1}
    assert both["coverage"]["by_group"]["new, consensus"]["solved"] == 2
