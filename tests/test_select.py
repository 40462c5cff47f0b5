"""Which attempts become training data."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.drop import Filters, drop
from star.errors import UserError
from star.prompts import PromptBuilder
from star.records import Attempt, Completion, Example, Problem, Prompt, Verdict
from star.select import accepted, answers, examples, failures, require_some
from star.tasks import build_task
from star.vote import most_beside


def attempt(
    problem="a", text=" 1 + 1 = 2\n#### 2", status="correct", sample=0, hinted=False, ended="eos", steps=(0, 0)
):
    question = Problem(problem, "gsm8k", f"What is {problem}?", "2")
    prompt = Prompt(problem, f"Q: {question.question}{' (2)' * hinted}\nA:", hinted)
    completion = Completion(problem, sample, text, 5, ended, 0, "base")
    return Attempt(question, prompt, completion, Verdict(status, "2"), *steps)


def says(attempt):
    return attempt.verdict.answer


def dropped(recipe, attempts, difficulty=None, protected=()):
    """Why attempts are not trained on, by id."""
    prompts = PromptBuilder(build_task(recipe), recipe.prompt, None)
    chosen = accepted(attempts, recipe, says)
    filters = Filters(prompts, recipe, 1, lambda texts: [text in protected for text in texts])
    return {row.attempt_id: row.reason for row in drop(chosen, filters, recipe, 1, difficulty or {})}


def chosen(recipe, plain, hinted=()):
    prompts, both = PromptBuilder(build_task(recipe), recipe.prompt, None), [*plain, *hinted]
    filters = Filters(prompts, recipe, 1, lambda texts: [False] * len(texts))
    rows = list(drop(accepted(both, recipe, says), filters, recipe, 1, {}))
    found = examples(accepted(both, recipe, says), [row.attempt_id for row in rows], prompts, recipe, 1)
    return list(require_some(found, both, 1, [row.reason for row in rows]))


def failed(attempts, *settings):
    """The ids of the problems to rationalize."""
    problems = {attempt.problem.id: attempt.problem for attempt in attempts}
    return [problem.id for problem in failures(list(problems.values()), attempts, *settings)]


def test_accepted_attempts_become_hint_free_examples_and_the_rest_do_not(recipe_with):
    examples = chosen(recipe_with(), [attempt("a"), attempt("b", status="wrong")], [attempt("b", hinted=True)])
    assert [(e.prompt, e.rationalized, e.attempt_id) for e in examples] == [
        ("Q: What is a?\nA:", False, "base/plain/a/0"),
        ("Q: What is b?\nA:", True, "base/hinted/b/0"),
    ]


def test_exact_duplicates_are_dropped_and_the_cap_counts_what_is_left(recipe_with):
    attempts = [
        attempt(sample=i, text=text) for i, text in enumerate([" x #### 2", " x #### 2\n", " y #### 2", " z #### 2"])
    ]
    assert len(chosen(recipe_with(), attempts)) == 3
    capped = chosen(recipe_with("selection.max_per_problem=2"), attempts)
    assert [e.target for e in capped] == [" x #### 2", " y #### 2"]


def test_a_completion_that_was_cut_off_is_not_learned(recipe_with):
    examples = chosen(recipe_with(), [attempt("a", ended="length"), attempt("b", ended="stop")])
    assert [e.attempt_id for e in examples] == ["base/plain/b/0"]


def test_a_rationale_with_a_wrong_step_is_not_learned_when_sound_steps_are_asked_for(recipe_with):
    attempts = [attempt("a", steps=(2, 1)), attempt("b", steps=(2, 0)), attempt("c", steps=(0, 0))]
    assert [e.attempt_id[-3] for e in chosen(recipe_with(), attempts)] == ["a", "b", "c"]
    sound = recipe_with("selection.require_sound_steps=true")
    assert [e.attempt_id[-3] for e in chosen(sound, attempts)] == ["b", "c"]
    hinted = [attempt("d", hinted=True, steps=(1, 1)), attempt("e", hinted=True, steps=(1, 0))]
    assert [e.attempt_id[-3] for e in chosen(sound, attempts, hinted)] == ["b", "c", "e"]


def test_an_unsound_sample_leaves_room_for_a_sound_one_of_the_same_problem(recipe_with):
    attempts = [attempt(sample=i, text=f"{i} #### 2", steps=(1, i == 0)) for i in range(3)]
    recipe = recipe_with("selection.require_sound_steps=true", "selection.max_per_problem=1")
    assert [e.target for e in chosen(recipe, attempts)] == ["1 #### 2"]


def test_a_problem_whose_rationale_is_unsound_is_rationalized_when_sound_steps_are_asked_for(recipe_with):
    attempts = [attempt("a", steps=(1, 1)), attempt("b", status="wrong"), attempt("c", steps=(1, 0))]
    assert failed(attempts, recipe_with("selection.require_sound_steps=true"), 1) == ["a", "b"]
    assert failed(attempts, recipe_with(), 1) == ["b"]


def test_calculator_annotations_are_learned_only_when_the_recipe_keeps_them(recipe_with):
    written = [attempt(text=" 1 + 1 = <<1+1=2>>2\n#### 2"), attempt(text=" 1 + 1 = 2\n#### 2", sample=1)]
    assert [e.target for e in chosen(recipe_with(), written)] == [" 1 + 1 = 2\n#### 2"]
    kept = chosen(recipe_with("task.annotations=keep"), written)
    assert [e.target for e in kept] == [" 1 + 1 = <<1+1=2>>2\n#### 2", " 1 + 1 = 2\n#### 2"]


def test_without_rationales_the_examples_are_the_bare_ground_truths_of_all_problems(recipe_with):
    recipe = recipe_with("method=direct")
    problems = [Problem("a", "gsm8k", "What?", "2"), Problem("b", "gsm8k", "Why?", "1,003")]
    prompts = PromptBuilder(build_task(recipe), recipe.prompt, None, direct=True)
    assert list(answers(problems, prompts, 3)) == [
        Example("Q: What?\nA:", " #### 2", "ground-truth/a", 3, answer_source="gold"),
        Example("Q: Why?\nA:", " #### 1,003", "ground-truth/b", 3, answer_source="gold"),
    ]


def test_nothing_accepted_is_an_error_with_examples_of_what_went_wrong(recipe_with):
    with pytest.raises(
        UserError, match=r"none of 2 attempts.*1 wrong, 1 no_answer[\s\S]*the answer is '2'[\s\S]*dry-run"
    ):
        chosen(recipe_with(), [attempt(status="wrong"), attempt("b", text="dunno", status="no_answer")])


def test_only_problems_without_any_accepted_attempt_are_rationalized(recipe_with):
    attempts = [attempt("a", status="wrong"), attempt("a", sample=1), attempt("b", status="timeout")]
    assert failed(attempts, recipe_with(), 1) == ["b"]
    assert failed(attempts, recipe_with("rationalization.probability=0"), 1) == []


def test_failures_are_the_problems_that_were_given_not_copies_of_them(recipe_with):
    problems = [Problem(name, "gsm8k", f"What is {name}?", "2") for name in "ab"]
    attempts = [attempt("a"), attempt("b", status="wrong")]
    [one] = failures(problems, attempts, recipe_with(), 1)
    assert one is problems[1]


@given(st.floats(0, 1))
def test_failures_are_rationalized_with_the_probability_asked_for(recipe_with, probability):
    attempts = [attempt(f"p{i}", status="wrong") for i in range(300)]
    kept = failed(attempts, recipe_with(f"rationalization.probability={probability!r}"), 1)
    assert abs(len(kept) / 300 - probability) < 0.15


def test_what_is_not_trained_on_has_a_reason(recipe_with):
    attempts = [
        attempt("a", text="one two #### 2"),
        attempt("b", status="wrong"),
        attempt("c", steps=(1, 1)),
        attempt("d", ended="length"),
        attempt("a", text="one two #### 2\n", sample=1),
        attempt("a", text="three #### 2", sample=2),
        attempt("e", text="secret #### 2"),
    ]
    recipe = recipe_with("selection.require_sound_steps=true", "selection.max_per_problem=1")
    assert dropped(recipe, attempts, protected=["secret #### 2"]) == {
        "base/plain/c/0": "unsound",
        "base/plain/d/0": "cut_off",
        "base/plain/a/1": "duplicate",
        "base/plain/a/2": "per_problem",
        "base/plain/e/0": "contaminated",
    }


def test_of_the_rationales_with_the_same_equations_one_of_a_problem_is_learned(recipe_with):
    texts = ["1 + 1 = 2 #### 2", "one and one: 1 + 1 = 2 #### 2", "2 + 0 = 2, which is far more to read #### 2"]
    attempts = [attempt(name, text=text, sample=i) for name in "ab" for i, text in enumerate(texts)]
    assert dropped(recipe_with(), attempts) == {}
    assert dropped(recipe_with("selection.distinct=equations"), attempts) == {
        "base/plain/a/1": "same_equations",
        "base/plain/b/1": "same_equations",
    }


def test_what_is_not_learned_anyway_stands_for_no_others_with_its_equations(recipe_with):
    attempts = [
        attempt(text="1 + 1 = 2 #### 2", ended="length"),
        attempt(text="so 1 + 1 = 2 #### 2", sample=1),
        attempt(text="so 1 + 1 = 2 #### 2", sample=2),
        attempt(text="2 + 0 = 2 #### 2", sample=3),
        attempt(text="2 + 0 = 2, and 2 #### 2", sample=4),
    ]
    assert dropped(recipe_with("selection.distinct=equations", "selection.max_per_problem=1"), attempts) == {
        "base/plain/a/0": "cut_off",
        "base/plain/a/2": "duplicate",
        "base/plain/a/3": "same_equations",
        "base/plain/a/4": "per_problem",
    }


@given(st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["", "so ", "now we see: "])), max_size=8))
def test_a_problem_gives_as_many_rationales_as_it_has_lists_of_equations(recipe_with, made):
    attempts = [attempt(sample=i, text=f"{how}{n} + 1 = {n + 1} #### 2") for i, (n, how) in enumerate(made)]
    gone = dropped(recipe_with("selection.distinct=equations"), attempts)
    left = [n for i, (n, _) in enumerate(made) if f"base/plain/a/{i}" not in gone]
    assert sorted(left) == sorted({n for n, _ in made})


def test_a_rationale_under_the_threshold_of_its_iteration_is_not_learned(recipe_with):
    attempts = [
        attempt(name, text=name, steps=steps) for name, steps in zip("abc", [(4, 2), (4, 1), (0, 0)], strict=True)
    ]
    prompts = PromptBuilder(build_task(recipe_with()), recipe_with().prompt, None)
    for threshold, gone in ((0.0, ""), (0.5, ""), (0.75, "a"), (1.0, "ab")):
        filters = Filters(prompts, recipe_with(), 1, lambda texts: [False] * len(texts), threshold)
        found = drop(attempts, filters, recipe_with(), 1, {})
        assert {row.attempt_id: row.reason for row in found} == {f"base/plain/{n}/0": "under_threshold" for n in gone}


class ByLength:
    """A ranking that likes long texts, from 10 characters on."""

    threshold = 10.0

    def score(self, attempt):
        return float(len(attempt.completion.text))


def test_what_is_outranked_is_dropped_with_its_score_and_makes_room_for_better_ones(recipe_with):
    recipe = recipe_with("selection.quality={}", "selection.max_per_problem=1")
    attempts = [
        attempt("a", text="1 #### 2"),
        attempt("a", text="one and one #### 2", sample=1),
        attempt("b", text="2", ended="length"),
    ]
    prompts = PromptBuilder(build_task(recipe), recipe.prompt, None)
    filters = Filters(prompts, recipe, 1, lambda texts: [False] * len(texts), quality=ByLength())
    assert [row.to_dict() for row in drop(attempts, filters, recipe, 1, {})] == [
        {"attempt_id": "base/plain/a/0", "reason": "quality", "score": 8.0},
        {"attempt_id": "base/plain/b/0", "reason": "cut_off"},
    ]


def test_what_is_ranked_passes_the_filters_that_look_at_it_alone(recipe_with):
    recipe = recipe_with("selection.require_sound_steps=true", "selection.max_per_problem=1")
    attempts = [
        attempt("a", text="x"),
        attempt("a", text="x", sample=1),
        attempt("b", steps=(1, 1)),
        attempt("c", ended="length"),
        attempt("d", text="secret"),
    ]
    prompts = PromptBuilder(build_task(recipe), recipe.prompt, None)
    ranked = Filters(prompts, recipe, 1, lambda texts: [text == "secret" for text in texts]).passing(attempts)
    assert [one.id for one in ranked] == ["base/plain/a/0", "base/plain/a/1"]


def test_rationales_that_nearly_say_the_same_are_capped_across_problems(recipe_with):
    same = "he takes all of the apples out of the basket and counts them one by one, and once more from the last one"
    texts = [f"{same} to the first, until he is sure that no apple is left, which is {i} times" for i in range(3)]
    attempts = [attempt(name, text=text) for name, text in zip("abc", texts, strict=True)]
    attempts.append(attempt("d", text="something else altogether is said here and nobody minds at all #### 2"))
    assert dropped(recipe_with(), attempts) == {}
    assert dropped(recipe_with("selection.max_near_duplicates=2"), attempts) == {"base/plain/c/0": "near_duplicate"}


def test_every_sample_is_kept_when_nothing_is_verified(recipe_with):
    recipe = recipe_with("selection.accept=all", "rationalization.probability=0")
    kept = chosen(recipe, [attempt("a", text="x", status="wrong"), attempt("b", text="y", status="no_answer")])
    assert [example.target for example in kept] == ["x", "y"]


def vote(problem, *answers):
    return [
        attempt(problem, text=f"{sample} #### {answer}", sample=sample, status="correct" if answer == "2" else "wrong")
        if answer is not None
        else attempt(problem, text=f"{sample}", sample=sample, status="no_answer")
        for sample, answer in enumerate(answers)
    ]


def test_the_majority_is_taken_for_the_truth_when_the_recipe_asks_for_it(recipe_with):
    recipe = recipe_with(
        "selection.accept=majority", "rationalization.probability=0", "decoding={samples: 3, temperature: 1}"
    )
    tries = [*vote("a", "2", "3", "3"), *vote("b", None, None, "4"), *vote("c", "7", "2", None)]
    kept = accepted(tries, recipe, lambda a: a.completion.text.partition("#### ")[2] or None)
    assert [a.completion.text for a in kept] == ["1 #### 3", "2 #### 3", "2 #### 4", "0 #### 7"]


@given(st.integers(0, 40), st.integers(0, 40), st.floats(0.05, 0.95))
def test_the_rationalized_are_no_more_than_their_share_of_what_is_left(recipe_with, plain, hinted, share):
    attempts = [attempt(f"p{i}", text=f"{i}") for i in range(plain)]
    attempts += [attempt(f"h{i}", text=f"h {i}", hinted=True) for i in range(hinted)]
    gone = dropped(recipe_with(f"selection.max_rationalized_share={share!r}"), attempts)
    left = hinted - len(gone)
    assert set(gone.values()) <= {"rationalized_share"}
    assert all("/hinted/" in name for name in gone)
    assert left <= share * (plain + left) + 1e-9
    assert not gone or left + 1 > share * (plain + left + 1) - 1e-9  # not one fewer than allowed


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6))
def test_no_problem_gives_more_than_the_mean_when_problems_are_balanced(recipe_with, sizes):
    attempts = [attempt(f"p{p}", text=f"{p} {i}", sample=i) for p, size in enumerate(sizes) for i in range(size)]
    gone = dropped(recipe_with("selection.balance=problem"), attempts)
    most = -(-sum(sizes) // len(sizes))
    left = [sum(a.id not in gone for a in attempts if a.problem.id == f"p{p}") for p in range(len(sizes))]
    assert left == [min(size, most) for size in sizes]


def test_classes_of_difficulty_are_balanced_by_what_was_known_before(recipe_with):
    attempts = [attempt(f"p{i}", text=f"{i}") for i in range(10)]
    known = {f"p{i}": "always" for i in range(8)} | {"p8": "rarely"}  # p9 is new
    gone = dropped(recipe_with("selection.balance=difficulty"), attempts, known)
    assert len(gone) == 8 - 4  # the mean of 8, 1 and 1, rounded up
    assert set(gone.values()) == {"balance"}
    assert not gone.keys() & {"base/plain/p8/0", "base/plain/p9/0"}


def voted(*args, **kwargs):
    """An attempt at a problem whose answer was voted on."""
    found = attempt(*args, **kwargs)
    return replace(found, problem=replace(found.problem, answer_source="consensus"))


def test_an_answer_that_was_voted_on_is_no_hint(recipe_with):
    tries = [attempt("a", status="wrong"), voted("new/001/0/0/0", status="wrong"), attempt("b", status="wrong")]
    assert failed(tries, recipe_with(), 1) == ["a", "b"]


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30), st.floats(0.05, 0.95), st.booleans())
def test_answers_that_were_voted_on_are_no_more_than_their_share_of_the_examples(
    recipe_with, plain, hinted, votes, share, also_hinted
):
    attempts = [attempt(f"p{i}", text=f"{i}") for i in range(plain)]
    attempts += [voted(f"new/001/{i}/0/0", text=f"v {i}") for i in range(votes)]
    attempts += [attempt(f"h{i}", text=f"h {i}", hinted=True) for i in range(hinted)]
    overrides = [f"synthesize={{kind: self_instruct, max_consensus_share: {share!r}}}"]
    overrides += ["selection.max_rationalized_share=0.3"] * also_hinted
    gone = dropped(recipe_with(*overrides), attempts)
    left = [one for one in attempts if one.id not in gone]
    taken = sum(one.problem.is_voted for one in left)
    assert taken <= share * len(left) + 1e-9
    assert taken == min(votes, most_beside(plain, share))
    assert sum(one.prompt.hinted for one in left) <= 0.3 * len(left) + 1e-9 or not also_hinted


def test_a_share_is_what_may_stand_beside_the_others_and_not_one_less(recipe_with):
    attempts = [attempt(f"p{i}", text=f"{i}", hinted=i > 1) for i in range(5)]
    assert dropped(recipe_with("selection.max_rationalized_share=0.6"), attempts) == {}


def test_where_only_answers_that_were_voted_on_are_right_the_error_says_so(recipe_with):
    recipe = recipe_with("synthesize={kind: self_instruct}")
    attempts = [attempt("a", status="wrong"), *(voted(f"new/001/{i}/0/0", text=f"v {i}") for i in range(3))]
    with pytest.raises(UserError, match=r"3 consensus_share.*synthesize.max_consensus_share.*decoding.samples"):
        chosen(recipe, attempts)
    with pytest.raises(UserError, match=r"none of 1 attempts can be trained on \(1 wrong\)"):
        chosen(recipe, attempts[:1])


def test_examples_say_where_the_answer_of_their_problem_comes_from(recipe_with):
    recipe = recipe_with("synthesize={kind: self_instruct, max_consensus_share: 0.5}")
    examples = chosen(recipe, [attempt("a"), voted("new/001/0/0/0")])
    assert [one.answer_source for one in examples] == ["gold", "consensus"]
