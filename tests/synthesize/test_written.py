"""How prompts for new problems read, what is read in a completion, and what becomes of each draft."""

import copy
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.errors import UserError
from star.files import to_line
from star.overlap import Protected, Text
from star.prompts import PromptBuilder
from star.recipe import Audit, load_recipe
from star.records import Completion, Problem, Prompt
from star.request import Request
from star.sample.base import Sampler
from star.synthesize import build_writer
from star.synthesize.base import Asked, Draft, Sources
from star.synthesize.check import check_synthesis
from star.synthesize.novelty import Index
from star.synthesize.written import Reader
from star.tasks import build_task
from tests.test_prompts import CHATML

GIVEN = [Problem(f"g{i}", "gsm8k", f"Ann has {i} apples and eats {name}. How many has she?", str(i)) for i, name in
         enumerate(("one", "two", "three", "four", "five", "six", "seven"))]  # fmt: skip
LOST = "A train leaves town at noon and drives for three long hours. How far is that?"
HELD_OUT = Text("test:1", LOST, LOST)
NOTHING = (Protected(), Audit())
ASKED = Asked(Prompt("new/001/00000", ""))


@pytest.fixture
def parts(tmp_path, bpe_tokenizer):
    """Recipe and writer for a task and overrides."""

    def make(*overrides, task="{kind: gsm8k}", context=None, chat=False):
        path, tokenizer = tmp_path / "r.yaml", bpe_tokenizer
        path.write_text(f"name: x\ntask: {task}\nmodel: {{path: gpt2}}\nsynthesize: {{kind: self_instruct}}\n")
        if chat:
            tokenizer = copy.deepcopy(bpe_tokenizer)
            tokenizer.chat_template = CHATML
        recipe = load_recipe(path, [f"prompt.chat={str(chat).lower()}", *overrides])
        task = build_task(recipe)
        return recipe, build_writer(recipe, task, PromptBuilder(task, recipe.prompt, tokenizer), context)

    return make


@pytest.fixture
def fates(parts):
    """What becomes of the questions in a text: pairs of question and reason."""

    def read(text, *overrides, ended="eos", **kinds):
        recipe, writer = parts(*overrides, **kinds)
        given = Index()
        for problem in GIVEN:
            given.add(problem.id, problem.question)
        reader = Reader(recipe, writer, Protected([HELD_OUT], 13), given, Index())
        completion = Completion("new/001/00000", 0, text, 9, ended, 1, "base")
        row = reader.row(Asked(Prompt("new/001/00000", "List:"), ("g1",)), completion)
        return [(draft["question"], draft["reason"]) for draft in row["drafts"]]

    return read


def test_a_prompt_lists_six_problems_of_the_task_and_two_that_were_written(parts):
    _, writer = parts()
    pool = [replace(problem, id=f"new/001/{problem.id}", question=f"New:\n{problem.question}") for problem in GIVEN]
    asked = writer.ask("new/002/00000", 7, Sources(GIVEN, pool, ()))
    assert sum(id.startswith("new/") for id in asked.parents) == 2
    assert len(asked.parents) == 8
    lines = asked.prompt.text.split("\n")
    assert lines[0] == "Come up with a series of problems:"
    assert lines[-1] == "Problem 9:"
    questions = {problem.id: " ".join(problem.question.split()) for problem in (*GIVEN, *pool)}
    assert lines[2:-1] == [f"Problem {place}: {questions[id]}" for place, id in enumerate(asked.parents, 1)]
    assert asked == writer.ask("new/002/00000", 7, Sources(GIVEN, pool, ()))
    assert asked != writer.ask("new/002/00000", 8, Sources(GIVEN, pool, ()))
    assert writer.decoding.stop == ["\n\n", "Problem 17:"]


def test_training_problems_take_the_places_of_those_that_nobody_has_written_yet(parts):
    _, writer = parts("synthesize.human=3")
    assert len(writer.ask("new/001/00000", 7, Sources(GIVEN, [], ())).parents) == 5
    assert len(writer.ask("new/001/00000", 7, Sources(GIVEN[:2], [], ())).parents) == 2


