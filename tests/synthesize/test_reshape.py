"""Questions about documents through the whole loop, with a sampler that is made up."""

import json
from collections import Counter

import pytest

from star.audit.trace import trace
from star.cli import main
from star.errors import UserError
from star.files import file_sha256, read_json, read_rows
from star.preflight import check
from star.recipe import load_recipe
from star.synthesize.grounding import is_computed, is_span
from tests.apart import apart
from tests.synthesize.conftest import farms
from tests.synthesize.teaching import whole_run
from tests.synthesize.test_stage import drafts, pool, rows
from tests.test_loop import comparable


@pytest.fixture
def folder(taught):
    return taught("reshape")


def test_a_problem_is_kept_whose_answer_the_passage_gives_and_the_model_finds_again(folder):
    members = pool(folder, 2)
    assert {member.problem.meta["grounds"] for member in members} == {"span", "computed"}
    for member in members:
        problem, meta = member.problem, member.problem.meta
        assert (problem.answer_source, problem.group) == ("document", "new, document")
        assert problem.question.startswith(f"{meta['text']}\n\n")
        grounded = is_span(problem.answer, meta["text"], 5), is_computed(problem.answer, meta["working"], meta["text"])
        assert grounded == (meta["grounds"] == "span", meta["grounds"] == "computed")
        assert member.agreement >= 0.6
    reasons = Counter(draft["reason"] for number in (1, 2) for draft in drafts(folder, number))
    assert reasons["not_in_document"] > 0
    assert reasons["ill_formed"] > 0


def test_what_the_model_does_not_find_again_is_not_kept(taught):
    folder = taught("reshape", "synthesize.vote.threshold=1.0")
    counts = read_json(folder / "iterations/001/synthesis.json")
    assert counts["rejected"]["no_agreement"] > 0
    assert all(member.agreement == 1 for member in pool(folder, 1))


def test_the_passage_its_file_and_lines_are_provenance(folder, recipes, tmp_path):
    import pyarrow.parquet as parquet

    document = recipes["reshape"].with_name("farms.md")
    lines = document.read_text().splitlines()
    for member in pool(folder, 2):
        meta = member.problem.meta
        assert member.problem.parents == (f"{document}:{meta['first']}",)
        assert meta["text"] == lines[meta["first"] - 1]
        assert meta["title"] == lines[meta["first"] - 3].removeprefix("# ")
    assert read_json(folder / "run.json")["data_files"][str(document)] == file_sha256(document)
    id = next(r["attempt_id"] for r in rows(folder, 2, "train") if r["answer_source"] == "document")
    told = trace(folder, id)["problem"]
    assert told["answer_source_in_words"].startswith("given by a passage of a document")
    assert told["parents"][0].startswith(str(document))
    assert main(["export", str(folder), "--dataset", str(tmp_path / "data")]) == 0
    table = parquet.read_table(tmp_path / "data/data").to_pylist()
    found = next(row for row in table if row["attempt_id"] == id)
    assert found["passage"] in document.read_text()
    assert found["parents"] == told["parents"]


def test_the_vote_sees_the_passage_and_the_problem_may_do_without_it(taught):
    folder = taught("reshape", "synthesize.with_passage=false", "iterations=1")
    assert pool(folder, 1)
    for member in pool(folder, 1):
        assert member.problem.meta["text"] not in member.problem.question
    for row in rows(folder, 1, "votes"):
        assert "hens. They live together" in row["prompt"]
        assert "hens. They live together" not in row["question"]
    attempts = [row for row in rows(folder, 1, "attempts") if row["problem"]["answer_source"] == "document"]
    assert attempts
    assert all("hens. They live together" not in row["prompt"]["text"] for row in attempts)


def test_a_run_killed_while_it_votes_ends_with_the_same_files(folder, recipes, tmp_path):
    recipe, run = recipes["reshape"], tmp_path / "run"
    assert apart(whole_run, recipe, run, rows(folder, 1, "votes")[-1]["id"]).returncode == -9
    assert apart(whole_run, recipe, run).returncode == 0
    assert comparable(run) == comparable(folder)


