"""Lessons through the whole loop, with a sampler that is made up: which are kept, and what they are trained on as."""

import re
from collections import Counter
from fractions import Fraction

import pytest

from star.audit.trace import trace
from star.cli import main
from star.errors import UserError
from star.files import read_json, read_rows
from star.overlap import Protected, Text
from star.preflight import check
from star.recipe import load_recipe
from star.records import Attempt
from star.synthesize.base import Sources
from star.synthesize.numbers import numbers
from star.synthesize.template import FOLDER
from star.tasks.arithmetic import is_held_out
from star.verify import check_steps
from tests.apart import apart
from tests.synthesize.teaching import whole_run
from tests.synthesize.test_stage import drafts, pool, rows
from tests.test_loop import comparable


@pytest.fixture
def folder(taught):
    return taught("textbook")


def test_lessons_are_kept_whose_numbers_all_pass_the_step_checker(folder):
    lessons = rows(folder, 1, "lessons") + rows(folder, 2, "lessons")
    assert {row["reason"] for row in lessons} == {
        "",
        "ill_formed",
        "wrong_step",
        "no_step",
        "loose_number",
        "protected",
    }
    written = {row["id"]: row for row in rows(folder, 1, "written") + rows(folder, 2, "written")}
    for row in lessons:
        if row["reason"]:
            assert row["target"] is None
            continue
        prompt, steps = written[row["id"].removeprefix("lesson/")]["prompt"], check_steps(row["target"])
        assert (steps.checked, steps.wrong) == (1, ())
        a, b, total = map(int, re.search(r"(\d+) \+ (\d+) = (\d+)\.", row["target"]).groups())
        assert a + b == total
        assert numbers(row["target"]) <= {*map(Fraction, (a, b, total))} | numbers(prompt)


def test_a_prompt_shows_a_topic_an_audience_and_a_rationale_of_the_iteration_before(folder):
    recipe = load_recipe(folder / "recipe.yaml").synthesize
    first, second = (rows(folder, number, "written") for number in (1, 2))
    trained = {row["attempt_id"]: row for row in rows(folder, 1, "train")}
    asked = {one.id: one.problem.question for one in map(Attempt.from_dict, rows(folder, 1, "attempts"))}
    for row in first + second:
        meta = row["meta"]
        assert meta["topic"] in recipe.topics
        assert meta["audience"] in recipe.audiences
        assert row["prompt"].endswith(f"\n\nA lesson about {meta['topic']} for {meta['audience']}:\nLesson:")
    assert {id for row in first for id in row["meta"]["rationales"]} == {"exemplar-1", "exemplar-2"}
    for row in second:
        examples = [trained[id] for id in row["meta"]["rationales"]]
        assert row["parents"] == [one["attempt_id"].split("/plain/")[1].rpartition("/")[0] for one in examples]
        for one in examples[:2]:
            working = one["target"].partition("####")[0].strip()
            assert f"A lesson:\nLesson: {asked[one['attempt_id']]} {working}\nExercise: " in row["prompt"]
        for one in examples[2:]:
            working = one["target"].partition("####")[0].strip()
            assert f"\nExercise: {asked[one['attempt_id']]}\nWorking: {working}\nAnswer: " in row["prompt"]
    assert len({row["prompt"] for row in second}) > 20


def test_the_prompt_has_no_number_of_its_own_that_would_count_as_given():
    assert numbers((FOLDER / "textbook.txt").read_text()) == set()


def test_lessons_are_trained_on_up_to_their_share_marked_and_never_carried_along(taught):
    folder = taught("textbook", "selection.keep_iterations=all")
    for number in (1, 2):
        kept = {row["id"]: row for row in rows(folder, number, "lessons") if not row["reason"]}
        train = rows(folder, number, "train")
        lessons = [row for row in train if row["attempt_id"].startswith("lesson/")]
        others = len(train) - len(lessons)
        assert 0 < len(lessons) <= 0.3 * len(train)
        assert len(lessons) == len(kept) or (len(lessons) + 1) > 0.3 * (others + len(lessons) + 1)
        for row in lessons:
            assert (row["prompt"], row["target"]) == tuple(kept[row["attempt_id"]][k] for k in ("prompt", "target"))
            assert row["prompt"].endswith("Work it out step by step.\n\nLesson:")
        metrics = read_rows(folder / "metrics.jsonl")[number]
        assert metrics["funnel"]["lessons"] == len(lessons)
        reasons = Counter(row["reason"] for row in rows(folder, number, "lessons"))
        assert metrics["synthesis"]["lessons"]["kept"] == reasons.pop("") == len(kept)
        assert metrics["synthesis"]["lessons"]["rejected"] == dict(reasons)
    assert metrics["funnel"]["carried"] > 0


