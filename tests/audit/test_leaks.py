"""Hint leaks: rationales that mention the hint or jump to its answer, and what only looks like it."""

import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.audit.leaks import leak
from star.recipe import ArithmeticTask, CommonsenseqaTask, Gsm8kTask, JsonlTask, MathTask
from star.records import Attempt, Completion, Problem, Prompt
from star.tasks.arithmetic import Arithmetic
from star.tasks.commonsenseqa import Commonsenseqa
from star.tasks.exemplars import load_exemplars
from star.tasks.gsm8k import Gsm8k
from star.tasks.jsonl import Jsonl
from star.tasks.math import Math
from star.verify.scratchpad import paper

GSM8K = Path("/work/shared/data/gsm8k/train.jsonl")
COUNTS = {"train": {1: 1}, "held_out": {1: 1}}
TASKS = {
    **{
        style: Arithmetic(ArithmeticTask(kind="arithmetic", style=style, **COUNTS))
        for style in ("columns", "paper", "words")
    },
    "differences": Arithmetic(ArithmeticTask(kind="arithmetic", operation="subtraction", **COUNTS)),
    "products": Arithmetic(ArithmeticTask(kind="arithmetic", operation="multiplication", **COUNTS)),
    "gsm8k": Gsm8k(Gsm8kTask(kind="gsm8k", path=".")),
    "commonsenseqa": Commonsenseqa(CommonsenseqaTask(kind="commonsenseqa", path=".")),
    "math": Math(MathTask(kind="math", path=".")),
    "capitals": Jsonl(JsonlTask(kind="jsonl", train="x.jsonl")),
    "meters": Jsonl(JsonlTask(kind="jsonl", train="x.jsonl", verifier="numeric", units=["m|meters"])),
    "labels": Jsonl(JsonlTask(kind="jsonl", train="x.jsonl", verifier="label", labels=["yes", "no"])),
}
RACKS = ("oven", "coat rack", "bookshelf", "mailbox", "flower bed")
PROBLEMS = {
    "columns": ("457+386", "843"),
    "paper": ("4 5 7 + 3 8 6", "8 4 3"),
    "words": ("What is 457 + 386?", "843"),
    "differences": ("457-386", "71"),
    "products": ("47*36", "1692"),
    "gsm8k": ("Tom has 3 bags of 4 apples. How many apples has he?", "12"),
    "commonsenseqa": ("Where would you hang a wet coat when you come home?", "b"),
    "math": ("If $2x + 3 = 13$, what is $x$?", "5"),
    "capitals": ("What is the capital of France?", "Paris"),
    "meters": ("A path has 3 parts of 4 meters. How long is it?", "12 m"),
    "labels": ("Can a fish breathe in air?", "no"),
}


def attempt(kind, text, question=None, answer=None):
    asked, gold = PROBLEMS[kind]
    choices = RACKS if kind == "commonsenseqa" else ()
    task = TASKS[kind]
    problem = Problem("p", task.name, question or asked, answer or gold, choices)
    completion = Completion("p", 0, text, 9, "eos", 0, "base")
    return Attempt(problem, Prompt("p", "", True), completion, task.judge(problem, text))


def found(kind, text, question=None, answer=None):
    """The leak of a text that gives the right answer."""
    one = attempt(kind, text, question, answer)
    assert one.verdict.accepted, one.verdict
    return leak(TASKS[kind], one)


JUMPS = [
    ("columns", "#843"),
    ("columns", "8,843\n#843"),
    ("columns", "4+3+1=8,843\n#843"),  # the columns before it are missing
    ("columns", "7+6+0=13,3\n4+3+1=8,843\n#843"),  # one is
    ("columns", "7+6+0=13,3\n5+8+0=13,43\n4+3+1=8,843\n#843"),  # digits that are not those of the column
    ("columns", "7+6+0=13,3\n5+8+0=13,33\n4+3+1=8,833\n#843"),  # they come to something else
    ("columns", "7+6+0=13,3\n5+8+1=14,43\n#843"),  # they end too early
    ("columns", "7+6+0=13,3\n5+8+1=14,43\n4+3+0=8,843\n#843"),  # a false equation
    ("differences", "7-6-0=1,1\n#71"),
    ("products", "7*6+0=42,2\n4*6+4=28\n#1692"),
    ("paper", "8 4 3"),
    ("paper", "<scratch>\n4 5 7 + 3 8 6 , C: 0\n, 8 4 3 C: 0\n0 8 4 3\n</scratch>\n8 4 3"),
    ("paper", "<scratch>\n, 8 4 3 C: 0\n0 8 4 3\n</scratch>\n8 4 3"),
    ("words", "#### 843"),
    ("words", "457 + 386\n#### 843"),
    ("words", "457 + 386 = 833.\n#### 843"),
    ("gsm8k", "#### 12"),
    ("gsm8k", "The answer is 12.\n#### 12"),
    ("gsm8k", "Tom has 12 apples.\n#### 12"),
    ("gsm8k", "Tom has 3 bags of 4 apples.\n#### 12"),
    ("gsm8k", "3 + 4 = 7 apples, so he has 12.\n#### 12"),
    ("gsm8k", "3 + 4 = 12 apples in total.\n#### 12"),  # a false equation yields nothing
    ("gsm8k", "Let x be the apples. x = 12.\n#### 12"),
    ("gsm8k", "12 = 12\n#### 12"),
    ("commonsenseqa", "(b)."),
    ("commonsenseqa", "coat rack (b)."),
    ("commonsenseqa", "The correct answer is coat rack (b)."),
    ("commonsenseqa", "Therefore, the answer must be (b)."),
    ("commonsenseqa", "You would hang a wet coat on a coat rack when you come home. So the answer is coat rack (b)."),
    ("math", r"$\boxed{5}$"),
    ("math", r"The answer is $x = \boxed{5}$."),
    ("capitals", "#### Paris"),
    ("capitals", "The capital of France is Paris.\n#### Paris"),
    ("meters", "It is 12 m long.\n#### 12 m"),
    ("labels", "The answer is no.\n#### no"),
]

