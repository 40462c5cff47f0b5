"""The tables of the console and the page, from a run directory's files. `test_page.py` has the page itself."""

import json

from star.report import print_table, write_report
from star.report.table import group_names, table_rows
from star.report.times import activity_table, overhead, stage_table


def score(correct, total):
    return {"correct": correct, "total": total, "accuracy": correct / total, "low": 0.0, "high": 1.0}


def row(number, **groups):
    scores = {name: score(*value) for name, value in groups.items()}
    metrics = {
        "iteration": number,
        "accuracy": {"zero-shot": {"all": score(1, 2), "groups": scores}},
        "seconds": {"a": 90},
    }
    if number:
        metrics |= {"solved": 3, "problems": 9, "hinted": 6, "rationalized": 2, "examples": 5}
        metrics |= {"false_positives": {"plain": 1, "hinted": 2}, "checkable": {"plain": 2, "hinted": 2}}
    return metrics


def test_the_table_shows_accuracy_by_group_and_the_work_done():
    header, cells = table_rows([row(0, **{"10 steps": (1, 4), "2 steps": (1, 2)}), row(1, **{"2 steps": (2, 2)})])
    assert header[:4] == ["iteration", "all", "2 steps", "10 steps"]
    assert header[4:] == ["solved", "rationalized", "false positives", "examples", "minutes"]
    assert cells[0] == ["base", "50.0", "50.0", "25.0", "", "", "", "", "1.5"]
    assert cells[1] == ["1", "50.0", "100.0", "", "3/9", "2/6", "3/4", "5", "1.5"]


def test_an_iteration_that_sampled_nothing_has_examples_and_no_more_to_show():
    direct = {**row(0, all=(1, 4)), "iteration": 1, "examples": 90}
    assert table_rows([row(0, all=(1, 4)), direct])[1][1] == ["1", "50.0", "", "", "", "90", "1.5"]


def test_the_evaluation_mode_is_named_where_there_are_several():
    both = row(1, **{"2 steps": (1, 2)})
    both["accuracy"]["few-shot"] = both["accuracy"]["zero-shot"]
    header, cells = table_rows([row(0, **{"2 steps": (1, 2)}), both])
    assert header[:3] == ["iteration", "evaluated", "all"]
    assert [cell[:2] for cell in cells] == [["base", "zero-shot"], ["1", "few-shot"], ["1", "zero-shot"]]


def test_what_does_not_fit_the_console_is_left_to_the_report_the_work_before_the_groups(tmp_path, capsys):
    shown = {}
    for count in (3, 9, 30):
        metrics = row(0, **{f"{i} steps": (1, 4) for i in range(1, count + 1)})
        (tmp_path / "metrics.jsonl").write_text(json.dumps(metrics) + "\n")
        print_table(tmp_path)
        text = capsys.readouterr().out
        shown[count] = (f"{count} steps" in text, "rationalized" in text, "more columns are in the report" in text)
    assert shown == {3: (True, True, False), 9: (True, False, True), 30: (False, True, True)}


def test_groups_are_in_numeric_order_and_words_come_first():
    rows = [row(0, **{"10 steps": (1, 1), "9 steps": (1, 1), "algebra": (1, 1)})]
    assert group_names(rows) == ["algebra", "9 steps", "10 steps"]


SPENT = {"sampling": 60.0, "fine-tuning": 36.0, "loading": 1.0, "verifying": 1.0, "other": 2.0}


def test_seconds_of_activities_and_stages_are_shown_and_the_share_that_is_overhead(tmp_path):
    header, cells = activity_table([{"iteration": 0, "spent": SPENT}])
    assert dict(zip(header, cells[0], strict=True)) == {
        "iteration": "base", "sampling": "60.0", "fine-tuning": "36.0", "loading": "1.0", "verifying": "1.0",
        "auditing": "", "writing": "", "other": "2.0", "all": "100.0", "overhead, %": "4.0",
    }  # fmt: skip
    seconds = {"adapter": 3.0, "attempts": 1.0, "a stage of tomorrow": 2.0}
    assert stage_table([{"iteration": 2, "seconds": seconds}]) == (
        ["iteration", "attempts", "adapter", "a stage of tomorrow"],
        [["2", "1.0", "3.0", "2.0"]],
    )
    (tmp_path / "recipe.yaml").write_text("name: x\n")
    (tmp_path / "metrics.jsonl").write_text(json.dumps({**row(1, all=(1, 4)), "seconds": seconds, "spent": SPENT}))
    page = write_report(tmp_path, pictures=False).read_text()
    assert '<th scope="col">overhead, %</th>' in page
    assert "<td>4.0</td>" in page
    assert '<th scope="col">attempts</th><th scope="col">adapter</th>' in page


def test_an_iteration_from_before_activities_were_told_apart_has_its_stages_alone(tmp_path):
    assert activity_table([row(0, all=(1, 4))])[1] == []
    assert overhead({}) == 0


def test_a_run_without_a_finished_iteration_says_so(tmp_path, capsys):
    (tmp_path / "recipe.yaml").write_text("name: x\n")
    assert "No iteration is finished yet" in write_report(tmp_path).read_text()
    print_table(tmp_path)
    assert "no iteration is finished yet" in capsys.readouterr().out


def test_the_real_run_has_a_page_and_a_picture(tiny_run):
    assert '<th scope="row">base</th>' in (tiny_run / "report/index.html").read_text()
    assert (tiny_run / "report/accuracy.png").stat().st_size > 5000