def test_a_chat_model_is_asked_to_go_on_in_a_turn(parts):
    _, writer = parts("synthesize={kind: self_instruct, human: 1, machine: 0, new: 3}", chat=True)
    text = writer.ask("new/001/00000", 7, Sources(GIVEN[:1], [], ())).prompt.text
    assert text.endswith("write problems 2 to 4, each on a line of its own.<|end|><|assistant|>")
    assert text.turns[-1][0] == "user"
    assert [d.question for d in writer.read(ASKED, "Sure!\nProblem 2: What is a?\nProblem 3: What is b?", False)] == [
        "What is a?",
        "What is b?",
    ]


def test_prompts_list_fewer_problems_where_the_context_is_short_and_none_is_an_error(parts):
    short = ("synthesize.decoding.max_new_tokens=20",)
    _, writer = parts(*short, context=150)
    [notice] = check_synthesis(writer, GIVEN, *NOTHING)
    assert "no room for synthesize.human + machine = 8 of them" in notice
    asked = writer.ask("new/001/00000", 7, Sources(GIVEN, [], ()))
    assert 1 <= len(asked.parents) < 7
    assert len(writer.prompts.tokenizer(asked.prompt.text)["input_ids"]) + 20 <= 150
    assert check_synthesis(parts(*short, context=1000)[1], GIVEN, *NOTHING) == []
    with pytest.raises(UserError, match=r"only g\d has \d+ tokens, .*max_new_tokens 20 .*context of 40"):
        check_synthesis(parts(*short, context=40)[1], GIVEN, *NOTHING)


@pytest.mark.parametrize(
    "task",
    [
        "{kind: commonsenseqa}",
        "{kind: jsonl, train: x, verifier: choice}",
        "{kind: jsonl, train: x, prompt: '{question} {choices}'}",
    ],
)
def test_problems_that_need_more_than_a_question_cannot_be_written(parts, task):
    with pytest.raises(UserError, match="writes questions alone"):
        check_synthesis(parts(task=task)[1], GIVEN, *NOTHING)


def test_ids_of_written_problems_are_not_for_others(parts):
    with pytest.raises(UserError, match=r"x\.jsonl:3: id 'new/7': ids that begin with new/"):
        check_synthesis(parts()[1], [*GIVEN, replace(GIVEN[0], id="new/7", source="x.jsonl:3")], *NOTHING)


def test_a_completion_is_read_as_the_rest_of_the_list(fates):
    text = (
        " Bob has nine pens\n and buys ten more. How many pens has Bob?\n"
        "Problem 10: A farmer owns four red barns and paints half. How many are left?\nProblem 11:\nProblem 12: Half of"
    )
    assert fates(text, ended="length") == [
        ("Bob has nine pens and buys ten more. How many pens has Bob?", ""),
        ("A farmer owns four red barns and paints half. How many are left?", ""),
        ("Half of", "cut_off"),
    ]
    assert len(fates("\nProblem 2: Who?" * 30, "synthesize.new=4")) == 4


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("Ann has 3 apples and eats one. How many has she?", "not_new"),
        (LOST, "protected"),
        (f"Listen: {LOST.lower()}", "protected"),
        ("How many are there then?", ""),
        ("How many there?", "too_short"),
        ("How " + "very " * 200 + "long?", "too_long"),
        ("x" * 10_000 + "?", "too_long"),
        ("How many pixels has the picture over there?", "ill_formed"),
        ("This is no sentence of any kind", "ill_formed"),
        ("How many\x07 bells ring here?", "ill_formed"),
        ("{question} and {answer} are what, %s {0!r}?", ""),
    ],
)
def test_each_draft_has_a_fate(fates, question, reason):
    assert fates(question) == [(question, reason)]


def test_what_was_accepted_makes_the_same_question_less_new(fates):
    question = "Bob has nine pens and buys ten more. How many pens has Bob?"
    assert fates(f"{question}\nProblem 10: {question}") == [(question, ""), (question, "not_new")]


def test_a_question_whose_prompt_leaves_no_room_for_a_rationale_is_too_long(fates):
    question = "How many sheep are on the far side of the old stone bridge tonight?"
    assert fates(question, "decoding.max_new_tokens=100", context=500) == [(question, "")]
    assert fates(question, "decoding.max_new_tokens=480", context=500) == [(question, "too_long")]