MENTIONS = [
    ("gsm8k", "The hint says that it is 3 * 4 = 12.\n#### 12", "the hint"),
    ("gsm8k", "3 * 4 = 12, which is the given answer.\n#### 12", "given answer"),
    ("gsm8k", "The answer is given in parentheses. 3 * 4 = 12\n#### 12", "answer is given in parentheses"),
    ("gsm8k", "We know the answer is 12, and 3 * 4 = 12.\n#### 12", "we know the answer"),
    ("gsm8k", "3 * 4 = 12, as stated in the answer.\n#### 12", "stated in the answer"),
    ("gsm8k", "According to the answer, 3 * 4 = 12.\n#### 12", "according to the answer"),
    ("gsm8k", "Since the answer is 12, there are 3 * 4 = 12.\n#### 12", "since the answer is 12"),
    ("gsm8k", "We are told the correct answer is 12: 3 * 4 = 12.\n#### 12", "we are told the correct answer"),
    ("gsm8k", "Working back from the answer, 12 = 3 * 4.\n#### 12", "working back from the answer"),
    ("gsm8k", "3 * 4 = 12. This matches the provided answer.\n#### 12", "provided answer"),
    ("gsm8k", "The question says the answer is 12, and 3 * 4 = 12.\n#### 12", "question says the answer"),
    ("gsm8k", "Given the answer, 3 * 4 = 12.\n#### 12", "given the answer"),
    ("commonsenseqa", "The answer must be a place for coats. Coats hang on a coat rack (CORRECT) (b).", "(correct)"),
    ("commonsenseqa", "Coats hang there, and it is marked as correct. So it is coat rack (b).", "marked as correct"),
    ("commonsenseqa", "Because the answer is (b), coats go onto hooks (b).", "because the answer is (b"),
    ("math", r"The answer is already known. $2x = 10$ gives $x = \boxed{5}$.", "answer is already known"),
    ("capitals", "France's seat of government, as the hint tells.\n#### Paris", "the hint"),
    ("columns", "the hint\n7+6+0=13,3\n5+8+1=14,43\n4+3+1=8,843\n#843", "the hint"),
]  # fmt: skip

SCRATCH = "\n".join(paper(457, 386))
HONEST = [
    ("columns", "7+6+0=13,3\n5+8+1=14,43\n4+3+1=8,843\n#843"),
    ("columns", " 7+6+0=13,3 \n5+8+1=14,43\n4+3+1=8,843\n\n#843"),
    ("differences", "7-6-0=1,1\n15-8-0=7,71\n4-3-1=0,071\n#71"),
    ("products", "7*6+0=42,2\n4*6+4=28\n7*3+28=49,92\n4*3+4=16,1692\n#1692"),
    ("paper", SCRATCH),
    ("words", "457 + 386 = 843.\n#### 843"),
    ("words", "457 plus 386 equals 843.\n#### 843"),
    ("words", "400 + 300 = 700, 57 + 86 = 143, and 700 + 143 = 843\n#### 843"),
    ("gsm8k", "He has 3 * 4 = <<3*4=12>>12 apples.\n#### 12"),
    ("gsm8k", "He has 3 bags * 4 apples/bag = 12 apples.\n#### 12"),
    ("gsm8k", "4 + 4 = 8 apples, and 8 + 4 = 12.\n#### 12"),
    ("gsm8k", "Three times 4 apples, that is 3 times 4, gives 12.\n#### 12"),
    ("gsm8k", "Twice 6 is 12.\n#### 12"),
    ("gsm8k", "x / 4 = 3 bags\nx = 12\n#### 12"),
    ("gsm8k", "100 / 8 = 12.5, and only whole ones count, so 12\n#### 12"),
    ("gsm8k", "It is 12 because 24 / 2 = 12.\n#### 12"),
    ("gsm8k", "A hint of salt aside, he has 3 * 4 = 12.\n#### 12"),
    ("gsm8k", "The answer is given by 3 * 4 = 12.\n#### 12"),
    ("gsm8k", "So the answer is 3 * 4 = 12, which is the correct answer.\n#### 12"),
    ("gsm8k", "3 * 4 = 12. Now we know the answer.\n#### 12"),
    ("gsm8k", "The answer is given in apples: 3 * 4 = 12.\n#### 12"),
    ("commonsenseqa", "It must be a place where coats can dry. Coat racks have hooks. So it is coat rack (b)."),
    ("commonsenseqa", "Hooks for clothes are on a coat rack (b)."),
    ("commonsenseqa", "Of the given answer choices, only a rack has hooks and lets a coat dry (b)."),
    ("commonsenseqa", "Based on the answer choices, clothes need hooks to dry. The answer is coat rack (b)."),
    ("commonsenseqa", "We know the answer must be near the door, where racks with hooks stand (b)."),
    ("math", r"Subtracting gives $2x = 10$, so $x = \boxed{5}$."),
    ("math", r"$13 - 3 = 10$, $10 / 2 = \boxed{5}$"),
    ("capitals", "Its government and president sit there.\n#### Paris"),
    ("meters", "3 * 4 m = 12 m.\n#### 12 m"),
    ("labels", "Its gills need water, so it suffocates.\n#### no"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), JUMPS)
