"""The page of made-up runs: what it says, what it is made of, and what it does with damage and harm."""

import base64
import hashlib
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from star.cli import main
from star.errors import UserError
from star.report import write_report
from star.report.charts import BLUE, Band, Chart, Series, amount, iteration_name, percent, percent_tick, short
from star.report.svg import inline_svg
from star.report.text import common_start, marked, visible
from tests.report.made_up import HOSTILE, make_run, rewrite

SECTIONS = (
    "Is it getting better?",
    "What was it trained on?",
    "Can I trust it?",
    "What does it look like?",
    "What did it cost?",
    "How was it made?",
)


class Reader(HTMLParser):
    """The text of each element of some names, and all attributes."""

    def __init__(self, page: str, *names: str):
        super().__init__()
        self.names, self.texts, self.attributes = names, [], []
        self._inside = 0
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.attributes += attrs
        if tag in self.names:
            self._inside += 1
            self.texts.append("")

    def handle_endtag(self, tag):
        self._inside -= tag in self.names

    def handle_data(self, data):
        if self._inside:
            self.texts[-1] += data


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The pages of a good run, of one that collapses, and of one full of harm, with their folders."""
    root = tmp_path_factory.mktemp("runs")
    runs = {
        "good": make_run(root / "good"),
        "collapsed": make_run(root / "collapsed", 5, collapse=True),
        "hostile": make_run(root / "hostile", 1, hostile=True),
    }
    pictures = {name: name == "hostile" for name in runs}
    return {name: (folder, write_report(folder, pictures=pictures[name]).read_text()) for name, folder in runs.items()}


def texts(page, *names):
    return [" ".join(text.split()) for text in Reader(page, *names).texts]


def test_the_page_answers_six_questions_in_order(pages):
    _, page = pages["good"]
    assert tuple(texts(page, "h2")) == SECTIONS
    assert "<title>good · STaR</title>\n<style>" in page
    lead = "Right answers to held-out problems: 20.0% by the base model, 90.0% after iteration 3 (95% interval"
    assert f"{lead} 84.7% to 93.6%; 180 answers)." in texts(page, "p")


def test_every_chart_has_its_numbers_in_a_table(pages):
    _, page = pages["good"]
    captions, cells = texts(page, "caption"), texts(page, "td")
    assert {"all held-out problems", "accuracy by group", "what became of plain attempts", "solved, by group"} <= set(
        captions
    )
    assert "56.1% (48.8% to 63.2%)" in cells
    marks = re.findall("<title>([^<]*)</title></(?:use|path)>", page)
    assert "zero-shot, iteration 1: 56.1% (95% interval 48.8% to 63.2%)" in marks
    assert "trained on, iteration 3: 320" in marks
    assert page.count("<svg") == len(
        re.findall('<svg class="chart [a-z ]+" viewBox="[^"]+" role="group" aria-label="[^"]+"', page)
    )


def test_the_verdict_says_what_to_do_and_what_was_not_measured(pages):
    _, good = pages["good"]
    assert "Nothing that was measured speaks against it (11 checks)." in texts(good, "h3")
    missing = next(text for text in texts(good, "li") if text.startswith("calibration error of the vote"))
    assert missing.endswith(": nothing was sampled more than once")
    _, bad = pages["collapsed"]
    assert any(text.startswith("Not as it stands: ") for text in texts(bad, "h3"))
    assert any("near-duplicates" in text and "selection.max_near_duplicates" in text for text in texts(bad, "li"))
    assert "selection.max_near_duplicates" in texts(bad, "code")


def test_rationales_are_readable_without_a_script_each_with_its_provenance(pages):
    folder, page = pages["good"]
    rows = [text for text in texts(page, "tr") if "where it comes from" in text]
    assert len(rows) == 3 * 7 * 2  # iterations, kinds, of each; what is of two kinds is there once
    assert not any(name == "hidden" for name, _ in Reader(page.partition("<tbody role")[2]).attributes[:200])
    row = next(text for text in rows if "false positive" in text)
    parts = (
        "iteration 3",
        "iteration-002/plain/add-3-false_positive-0/0",
        "seed 21",
        "train.jsonl:7",
        "correct",
    )
    assert [part for part in parts if part not in row] == []
    assert re.search("<mark title=.wrong step.>[0-9] [+] [0-9] = [0-9]+</mark>", page)
    assert f"star trace {folder.parent.name}/good iteration-002/plain/add-3-false_positive-0/0" in row
    assert page.count("Q: What is 19 + 19?") == 1  # the exemplars are there once
    assert not any("Q: What is 19 + 19?" in text for text in rows)
    assert any("not trained on: right, but nearly a duplicate" in text for text in rows)


def test_the_way_to_make_the_run_again_is_on_the_page(pages):
    folder, page = pages["good"]
    place = f"{folder.parent.name}/good"
    command = f"star run {place}/recipe.yaml --name good-again --runs {folder.parent.name}"
    assert command in texts(page, "code")
    assert f"star verify-run {place}" in texts(page, "code")
    cells = texts(page, "td")
    assert {"HuggingFaceTB/SmolLM2-135M", "2.13.0+cpu"} <= set(cells)
    assert any("method: star" in text for text in texts(page, "pre"))


def test_a_fork_is_made_again_from_its_parent(tmp_path):
    folder = make_run(tmp_path / "runs/child", 0)
    (folder / "run.json").write_text('{"parent": {"run": "/x/runs/mother", "iteration": 2}}')
    page = write_report(folder, pictures=False).read_text()
    command = "star run runs/child/recipe.yaml --name mother --fork child-again --from-iteration 2"
    assert command in texts(page, "code")


def test_only_our_script_and_style_may_do_anything_and_nothing_may_be_fetched(pages):
    _, page = pages["hostile"]
    policy = re.search('http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1]
    assert policy.startswith("default-src 'none'; ")
    for name in ("script", "style"):
        [text] = re.findall(f"<{name}>(.*?)</{name}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    names = {name for name, _ in Reader(page).attributes}
    assert names & {"src", "srcset", "style", "action", "onerror", "onclick", "xlink:href"} == set()


def test_hostile_text_is_text(pages):
    _, page = pages["hostile"]
    shown = [" ".join(visible(text).split()) for text in HOSTILE]
    everything = " ".join(texts(page, "td", "b", "pre"))
    assert [text for text in shown if text not in everything] == []
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", page)


def test_the_same_files_give_the_same_bytes(pages, tmp_path):
    folder, page = pages["hostile"]
    again = make_run(tmp_path / folder.parent.name / "hostile", 1, hostile=True)
    assert write_report(again).read_text() == page
    for picture in (folder / "report").glob("*.png"):
        assert (again / "report" / picture.name).read_bytes() == picture.read_bytes()


def test_pictures_are_beside_the_page_and_may_be_left_out(pages):
    names = ["accuracy.png", "cost.png", "coverage.png", "index.html", "signals.png", "training-data.png"]
    assert sorted(path.name for path in (pages["hostile"][0] / "report").iterdir()) == names
    assert (pages["hostile"][0] / "report/accuracy.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in (pages["good"][0] / "report").iterdir()] == ["index.html"]


def test_twenty_iterations_of_endless_texts_fit_into_five_megabytes(tmp_path):
    folder = make_run(tmp_path / "long", 20, each=8, text_length=3000)
    rewrite(
        folder / "iterations/019/specimens.jsonl",
        lambda row: row["attempt"]["completion"].update(text="'" * 9999) or row,
    )
    rewrite(
        folder / "iterations/020/specimens.jsonl",
        lambda row: row["attempt"]["completion"].update(text="z" * 100_000) or row,
    )
    page = write_report(folder, pictures=False)
    assert page.stat().st_size < 5e6
    text = page.read_text()
    assert "[98,000 more characters are not shown]" in text
    assert "The page has no room for all of them" in text
    iterations = set(re.findall('data-iteration="([0-9]+)"', text))
    assert len(iterations) == 20  # fewer of each, but of all


def test_an_old_run_has_a_page(tmp_path):
    folder = make_run(tmp_path / "old", 2)
    for path in [*folder.glob("iterations/*/*"), folder / "run.json"]:
        path.unlink()
    new = ("audit", "funnel", "joules", "spent")
    rewrite(folder / "metrics.jsonl", lambda row: {key: value for key, value in row.items() if key not in new})
    page = write_report(folder, pictures=False).read_text()
    assert tuple(texts(page, "h2")) == SECTIONS
    assert any("this run was made without an audit" in text for text in texts(page, "li"))
    assert any("kept no count" in text for text in texts(page, "p"))
    assert any("No iteration kept attempts to look at" in text for text in texts(page, "p"))


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("iterations/001/audit.json", "{", "audit.json: damaged"),
        ("iterations/001/audit.json", '{"missing": 5}', "audit.json: damaged: missing: "),
        ("iterations/001/specimens.jsonl", '{"kind": "accepted"}', "specimens.jsonl:1: damaged line: attempt: "),
        ("iterations/001/specimens.jsonl", "\udcff", "specimens.jsonl:1: damaged line"),
        ("iterations/001/MANIFEST.json", "[]", "MANIFEST.json: damaged"),
        ("run.json", '{"versions": []}', "run.json: damaged: versions: "),
        (
            "metrics.jsonl",
            '{"iteration": 0, "accuracy": {}, "seconds": {}}',
            "metrics.jsonl:1: damaged line: accuracy: ",
        ),
    ],
)
def test_a_damaged_file_is_named(tmp_path, file, text, message):
    folder = make_run(tmp_path / "x", 1, each=1)
    (folder / file).write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(UserError, match=re.escape(message)):
        write_report(folder)


def test_several_runs_are_on_one_page(pages, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out = write_report(pages["good"][0], pages["collapsed"][0], pictures=False)
    assert out == Path("star-report/index.html")
    page = out.read_text()
    marks = re.findall("<title>([^<]*)</title></use>", page)
    assert any(mark.startswith("good, iteration 3: 90.0%") for mark in marks)
    assert any(mark.startswith("collapsed, iteration 3: ") for mark in marks)
    assert {text.partition(":")[0] for text in texts(page, "h3")} >= {"good", "collapsed"}
    ids = [value for name, value in Reader(page).attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_the_command_writes_where_it_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    runs = [str(make_run(tmp_path / "runs" / name, 0)) for name in ("a", "b")]
    assert main(["report", *runs, "--out", "both.html"]) == 0
    assert "report: both.html" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.glob("both*")) == ["both-accuracy.png", "both-cost.png", "both.html"]
    assert main(["report", *runs, "--out", "nowhere/both.html"]) == 2
    assert "give a file that ends in .html, in a folder that exists" in capsys.readouterr().err
    assert main(["report", runs[0], runs[0]]) == 2
    assert "this run was given twice" in capsys.readouterr().err


def test_a_report_does_not_wait_for_torch(tmp_path):
    folder = make_run(tmp_path / "x", 0)
    script = (
        f"import sys; from star.cli import main; main(['report', {str(folder)!r}]); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


def test_a_chart_says_its_values_and_has_the_colours_of_the_theme():
    values, bands = {0: 0.2, 1: 0.4}, {0: Band(0.1, 0.3), 1: Band(0.3, 0.5)}
    series = Series("<b>", BLUE, values, bands, marker="o")
    chart = Chart("key", 'a "title"', [series], percent, percent_tick, iteration_name)
    svg = inline_svg(chart)
    assert svg.count('class="mark"') == 2
    assert "<title>&lt;b&gt;, iteration 1: 40.0% (95% interval 30.0% to 50.0%)</title>" in svg
    assert 'aria-label="Line chart: a &quot;title&quot;"' in svg
    assert "var(--blue)" in svg
    assert not re.search("#[0-9a-f]{6}|style=|<style|xmlns|clip-path", svg)
    assert svg == inline_svg(chart)


def test_numbers_are_short_beside_axes():
    assert [short(value) for value in (0, 0.25, 999, 12_000, 1_500_000)] == ["0", "0.25", "999", "12k", "1.5M"]
    assert [amount(value) for value in (3.0, 3.25, 12_345.6)] == ["3", "3.2", "12,346"]


def test_wrong_steps_are_found_in_the_text_and_prompts_share_whole_lines():
    assert marked("1 + 1 = 3, 3 + 1 = 4", ["1 + 1 = 3", "nowhere", ""]) == [("1 + 1 = 3", True), (", 3 + 1 = 4", False)]
    assert common_start(["a\nb\nQ: x", "a\nb\nQ: y"]) == "a\nb\n"
    assert common_start(["ab", "ac"]) == common_start([]) == ""