def test_the_base_model_writes_where_the_recipe_says_so_and_the_current_one_attempts(taught):
    folder = taught("textbook", "synthesize.writer=base")
    assert {row["model"] for number in (1, 2) for row in rows(folder, number, "written")} == {"base"}
    assert {row["completion"]["model"] for row in rows(folder, 2, "attempts")} == {"iteration-001"}
    lesson = next(row["attempt_id"] for row in rows(folder, 2, "train") if row["attempt_id"].startswith("lesson/"))
    assert trace(folder, lesson)["lesson"]["model"] == "base"


def test_what_a_prompt_shows_is_no_new_lesson_and_no_new_exercise(textbook):
    writer, protected = textbook()
    asked = writer.ask("new/001/00000", 1, Sources((), (), ()))
    shown = asked.prompt.text.rpartition("\n\n")[0].rpartition("\nLesson: ")[2]
    lesson, exercise = shown.partition("\nExercise: ")[::2]
    own = "What is 1234 + 4321? 1234 + 4321 = 5555."
    fresh = "What is 1235 + 4321?\nWorking: 1235 + 4321 = 5556.\nAnswer: 5556"
    fates = []
    for text in (f" {lesson}\nExercise: {fresh}", f" {own}\nExercise: {exercise}", f" {own}\nExercise: {fresh}"):
        [draft] = writer.read(asked, text, False)
        row = {"id": "x", "text": text, "prompt": asked.prompt.text, "meta": asked.meta, "model": "base"}
        [taught] = writer.lessons([row | {"finish_reason": "stop"}], protected)
        fates.append((taught["reason"], draft.rejected))
    assert fates == [("duplicate", ""), ("", "not_new"), ("", "")]


@pytest.mark.parametrize("chat", [False, True])
def test_a_lesson_ends_at_an_empty_line_where_the_model_only_goes_on(textbook, chat):
    writer, _ = textbook()
    writer.prompts.settings = writer.prompts.settings.model_copy(update={"chat": chat})
    assert ("\n\n" in writer.decoding.stop) == (not chat)


def test_exercises_become_problems_when_their_answer_is_that_of_code(folder):
    reasons = Counter(draft["reason"] for number in (1, 2) for draft in drafts(folder, number))
    assert reasons["contradicted"] > 0
    assert reasons["ill_formed"] > 0
    members = pool(folder, 2)
    assert members
    for member in members:
        first, second = map(int, re.findall(r"\d+", member.problem.question))
        assert (int(member.problem.answer), member.problem.answer_source) == (first + second, "computed")
        assert set(member.problem.meta) == {"topic", "audience", "rationales", "working"}


def test_an_exercise_that_is_voted_on_must_have_the_answer_that_came_with_it(taught):
    folder = taught("textbook", "synthesize.answers=consensus", "synthesize.vote.samples=5")
    voted = {row["id"]: [sample["answer"] for sample in row["samples"]] for row in rows(folder, 1, "votes")}
    members = {member.problem.id: member for member in pool(folder, 1)}
    contradicted = 0
    for draft in drafts(folder, 1):
        assert draft["reason"] != "contradicted"  # that is for the vote to say
        if draft["reason"]:
            continue
        answer, votes = Counter(voted[draft["id"]]).most_common(1)[0]
        stands = votes >= 3 and answer == draft["answer"]
        contradicted += votes >= 3 and not stands
        assert (draft["id"] in members) == stands
        assert not stands or members[draft["id"]].problem.answer == answer
    assert members
    assert read_json(folder / "iterations/001/synthesis.json")["rejected"]["contradicted"] == contradicted > 0