def test_an_answer_that_no_step_yields_is_a_leak(kind, text):
    assert found(kind, text).startswith("no step yields "), text


@pytest.mark.parametrize(("kind", "text", "said"), MENTIONS)
def test_a_hint_that_is_mentioned_is_a_leak_whatever_the_steps(kind, text, said):
    assert found(kind, text) == f"mentions the hint: {said!r}"


@pytest.mark.parametrize(("kind", "text"), HONEST)
def test_what_reasons_to_its_answer_is_no_leak(kind, text):
    assert found(kind, text) is None


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("A test has 20 questions. Ann marked 12 correct. How many?", "Ann marked correct 3 * 4 = 12.\n#### 12"),
        ("For each hint, a team pays 4 points. It takes 3. What is due?", "The hint costs 4: 3 * 4 = 12.\n#### 12"),
        ("What is the stated answer, 3 times 4?", "3 * 4 = 12 is the stated answer.\n#### 12"),
        ("Jo got 12 (correct) of 20. How many?", "24 / 2 = 12 (correct).\n#### 12"),
    ],
)  # fmt: skip
def test_the_words_of_the_question_are_no_mention(question, text):
    assert found("gsm8k", text, question) is None
    assert found("gsm8k", text) is not None


def test_a_text_without_an_answer_jumps_to_none():
    assert leak(TASKS["gsm8k"], attempt("gsm8k", "I do not know.")) is None
    assert leak(TASKS["commonsenseqa"], attempt("commonsenseqa", "")) is None


def test_the_exemplars_do_not_leak():
    for name, kind in {"addition": "words", "gsm8k": "gsm8k", "commonsenseqa": "commonsenseqa", "math": "math"}.items():
        task = TASKS[kind]
        for problem, rationale in load_exemplars(name, task):
            completion = Completion("p", 0, rationale, 9, "eos", 0, "base")
            one = Attempt(problem, Prompt("p", "", True), completion, task.judge(problem, rationale))
            assert leak(task, one) is None, rationale


@pytest.mark.skipif(not GSM8K.exists(), reason="needs GSM8K")
def test_gold_solutions_hardly_ever_leak():
    rows = [json.loads(line) for line in GSM8K.open(encoding="utf-8")][::25]
    texts = [(row["question"], re.sub(r"<<[^<>]*>>", "", row["answer"])) for row in rows]
    leaks = [found("gsm8k", text, question, text.split("#### ")[1]) for question, text in texts]
    assert sum(one is not None for one in leaks) <= 0.02 * len(rows)
    cut = [(q, re.sub(r"[^\n]*\n#### ", "#### ", text)) for q, text in texts if text.count("\n") > 2]
    jumps = [found("gsm8k", text, question, text.split("#### ")[1]) for question, text in cut]
    assert sum(one is not None for one in jumps) >= 0.8 * len(cut), "without their last step, most do"


@given(st.sampled_from(list(TASKS)), st.text(st.characters()) | st.text("0123456789+-*/=,#() \nCx<scratch>{}\\boxed."))
def test_no_text_raises(kind, text):
    leak(TASKS[kind], attempt(kind, text))


@pytest.mark.parametrize(
    "part",
    ["the answer is ", "given ", "answer is already ", "the hint", "since the answer is 1", "1=", "x=1 ", "1)+", "1 ",
     "twice 1 ", "1+1=2,2\n", "1 + 1 , C: 0\n", "a ", "#### ", "\\boxed{", "(a)", "marked as "],
)  # fmt: skip
def test_the_time_is_linear_in_the_text(part):
    text = part * (10_000 // len(part))
    for kind in ("columns", "paper", "gsm8k", "capitals"):
        completion = Completion("p", 0, text, 9, "eos", 0, "base")
        one = attempt(kind, PROBLEMS[kind][1])
        start = time.process_time()
        leak(TASKS[kind], Attempt(one.problem, one.prompt, completion, one.verdict))
        TASKS[kind].yields(one.problem, text, "12")
        assert time.process_time() - start < 2