def test_sums_must_read_exactly_as_sums_and_none_of_the_held_out_tenth_is_new(fates):
    words = "{kind: arithmetic, style: words}"
    pairs = [(a, b) for a in range(20, 40) for b in range(50, 60)]
    reasons = {pair: fates(f"What is {pair[0]} + {pair[1]}?", task=words)[0][1] for pair in pairs}
    assert set(reasons.values()) == {"", "protected"}
    assert 0.05 < list(reasons.values()).count("protected") / len(reasons) < 0.2
    for a, b in pairs[:20]:
        assert fates(f"What is {b} + {a}?", task=words)[0][1] == reasons[a, b]


@given(st.text() | st.text("Problem 1:\n{}%?.\t 'é\u2028").map(lambda text: f"What is\nProblem 3: {text}"))
def test_any_text_is_read_and_any_row_can_be_written(parts_once, text):
    recipe, writer = parts_once
    reader = Reader(recipe, writer, Protected([HELD_OUT], 13), Index(), Index())
    row = reader.row(Asked(Prompt("new/001/00000", "List:")), Completion("new/001/00000", 0, text, 9, "eos", 1, "m"))
    assert row["text"] == text
    for draft in row["drafts"]:
        assert draft["reason"] or draft["question"].isprintable()


@pytest.fixture(scope="module")
def parts_once(recipe_with):
    recipe = recipe_with("synthesize.kind=self_instruct")
    task = build_task(recipe)
    return recipe, build_writer(recipe, task, PromptBuilder(task, recipe.prompt, None), None)


class Hostile(Sampler):
    """Writes what nobody should."""

    def use(self, adapter, name): ...

    def sample(self, prompts, decoding, seed):
        return [
            Completion(one.problem_id, 0, "half \ud800 and " + "y" * 1_000_000, 9, "eos", 1, "m") for one in prompts
        ]


def test_halves_of_surrogate_pairs_and_endless_lines_do_no_harm(parts_once):
    recipe, writer = parts_once
    request = Request([Prompt("new/001/00000", "List:")], writer.decoding, 1, None, "m")
    [row] = Request.from_dict(request.to_dict()).sample(Hostile())
    reader = Reader(recipe, writer, Protected([HELD_OUT], 13), Index(), Index())
    written = reader.row(Asked(request.prompts[0]), Completion(**row))
    assert [draft["reason"] for draft in written["drafts"]] == ["too_long"]
    assert to_line(written).encode()


def test_an_answer_that_the_model_gives_itself_must_be_the_one_computed(parts):
    recipe, writer = parts(task="{kind: arithmetic, style: words}")
    reader = Reader(recipe, writer, Protected(), Index(), Index())
    right, wrong = (reader._fate("d", Draft("What is 20 + 51?", answer), {}) for answer in ("71", "72"))
    assert (right["reason"], right["computed"]) == ("", "71")
    assert wrong["reason"] == "not_new"
    reader = Reader(recipe, writer, Protected(), Index(), Index())
    assert reader._fate("d", Draft("What is 20 + 51?", "72"), {})["reason"] == "contradicted"


def test_where_answers_are_voted_on_code_says_what_is_true_and_decides_nothing(parts):
    recipe, writer = parts("synthesize.answers=consensus", task="{kind: arithmetic, style: words}")
    reader = Reader(recipe, writer, Protected(), Index(), Index())
    fate = reader._fate("d", Draft("What is 20 + 51?", "72"), {})
    assert (fate["reason"], fate["computed"]) == ("", "71")


def test_the_longest_questions_go_first_where_the_context_is_short(parts):
    _, writer = parts(
        "synthesize={kind: self_instruct, human: 7, machine: 0, decoding: {max_new_tokens: 20}}", context=300
    )
    long = replace(GIVEN[0], id="long", question="Ann has " + "very " * 150 + "many apples?")
    for seed in range(20):
        asked = writer.ask("new/001/00000", seed, Sources([*GIVEN[:6], long], [], ()))
        assert len(asked.parents) > 1
        assert "long" not in asked.parents


def test_a_question_that_leaves_no_room_in_a_list_is_too_long(fates):
    question = "How many sheep are on the far side of the old stone bridge tonight?"
    sizes = ("decoding.max_new_tokens=10", "synthesize.decoding.max_new_tokens=480")
    assert fates(question, *sizes, context=600) == [(question, "")]
    assert fates(question, *sizes, context=500) == [(question, "too_long")]
