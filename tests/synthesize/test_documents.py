"""Documents as passages."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.errors import UserError
from star.synthesize.documents import FEWEST, LONGEST_LINE, passages

TEN = "one two three four five six seven eight nine ten."


def cut(path, content, most_words=40, key="text"):
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    return list(passages(path, most_words, key))


def test_a_text_becomes_passages_that_end_with_sentences_and_say_where_they_stand(tmp_path):
    text = f"{TEN} {TEN}\n{TEN}\n\n{TEN}\nA last one is too short.\n"
    found = cut(tmp_path / "a.txt", text, most_words=30)
    assert [(one.text, one.first, one.last) for one in found] == [
        (f"{TEN} {TEN}\n{TEN}", 1, 2),
        (f"{TEN}\nA last one is too short.", 4, 5),
    ]
    assert found[0].place == f"{tmp_path}/a.txt:1-2"


def test_headings_of_markdown_are_titles_and_code_has_none(tmp_path):
    text = f"# Farm\n{TEN}\n## Pigs ##\n{TEN}\n```\n# not a heading\n```\n# Town\n{TEN}\n"
    found = cut(tmp_path / "a.md", text)
    assert [(one.title, one.first, one.last) for one in found] == [
        ("Farm", 2, 2),
        ("Farm > Pigs", 4, 7),
        ("Town", 9, 9),
    ]
    assert "# not a heading" in found[1].text
    assert "# Farm" in cut(tmp_path / "a.txt", text)[0].text


def test_a_row_of_jsonl_is_a_document_of_its_own(tmp_path):
    rows = [{"body": f"{TEN}\n{TEN}", "title": "First"}, {"body": TEN}, {"body": "short"}]
    found = cut(tmp_path / "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows), key="body")
    assert [(one.title, one.place.rpartition(":")[2]) for one in found] == [("First", "1"), ("", "2")]


def test_a_sentence_that_is_too_long_is_cut_between_words(tmp_path):
    found = cut(tmp_path / "a.txt", "word " * 95, most_words=20)
    assert [len(one.text.split()) for one in found] == [20, 20, 20, 20, 15]


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")), st.integers(FEWEST, 30))
def test_passages_of_any_text_are_bounded_and_can_be_seen(tmp_path_factory, text, most_words):
    path = tmp_path_factory.mktemp("documents") / "a.md"
    for one in cut(path, f"{TEN}\n{text}\n", most_words):
        assert FEWEST <= len(one.text.split()) <= most_words
        assert one.text.replace("\n", "").isprintable()
        assert 1 <= one.first <= one.last


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", "no passage of 10 words"),
        ("a.md", b"# Only a title\n", "no passage of 10 words"),
        ("a.txt", b"fine\nnot \xff\xfe fine\n", "a.txt:2: not UTF-8 text"),
        ("a.txt", "a text".encode("utf-16"), "a.txt:1: not UTF-8 text"),
        ("a.txt", b"\x7fELF\x00\x00\n", "a.txt:1: it has a NUL character"),
        ("a.txt", b"x" * (LONGEST_LINE + 1), "a.txt:1: the line is longer than 1 MiB"),
        ("a.jsonl", b'{"text": "x"\n', "a.jsonl:1: not valid JSON"),
        ("a.jsonl", b'{"body": "x"}\n', "a.jsonl:1: no text under 'text'; its fields are ['body']"),
        ("a.pdf", b"%PDF", "a document is a file that ends in .txt, .md, .jsonl"),
    ],
)
def test_what_is_no_document_is_an_error_with_file_and_line(tmp_path, name, content, message):
    with pytest.raises(UserError) as error:
        cut(tmp_path / name, content)
    assert message in str(error.value)
    assert str(tmp_path / name) in str(error.value)


def test_a_document_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(UserError, match="there is no such file"):
        list(passages(tmp_path / "b.txt", 40, "text"))
    (tmp_path / "c.txt").mkdir()
    with pytest.raises(UserError, match="this is a folder"):
        list(passages(tmp_path / "c.txt", 40, "text"))