@pytest.fixture
def asks(recipes, tmp_path):
    """What a recipe comes to that asks about one document."""

    def asks(name, content, *overrides):
        path = tmp_path / name
        path.write_bytes(content)
        documents = json.dumps([str(path)])
        return check(load_recipe(recipes["reshape"], [f"synthesize.documents={documents}", *overrides]))

    return asks


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.md", b"", "a.md: it has no passage of 10 words or more"),
        ("a.txt", b"fine\n\xff\n", r"a.txt:2: not UTF-8 text"),
        ("a.txt", b"\x00\x01\x02" * 99, "a.txt:1: it has a NUL character"),
        ("a.jsonl", b'{"body": 1}\n', "a.jsonl:1: no text under 'text'"),
        ("a.docx", b"PK", "a document is a file that ends in"),
    ],
)
def test_a_document_that_is_none_is_an_error_before_the_run(asks, name, content, message):
    with pytest.raises(UserError, match=message):
        asks(name, content)


def test_documents_that_overlap_held_out_or_protected_text_are_refused_or_left_out(asks, tmp_path):
    (tmp_path / "test.txt").write_text("Ann has 12 hens and Ben has 30 hens.\n")
    protect = f"audit.protect=[{tmp_path}/test.txt]"
    with pytest.raises(UserError, match=r"1 passages overlap held-out or protected problems:\n.*farms.md:3"):
        asks("farms.md", farms().encode(), protect)
    found = asks("farms.md", farms().encode(), protect, "audit.contamination=remove")
    assert [passage.title for passage in found.writer.passages] == ["Farm 2", "Farm 3", "Farm 4"]
    assert any("1 passages of synthesize.documents are left out" in notice for notice in found.notices())


def test_a_question_of_an_earlier_iteration_is_not_new_though_problems_show_their_passage(taught):
    folder = taught("reshape", "synthesize.max_similarity=0.99")
    asked = [member.problem.meta["question"] for member in pool(folder, 2)]
    assert all(member.problem.question.endswith(f"\n\n{asked[at]}") for at, member in enumerate(pool(folder, 2)))
    assert len(asked) == len(set(asked))
    again = {draft["nearest"] for draft in drafts(folder, 2) if draft["reason"] == "not_new"}
    assert any(id.startswith("new/001/") for id in again)


def test_passages_that_do_not_fit_as_they_are_shown_are_left_out(asks):
    text = "Ann has 12 hens in the old mill by the river."
    document = f"# {'Of old times in the far north ' * 200}\n\n{text}\n\n# Now\n\n{text.replace('Ann', 'Ben')}\n"
    writer = (checked := asks("a.md", document.encode())).writer
    assert [passage.title for passage in writer.passages] == ["Now"]
    assert all(writer.fits(writer._render(passage)) for passage in writer.passages)
    [notice] = [notice for notice in checked.notices() if "left out" in notice]
    assert notice.startswith(
        "1 passages of synthesize.documents are left out, because a prompt with them leaves no room"
    )
    assert notice.endswith("a.md:3")
    with pytest.raises(UserError, match=r"the prompt with the passage .*a\.md:3, the shortest, has \d+ tokens"):
        asks("a.md", document.partition("# Now")[0].encode())


def test_hostile_text_in_a_document_stays_text(asks):
    hostile = 'He said {passage} {title} {{7*7}} %s \x1b[31m ${HOME} <script>"x"</script>'
    writer = asks("a.txt", f"{hostile} and Ann has 3 hens.".encode()).writer
    prompt = writer.ask("new/001/00000", 5, None).prompt.text
    assert "{passage} {title} {{7*7}} %s [31m ${HOME}" in prompt
    assert "\x1b" not in prompt


def test_metrics_count_what_was_asked(folder):
    counts = read_rows(folder / "metrics.jsonl")[1]["synthesis"]
    assert counts["written"] == 12 == counts["kept"] + sum(counts["rejected"].values())
    assert counts["consensus"] == 0