def test_a_lesson_is_traced_to_its_seed_and_exported_and_not_replayed(folder, tmp_path, capsys):
    import pyarrow.parquet as parquet

    [lesson, *_] = [row for row in rows(folder, 2, "train") if row["attempt_id"].startswith("lesson/")]
    told = trace(folder, lesson["attempt_id"])
    assert told["fate"]["what"] == "trained"
    assert len(told["lesson"]["rationales"]) == 4
    assert lesson["target"].strip() in told["lesson"]["text"]
    assert told["lesson"]["model"] == "iteration-001"
    assert trace(folder, told["lesson"]["rationales"][0])["fate"]["what"] == "trained"
    assert main(["trace", str(folder), lesson["attempt_id"]]) == 0
    assert main(["replay", str(folder), lesson["attempt_id"]]) == 2
    assert "this is a lesson" in capsys.readouterr().err
    assert main(["export", str(folder), "--dataset", str(tmp_path / "data")]) == 0
    table = parquet.read_table(tmp_path / "data/data").to_pylist()
    found = next(row for row in table if row["attempt_id"] == lesson["attempt_id"])
    assert (found["kind"], found["model"], found["verdict"]) == ("lesson", "iteration-001", None)
    assert found["source"] == "iterations/002/lessons.jsonl"
    card = (tmp_path / "data/README.md").read_text()
    assert "lessons that the model wrote: their numbers are checked" in card
    assert "lessons that the model wrote" in (folder / "iterations/002/model-card.md").read_text()
    counts = read_json(folder / "iterations/002/synthesis.json")["lessons"]
    assert f"Of {counts['written']} lessons, {counts['kept']} were kept" in (folder / "report/index.html").read_text()


def test_a_lesson_that_overlaps_a_protected_text_is_not_kept(recipes, tmp_path, taught):
    lesson = next(row["target"] for row in rows(taught("textbook"), 1, "lessons") if not row["reason"])
    (tmp_path / "canary.txt").write_text(f"{lesson} {lesson}\n")
    folder = taught("textbook", f"audit.protect=[{tmp_path}/canary.txt]", "audit.ngram=8", "iterations=1")
    assert "protected" in {row["reason"] for row in rows(folder, 1, "lessons")}


def test_no_lesson_that_is_trained_on_works_a_held_out_sum(folder):
    sums = [re.search(r"(\d+) \+ (\d+) = ", r["target"] or "") for n in (1, 2) for r in rows(folder, n, "lessons")]
    kept = [(int(found[1]), int(found[2])) for found in sums if found]
    assert kept
    assert not any(map(is_held_out, kept))


@pytest.fixture
def textbook(recipes):
    """The writer of lessons, and texts that are protected."""
    return lambda *texts: (
        check(load_recipe(recipes["textbook"])).writer,
        Protected((Text("x:1", text, text) for text in texts), 13),
    )


HELD_OUT = next((a, b) for a in range(10, 99) for b in range(10, 99) if is_held_out((a, b)))


@pytest.mark.parametrize(
    "form", ["What is {} + {}?", "Add them: {} + {} = {}.", "He has {} apples + {} apples = {} apples.", "{} plus {}."]
)
def test_a_lesson_that_asks_or_works_a_sum_of_the_held_out_tenth_is_protected(textbook, form):
    writer, protected = textbook()
    a, b = HELD_OUT
    for pair in ((a, b), (b, a)):
        assert writer._is_protected(f"Ann has 1000 pens. {form.format(*pair, a + b)} So it is.", protected)
    c, d = next((a, n) for n in range(10, 99) if not is_held_out((a, n)))
    assert not writer._is_protected(f"Ann has 1000 pens. {form.format(c, d, c + d)} So it is.", protected)


def test_a_lesson_with_a_short_protected_question_among_its_sentences_is_protected(textbook):
    writer, protected = textbook("Bo has 7 hens. How many legs?", "Who sings?")
    assert writer._is_protected("First: look.\nBo has 7 hens. How many legs? Four each.", protected)
    assert writer._is_protected("Listen. who sings? Bo does.", protected)
    assert not writer._is_protected("Bo has 7 hens. They sing. How many legs?", protected)


def test_a_run_killed_while_it_writes_lessons_ends_with_the_same_files(folder, recipes, tmp_path):
    recipe, run = recipes["textbook"], tmp_path / "run"
    assert apart(whole_run, recipe, run, "new/002/00009").returncode == -9
    assert list(tmp_path.glob("run/iterations/*.partial/*.journal"))
    assert apart(whole_run, recipe, run).returncode == 0
    assert comparable(run) == comparable(folder)


def test_without_exemplars_there_is_nothing_to_begin_with(recipes):
    with pytest.raises(UserError, match=r"it needs\s+prompt.exemplars"):
        check(load_recipe(recipes["textbook"], ["prompt={}"]))


def test_a_prompt_that_does_not_fit_is_an_error_before_the_run(recipes, architectures):
    with pytest.raises(UserError, match=r"the prompt with the exemplar exemplar-\d has \d+ tokens"):
        check(load_recipe(recipes["textbook"], [f"model.path={architectures('llama')}"]))
