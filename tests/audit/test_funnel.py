"""From what was sampled to what was trained on."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from star.audit.funnel import funnel
from star.drop import REASONS, Dropped
from star.records import STATUSES, Attempt, Completion, Problem, Prompt, Verdict


def attempt(number, status, hinted):
    answer = None if status == "no_answer" else "7"
    return Attempt(
        Problem(f"p/{number}", "t", "q", "a"),
        Prompt(f"p/{number}", "q", hinted),
        Completion(f"p/{number}", 0, "text", 1, "eos", 0, "base"),
        Verdict(status, answer),
    )


def test_plain_and_hinted_attempts_are_counted_apart():
    tries = [
        attempt(i, s, h) for i, (s, h) in enumerate([("correct", 0), ("wrong", 0), ("correct", 1), ("correct", 1)])
    ]
    right = [one for one in tries if one.verdict.accepted]
    found = funnel([(one, one in right) for one in tries], [Dropped(tries[3].id, "duplicate")], "correct")
    assert found == {
        "plain": {"sampled": 2, "wrong": 1, "trained": 1},
        "hinted": {"sampled": 2, "duplicate": 1, "trained": 1},
    }


def test_what_a_vote_rejects_is_outvoted_whether_right_or_wrong():
    tries = [attempt(i, status, False) for i, status in enumerate(["correct", "wrong", "wrong", "no_answer"])]
    found = funnel([(one, 0 < i < 3) for i, one in enumerate(tries)], [], "majority")
    assert found["plain"] == {"sampled": 4, "outvoted": 1, "no_answer": 1, "trained": 2}


@given(st.lists(st.tuples(st.sampled_from(STATUSES), st.booleans(), st.sampled_from([None, *REASONS]))))
def test_no_attempt_is_lost_on_the_way(outcomes):
    tries = [attempt(i, status, hinted) for i, (status, hinted, _) in enumerate(outcomes)]
    right = [one for one in tries if one.verdict.accepted]
    reasons = {one.id: reason for one, (_, _, reason) in zip(tries, outcomes, strict=True) if reason}
    dropped = [Dropped(one.id, reasons[one.id]) for one in right if one.id in reasons]
    for counts in funnel([(one, one.verdict.accepted) for one in tries], dropped, "correct").values():
        assert counts.pop("sampled", 0) == sum(counts.values())
        assert all(number > 0 for number in counts.values())


def test_attempts_at_problems_whose_answer_was_voted_on_are_counted_apart():
    tries = [attempt(i, status, False) for i, status in enumerate(["correct", "correct", "wrong", "correct"])]
    tries[1:3] = [replace(one, problem=replace(one.problem, answer_source="consensus")) for one in tries[1:3]]
    dropped = [Dropped(tries[1].id, "consensus_share"), Dropped(tries[3].id, "duplicate")]
    found = funnel([(one, one.verdict.accepted) for one in tries], dropped, "correct")
    assert found == {
        "plain": {"sampled": 2, "duplicate": 1, "trained": 1},
        "hinted": {},
        "consensus": {"sampled": 2, "wrong": 1, "consensus_share": 1},
    }
