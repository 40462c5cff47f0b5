"""Runs side by side, from made-up run directories and a real one."""

import io
import json

import pytest
from rich.console import Console

from star.cli import main
from star.errors import UserError
from star.recipe import canonical
from star.report.compare import ACCEPTED, RATIONALIZED, draw_comparison, load_runs, measures, print_comparison
from star.report.differences import print_differences

WORK = {"problems": 10, "solved": 4, "hinted": 6, "rationalized": 1}


def score(percent):
    return {"correct": percent, "total": 100, "accuracy": percent / 100, "low": 0.0, "high": 1.0}


def row(number, accuracy, mode="zero-shot", work=None, **groups):
    scores = {"all": score(accuracy), "groups": {name: score(value) for name, value in groups.items()}}
    return {"iteration": number, "accuracy": {mode: scores}, "seconds": {}} | ((work or {}) if number else {})


@pytest.fixture
def run(tmp_path):
    """Write a run directory with these metrics."""

    def write(name, *rows):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "recipe.yaml").write_text(f"name: {folder.name}\n")
        if rows:
            (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return folder

    return write


def shown(*folders, width=120, signals=False):
    """The table as lines of words."""
    output = io.StringIO()
    print_comparison(load_runs(folders), signals, Console(file=output, width=width))
    return [line.split() for line in output.getvalue().splitlines() if line.strip()]


def png(path):
    return path.read_bytes().startswith(b"\x89PNG")


def test_each_measure_has_a_line_for_each_run(run):
    star = run("star", row(0, 10, a=10, b=20), row(1, 40, work=WORK, a=41, b=42))
    plain = run("plain", row(0, 10, a=10, b=20), row(1, 30, work=WORK | {"rationalized": 0}, a=31, b=32))
    assert shown(star, plain)[2:] == [
        ["all"],
        ["star", "10.0", "40.0"],
        ["plain", "10.0", "30.0"],
        ["a"],
        ["star", "10.0", "41.0"],
        ["plain", "10.0", "31.0"],
        ["b"],
        ["star", "20.0", "42.0"],
        ["plain", "20.0", "32.0"],
        ACCEPTED.split(),
        ["star", "50.0"],
        ["plain", "40.0"],
        RATIONALIZED.split(),
        ["star", "20.0"],
        ["plain", "0.0"],
    ]


def test_runs_may_differ_in_iterations_groups_and_mode(run, tmp_path):
    long = run("long", *(row(i, 10 * i, work=WORK, a=5 * i) for i in range(4)))
    short = run("short", row(0, 7, mode="few-shot", b=9), row(1, 8, work=WORK))
    table = shown(long, short)
    assert ["short", "7.0", "8.0"] in table
    assert table.count(["short"]) == 1  # it has no group a
    assert [" ".join(words) for words in table[-2:]] == [
        "evaluated few-shot, then zero-shot: short",
        "evaluated zero-shot: long",
    ]
    draw_comparison(load_runs([long, short]), tmp_path / "out.png")
    assert png(tmp_path / "out.png")
    assert not list(tmp_path.glob("*.tmp.png"))


def test_baselines_have_no_shares(run, tmp_path):
    few_shot, direct = run("few-shot", row(0, 36)), run("direct", row(0, 20), row(1, 60))
    runs = load_runs([few_shot, direct])
    assert [baseline.is_baseline for baseline in runs] == [True, True]
    assert measures(runs) == ["all"]
    star = run("star", row(0, 36), row(1, 50, work=WORK), row(2, 70, work=WORK))
    assert shown(star, few_shot)[-2:] == [["star", "20.0", "20.0"], ["few-shot"]]  # blank
    for name, folders in (("a", [few_shot, direct]), ("b", [few_shot, direct, star]), ("c", [few_shot])):
        draw_comparison(load_runs(folders), tmp_path / f"{name}.png")
        assert png(tmp_path / f"{name}.png")


def test_an_iteration_that_accepted_nothing_has_no_rationalized_share(run):
    [only] = load_runs([run("x", row(0, 0), row(1, 0, work=WORK | {"solved": 0, "rationalized": 0}))])
    assert only.values(ACCEPTED) == {1: 0.0}
    assert only.values(RATIONALIZED) == {}


def test_iterations_that_do_not_fit_are_left_out_but_never_first_and_last_ones(run):
    long = run("long", *(row(i, 50, work=WORK) for i in range(47)))
    short = run("short", *(row(i, 50, work=WORK) for i in range(12)))
    for width in (60, 80, 120):
        table = shown(long, short, width=width)
        numbers = table[0][3:]
        assert numbers[0] == "base"
        assert {"11", "46"} <= set(numbers)
        assert max(map(len, map(" ".join, table))) <= width
        assert table[-1] == f"{len(numbers)} of 47 iterations are shown".split()


def test_runs_of_the_same_name_are_told_apart(run):
    first, second, third = run("seed-0/x", row(0, 1)), run("seed-1/x", row(0, 2)), run("seed-1/y", row(0, 3))
    assert [named.name for named in load_runs([first, second, third])] == ["seed-0/x", "seed-1/x", "y"]


def test_a_name_is_not_markup(run):
    assert ["[bold]x", "50.0"] in shown(run("[bold]x", row(0, 50)))


def test_what_is_no_finished_run_is_an_error_that_names_it(run, tmp_path):
    whole, fresh = run("whole", row(0, 1)), run("fresh")
    (tmp_path / "empty").mkdir()
    for folders, part in (
        ([tmp_path / "nowhere"], "nowhere: there is no such folder"),
        ([tmp_path / "empty"], "empty: this is no run directory, it has no recipe.yaml"),
        ([whole, fresh], "fresh: no iteration of this run is finished yet"),
        ([whole, tmp_path / "empty" / ".." / "whole"], "this run was given twice"),
    ):
        with pytest.raises(UserError, match=part):
            load_runs(folders)


@pytest.mark.parametrize("name", ["out.pdf", "nowhere/out.png"])
def test_a_picture_needs_a_png_in_a_folder(run, tmp_path, name):
    with pytest.raises(UserError, match=r"give a file that ends in .png, in a folder that exists"):
        draw_comparison(load_runs([run("x", row(0, 1))]), tmp_path / name)


WATCHED = {"distinct_2": 0.25, "reference_perplexity": 1234.4, "base_kl": 0.0123, "newly_solved": 7, "hint_leaks": None}


def test_signals_of_the_audit_are_shown_in_their_own_units_when_asked_for(run, tmp_path):
    star = run("star", row(0, 10), row(1, 40, work={**WORK, "audit": WATCHED}))
    old = run("old", row(0, 10), row(1, 30, work=WORK))
    assert " ".join(shown(star, old)[-1]) == "the signals of the audit are shown with --signals"
    assert shown(star, old, signals=True)[-12:] == [
        ["distinct", "word", "pairs,", "%"],
        ["star", "25.0"],
        ["old"],
        ["newly", "solved"],
        ["star", "7"],
        ["old"],
        ["perplexity", "of", "real", "text"],
        ["star", "1234"],
        ["old"],
        ["distance", "from", "the", "base"],
        ["star", "0.012"],
        ["old"],
    ]
    draw_comparison(load_runs([star, old]), tmp_path / "out.png", signals=True)
    assert png(tmp_path / "out.png")


def test_a_group_may_be_called_what_a_signal_is_called(run):
    star = run("star", row(0, 10), row(1, 40, work={**WORK, "audit": {"self_bleu": 0.5}}, **{"self-BLEU": 41}))
    assert [line for line in shown(star, signals=True) if line[0] in ("self-BLEU", "self-BLEU,")] == [
        ["self-BLEU"],
        ["self-BLEU,", "%"],
    ]


@pytest.mark.parametrize("value", [0.0, 0.001, 9.9996, 123.456, 9999.7, 12345.0, 1.5e5, 1e300])
def test_a_number_takes_no_more_columns_than_there_are_for_it(run, value):
    star = run("star", row(0, 10), row(1, 40, work={"audit": {"reference_perplexity": value}}))
    assert len(shown(star, signals=True)[-1][-1]) <= 6


def differing(*folders, width=120):
    output = io.StringIO()
    print_differences(folders, [folder.name for folder in folders], Console(file=output, width=width))
    return [line.split() for line in output.getvalue().splitlines() if line.strip()]


@pytest.fixture
def with_recipe(run, recipe_with):
    def write(name, *overrides):
        folder = run(name)
        (folder / "recipe.yaml").write_text(canonical(recipe_with(f"name={name}", *overrides)))
        return folder

    return write


def test_the_recipe_keys_in_which_runs_differ_are_listed_with_the_values_of_each(with_recipe):
    first, second = with_recipe("first"), with_recipe("second", "train.lr=1e-3", "prompt.chat=true")
    third = with_recipe("third", "train.lr=1e-2", "stop.patience=2")
    assert differing(first, second, third)[2:] == [
        ["prompt.chat", "False", "True", "False"],
        ["stop.patience", "None", "None", "2"],
        ["train.lr", "0.0001", "0.001", "0.01"],
    ]
    assert differing(first, with_recipe("same")) == [["no", "recipe", "key", "differs"]]
    assert differing(first) == []


def test_many_differences_are_cut_and_long_values_too(with_recipe):
    first = with_recipe("first")
    sums = with_recipe("sums", "task={kind: arithmetic}", "model={starter: {}}", f"decoding.stop=['{'[bold]' * 50}']")
    table = differing(first, sums)
    assert " ".join(table[-1]).endswith("recipe.yaml of each run has them")
    assert len(table) < 40
    assert any("'[bold][bold]" in word for line in table for word in line)


def test_a_recipe_that_cannot_be_read_is_named_and_the_others_are_compared(with_recipe, run):
    (damaged := run("damaged")).joinpath("recipe.yaml").write_text("name: [")
    lines = differing(with_recipe("first"), damaged, with_recipe("second", "seed=3"))
    assert " ".join(lines[0]).startswith("settings are not compared with those of damaged: recipe")
    assert lines[-1] == ["seed", "0", "3"]


def test_the_command_compares_a_real_run_with_a_baseline(tiny_run, run, tmp_path, capsys):
    baseline = run("few-shot", row(0, 12, mode="few-shot"))
    (baseline / "recipe.yaml").write_text((tiny_run / "recipe.yaml").read_text().replace("\nseed: 0", "\nseed: 7"))
    command = ["compare", str(tiny_run), str(baseline)]
    assert main([*command, "--signals", "--out", str(tmp_path / "out.png")]) == 0
    out = capsys.readouterr().out
    assert RATIONALIZED in out
    assert ["seed", "0", "7"] in [line.split() for line in out.splitlines()]
    assert png(tmp_path / "out.png")
    assert main([*command, str(tiny_run)]) == 2
    assert capsys.readouterr().err == f"error: {tiny_run}: this run was given twice; name each run once\n"
