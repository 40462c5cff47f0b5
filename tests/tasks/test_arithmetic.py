"""Sums: which are drawn, how they read, and that worked solutions are right."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.errors import UserError
from star.models.starter import build_starter
from star.recipe import ArithmeticTask, Starter
from star.tasks.arithmetic import Arithmetic, is_held_out
from star.verify.steps import Steps

STYLES = ["columns", "paper", "words"]
OPERATIONS = {"addition": "+", "subtraction": "-", "multiplication": "*"}


def arithmetic(**settings):
    return Arithmetic(ArithmeticTask(kind="arithmetic", **settings))


def sums(problems):
    """The sums of problems of style `columns`, without order."""
    return {tuple(sorted(map(int, p.question.split("+")))) for p in problems}


def numbers(digits):
    return st.integers(0 if digits == 1 else 10 ** (digits - 1), 10**digits - 1)


PAIRS = st.integers(1, 6).flatmap(lambda digits: st.tuples(numbers(digits), numbers(digits)))


def test_the_same_settings_give_the_same_problems():
    for split in ("train", "held_out"):
        first, second = (arithmetic(train={2: 30, 5: 30}, held_out={2: 30}).problems(split) for _ in range(2))
        assert first == second


def test_asking_for_more_keeps_the_first_ones():
    few = arithmetic(train={3: 20}).problems("train")
    more = arithmetic(train={3: 50}, held_out={1: 1}).problems("train")
    assert more[:20] == few
    assert len({p.id for p in more}) == len({p.question for p in more}) == 50


def test_problems_of_one_length_do_not_depend_on_the_other_lengths():
    alone, among = (arithmetic(train=counts).problems("train") for counts in ({3: 9}, {1: 5, 3: 9, 4: 7}))
    assert [p for p in among if p.group == "3 digits"] == alone


def test_another_seed_draws_other_problems():
    first, second = (sums(arithmetic(seed=seed, train={6: 20}).problems("train")) for seed in (0, 1))
    assert not first & second


@pytest.mark.parametrize("seeds", [(0, 0), (0, 1)])
def test_no_sum_is_both_trained_on_and_held_out_in_either_order_whatever_the_seed(seeds):
    train, held_out = (arithmetic(seed=seed, train={1: 91, 2: 4000}, held_out={1: 9, 2: 700}) for seed in seeds)
    assert not sums(train.problems("train")) & sums(held_out.problems("held_out"))


def test_the_counts_are_those_of_the_recipe():
    problems = arithmetic(train={1: 5, 4: 7}).problems("train")
    assert [(p.group, len(p.question)) for p in problems] == [("1 digit", 3)] * 5 + [("4 digits", 9)] * 7


@pytest.mark.parametrize(
    ("split", "digits", "count", "possible"),
    [("train", 1, 92, 91), ("held_out", 1, 10, 9), ("train", 2, 8000, 7326), ("held_out", 2, 10**9, 774)],
)
def test_asking_for_more_sums_than_there_are_is_an_error_with_their_number(split, digits, count, possible):
    task = arithmetic(**{split: {digits: count}})
    with pytest.raises(UserError) as caught:
        task.problems(split)
    assert str(caught.value) == (
        f"task.{split}.{digits} = {count}: this split has {possible} such sums to offer; ask for fewer"
    )


def test_all_the_sums_there_are_can_be_asked_for():
    task = arithmetic(train={1: 91}, held_out={1: 9})
    together = [p.question for split in ("train", "held_out") for p in task.problems(split)]
    assert len(set(together)) == 100


@pytest.mark.parametrize("style", STYLES)
def test_a_problem_says_where_it_comes_from(style):
    problem = arithmetic(style=style, seed=7).problems("train")[0]
    assert (problem.task, problem.answer_source) == ("arithmetic", "computed")
    assert problem.source == "arithmetic:train:seed=7"
    assert problem.id == "add-1-train-000000"


@pytest.mark.parametrize(
    ("style", "plain", "hinted"),
    [
        ("columns", "Q:624+259\nA:", "Q:624+259(883)\nA:"),
        ("paper", "Input:\n6 2 4 + 2 5 9\nTarget:\n", "Input:\n6 2 4 + 2 5 9\nTarget: 8 8 3\n"),
        ("words", "Q: What is 624 + 259?\nA:", "Q: What is 624 + 259? (883)\nA:"),
    ],
)
def test_only_the_hinted_prompt_shows_the_answer(style, plain, hinted):
    task = arithmetic(style=style)
    problem = task.problem((624, 259), 3, "x")
    assert task.question(problem, hinted=False) == plain
    assert task.question(problem, hinted=True) == hinted
    assert problem.answer not in plain


def test_the_scratchpad_is_the_one_in_figure_3_of_the_paper():
    task = arithmetic(style="paper")
    prompt = task.question(task.problem((624, 259), 3, "x"), hinted=False)
    assert prompt + task.worked((624, 259)) == (
        "Input:\n"
        "6 2 4 + 2 5 9\n"
        "Target:\n"
        "<scratch>\n"
        "6 2 4 + 2 5 9 , C: 0\n"
        "2 + 5 , 3 C: 1\n"
        "6 + 2 , 8 3 C: 0\n"
        ", 8 8 3 C: 0\n"
        "0 8 8 3\n"
        "</scratch>\n"
        "8 8 3"
    )


def test_the_columns_of_a_worked_sum_carry_from_the_right():
    assert arithmetic().worked((457, 386)) == "7+6+0=13,3\n5+8+1=14,43\n4+3+1=8,843\n#843"
    assert arithmetic().worked((95, 7 * 11)) == "5+7+0=12,2\n9+7+1=17,172\n#172"


@pytest.mark.parametrize("style", ["columns", "paper"])
@given(pair=PAIRS)
def test_a_worked_solution_is_judged_correct_by_its_task(style, pair):
    task = arithmetic(style=style)
    problem = task.problem(pair, len(str(pair[0])), "x")
    assert task.judge(problem, task.worked(pair)).status == "correct"
    other = task.problem((pair[0], pair[1] + 1), len(str(pair[0])), "x")
    assert task.judge(other, task.worked(pair)).status == "wrong"


@given(pair=PAIRS)
def test_every_line_of_the_columns_adds_up(pair):
    carry = 0
    for line in arithmetic().worked(pair).splitlines()[:-1]:
        first, second, carried, column, done = map(int, re.fullmatch(r"(\d)\+(\d)\+(\d)=(\d+),(\d+)", line).groups())
        assert carried == carry
        assert column == first + second + carried
        carry = column // 10
    assert done == sum(pair)


@pytest.mark.parametrize("style", STYLES)
@given(text=st.text() | st.text("#</scratch>\n 0123456789"))
def test_no_completion_raises(style, text):
    task = arithmetic(style=style)
    assert task.judge(task.problem((1, 2), 1, "x"), text).status in ("correct", "wrong", "no_answer")


def test_a_completion_without_a_final_answer_is_no_answer():
    task = arithmetic()
    verdict = task.judge(task.problem((1, 2), 1, "x"), "1+2+0=3,3")
    assert (verdict.status, verdict.answer) == ("no_answer", None)
    assert task.judge(task.problem((1, 2), 1, "x"), "#3\n#4").status == "no_answer"


@pytest.mark.parametrize("operation", OPERATIONS)
@given(pair=PAIRS)
def test_worked_columns_are_judged_correct_and_have_no_wrong_step(operation, pair):
    task = arithmetic(operation=operation)
    problem = task.problem(pair, len(str(pair[0])), "x")
    assert task.judge(problem, task.worked(pair)).status == "correct"
    assert task.steps(problem, task.worked(pair)).wrong == ()


@pytest.mark.parametrize(
    ("operation", "columns", "words", "answer", "id"),
    [
        ("addition", "12+34", "What is 12 + 34?", "46", "add-1-train-000000"),
        ("subtraction", "34-12", "What is 34 - 12?", "22", "sub-1-train-000000"),
        ("multiplication", "12*34", "What is 12 * 34?", "408", "mul-1-train-000000"),
    ],
)
def test_questions_of_each_operation(operation, columns, words, answer, id):
    for style, question in (("columns", columns), ("words", words)):
        task = arithmetic(operation=operation, style=style, train={1: 9})
        problem = task.problem((12, 34), 2, "x")
        assert (problem.question, problem.answer) == (question, answer)
        assert task.problems("train")[0].id == id


def test_differences_are_never_negative_and_never_the_same_twice():
    task = arithmetic(operation="subtraction", train={1: 30, 2: 3000}, held_out={2: 300})
    problems = task.problems("train") + task.problems("held_out")
    assert all(int(p.answer) >= 0 for p in problems)
    assert len({p.question for p in problems}) == len(problems) == 3330


@pytest.mark.parametrize("operation", OPERATIONS)
def test_all_operations_hold_out_the_same_pairs(operation):
    def pairs(name, split):
        problems = arithmetic(operation=name, train={2: 900}, held_out={2: 200}).problems(split)
        return {tuple(sorted(map(int, re.split(r"[-+*]", p.question)))) for p in problems}

    assert not pairs(operation, "held_out") & pairs("addition", "train")


def test_there_are_half_as_many_differences_as_ordered_pairs():
    with pytest.raises(UserError, match="this split has 5 such differences to offer; ask for fewer"):
        arithmetic(operation="subtraction", held_out={1: 50}).problems("held_out")


@pytest.mark.parametrize("operation", ["subtraction", "multiplication"])
def test_the_paper_has_no_scratchpad_but_of_additions(operation):
    with pytest.raises(ValueError, match="additions"):
        ArithmeticTask(kind="arithmetic", style="paper", operation=operation)


@pytest.mark.parametrize("style", ["columns", "paper"])
def test_the_lines_of_a_scratchpad_are_its_steps(style):
    task = arithmetic(style=style)
    problem, worked = task.problem((457, 386), 3, "x"), task.worked((457, 386))
    assert task.steps(problem, worked) == Steps(len(worked.splitlines()))
    assert len(task.steps(problem, worked.replace("1", "2", 1)).wrong) == 1


def test_the_equations_of_words_are_its_steps():
    task = arithmetic(style="words")
    text = "12 + 34 = 46, since 2 + 4 = 7 and 10 + 30 = 40.\n#### 46"
    assert task.steps(task.problem((12, 34), 2, "x"), text) == Steps(3, ("2 + 4 = 7",))


@pytest.mark.parametrize("operation", ["subtraction", "multiplication"])
def test_a_starter_is_built_for_every_operation(operation, tmp_path):
    settings = Starter(
        hidden_size=16, layers=1, heads=2, intermediate_size=16, context=96, steps=2, batch_size=4, hinted_digits={2: 1}
    )
    build_starter(settings, arithmetic(operation=operation), tmp_path)
    assert (tmp_path / "model.safetensors").exists()


@pytest.mark.parametrize("style", ["columns", "paper"])
def test_a_bare_answer_has_no_steps(style):
    task = arithmetic(style=style)
    problem = task.problem((457, 386), 3, "x")
    assert task.judge(problem, task.bare_answer(problem)).accepted
    assert task.steps(problem, task.bare_answer(problem)) == Steps()


@given(PAIRS, st.sampled_from(STYLES), st.sampled_from(sorted(OPERATIONS)))
def test_a_question_of_its_own_form_is_computed_and_no_other_is(pair, style, operation):
    if style == "paper" and operation != "addition":
        style = "columns"
    task = arithmetic(style=style, operation=operation)
    problem = task.problem(pair, 2, id="x")
    assert task.compute(problem.question) == problem.answer
    assert task.why_not(problem.question) == ("protected" if is_held_out(pair) else "")
    for other in (f" {problem.question}", f"0{problem.question}", f"{problem.question} ", problem.question * 2, ""):
        assert task.why_not(other) == "ill_formed"
        assert task.compute(other) is None


@given(st.text())
def test_no_text_harms_who_asks_for_its_sum(text):
    task = arithmetic(style="words")
    assert task.compute(text) is None or task.why_not(text) in ("", "protected")


def test_numbers_of_more_digits_than_a_recipe_may_ask_for_are_no_sums():
    task = arithmetic(style="words")
    assert task.compute(f"What is {'9' * 12} + 1?") == "1" + "0" * 12
    assert task.compute(f"What is {'9' * 13} + 1?") is None
    assert task.compute("What is ٤ + 2?") is None
