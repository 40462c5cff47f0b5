"""The `star` command: arguments in, exit code out. Wiring only.

Exit codes: 0 done; 1 `verify-run` found something, `replay` gave another text, or `status --watch` saw a run end before
its time; 2 something for the user to mend (one message, no traceback); 130 ended by Ctrl-C, 143 by SIGTERM.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from star.api import carry_out, prepare
from star.arguments import make_parser
from star.console import console, errors
from star.errors import UserError
from star.interrupt import handling_signals
from star.machine import machine_error
from star.processes import find_place, missing_processes
from star.recipe import Recipe, load_recipe

if TYPE_CHECKING:
    from star.preflight import Checked

LAST_WORD = 15.0
"""Seconds before another process than the first one says what is wrong: most often the first one finds the same, says
it once for all, and its end is everyone's."""
WITHOUT_TRAINING = (
    "method=curate",
    "iterations=1",
    "verifier=null",
    "evaluation.best_of=null",
    "curriculum={kind: uniform}",
)
"""What `star curate` puts in the place of what a recipe says of training, and of models that were trained."""


def main(argv: Sequence[str] | None = None, again: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code. `again` is the command that does the same, `star` by default."""
    argv = sys.argv[1:] if argv is None else argv
    sys.excepthook = _show_bug
    parser = make_parser()
    arguments, more = parser.parse_known_args(argv)  # argparse loses overrides that follow an option
    if hasattr(arguments, "overrides") and not any(word.startswith("-") for word in more):
        arguments.overrides += more
    elif more:
        parser.error(f"unrecognized arguments: {' '.join(more)}")
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_DISABLE", "1")  # libraries' bars are carriage returns in a log
    try:
        with handling_signals():
            return COMMANDS[arguments.command](arguments) or 0
    except UserError as error:
        if os.environ.get("RANK", "0") != "0":
            time.sleep(LAST_WORD)
        errors.print(f"error: {error}", markup=False)
        return 2
    except Exception as error:
        if (what := machine_error(error)) is None:
            raise  # a bug of ours keeps its traceback
        errors.print(f"error: {what}, and the same command goes on from here", markup=False)
        return 2
    except KeyboardInterrupt as error:
        errors.print(f"interrupted; resume with: {shlex.join(again or ['star', *argv])}", markup=False)
        return getattr(error, "exit_code", 130)


def _show_bug(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """The traceback of an error that is ours, for a report: without the user's tokens."""
    errors.print("".join(traceback.format_exception(kind, error, trace)), markup=False)


def _run(arguments: argparse.Namespace) -> None:
    recipe, begin = load_recipe(arguments.recipe, _overrides(arguments)), None
    if (arguments.fork is None) != (arguments.from_iteration is None):
        raise UserError("--fork NEW and --from-iteration N belong together: give both")
    if (checked := _check(recipe, arguments.dry_run)) is None:
        return
    if arguments.fork is not None:
        from star.store import Store
        from star.store.fork import fork

        parent = Store.existing(arguments.runs / recipe.name)
        recipe = load_recipe(arguments.recipe, [*_overrides(arguments), f"name={json.dumps(arguments.fork)}"])
        begin = fork(parent, arguments.from_iteration, recipe, arguments.runs / recipe.name)
    result = carry_out(checked, arguments.runs / recipe.name, recipe, begin)
    _print_run(result.folder, result.report)


def _check(recipe: Recipe, dry_run: bool) -> Checked | None:
    """What is to be carried out; `None` if that was all: in a dry run, or where another process leads."""
    place = find_place()
    if place.rank > 0:
        if not dry_run:  # which the first process does alone
            from star.follower import help_with

            help_with(recipe, place)
        return None
    if notice := missing_processes(place):
        console.print(f"note: {notice}", markup=False)
    checked = prepare(recipe)
    if dry_run:
        _show(checked)
        return None
    return checked


def _curate(arguments: argparse.Namespace) -> None:
    recipe = load_recipe(arguments.recipe, [*_overrides(arguments), *WITHOUT_TRAINING])
    if arguments.out is not None:  # here, and not after hours of sampling
        from star.export import require_free

        require_free("--out", arguments.out)
    if (checked := _check(recipe, arguments.dry_run)) is None:
        return
    from star.curate import publishable

    result = carry_out(checked, arguments.runs / recipe.name)
    _print_run(result.folder, result.report)
    for line in publishable(result.folder, arguments.out, arguments.format):
        console.print(line, markup=False)


def _overrides(arguments: argparse.Namespace) -> list[str]:
    """The `key=value` arguments, and `--name` and `--limit`, which are recipe keys too."""
    more = [f"{key}={json.dumps(value)}" for key in ("name", "limit") if (value := getattr(arguments, key)) is not None]
    return [*arguments.overrides, *more]


def _show(checked: Checked) -> None:
    recipe = checked.recipe
    console.print(
        f"{recipe.name}: {len(checked.train)} training and {len(checked.held_out)} held-out problems; longest prompt "
        f"{checked.longest} tokens, context {checked.context or 'unlimited'}",
        markup=False,
    )
    for title, text in checked.examples():
        console.rule(title, align="left")
        console.print(text, markup=False)
    console.rule()
    console.print("everything checks out; nothing was run (--dry-run)", markup=False)


def _export(arguments: argparse.Namespace) -> None:
    from star.export import export

    where = {name: getattr(arguments, name) for name in ("dataset", "adapter", "merge", "lm_eval")}
    for line in export(arguments.run, arguments.iteration, **where, format=arguments.format):
        console.print(line, markup=False)


def _push(arguments: argparse.Namespace) -> None:
    from star.export.push import push

    options = {name: value for name, value in vars(arguments).items() if name != "command"}
    for line in push(**options):
        console.print(line, markup=False)


def _init(arguments: argparse.Namespace) -> None:
    from star.init import write_recipe

    path = write_recipe(arguments.data, arguments.model, arguments.verifier, arguments.out, arguments.yes)
    shown = shlex.quote(str(path))
    console.print(f"wrote {path}; look at it, then:", markup=False)
    console.print(f"  star run {shown} --dry-run\n  star run {shown}", markup=False)


def _completion(arguments: argparse.Namespace) -> None:
    from star.completion import completion

    print(completion(make_parser(), arguments.shell))


def _eval(arguments: argparse.Namespace) -> None:
    from star.evaluation import choose_subject, print_evaluation, score, write_harness_results

    run, overrides = arguments.run, arguments.overrides
    if run is not None and "=" in run and not Path(run).exists():  # no run, only overrides
        run, overrides = None, [run, *overrides]
    if arguments.problems is not None:
        overrides = [*overrides, f"evaluation.problems={arguments.problems}"]
    with redirect_stdout(sys.stderr if arguments.json else sys.stdout):
        path, best_of = None if run is None else Path(run), arguments.best_of
        subject = choose_subject(path, arguments.model, arguments.iteration, arguments.task, overrides, best_of)
        evaluation = score(subject, arguments.out)
        if arguments.lm_eval:
            page = write_harness_results(evaluation, arguments.lm_eval)
            console.print(f"in lm-evaluation-harness's format: {page}", markup=False)
    if arguments.json:
        console.print(json.dumps(evaluation.results), markup=False, emoji=False)
    else:
        print_evaluation(evaluation)


def _report(arguments: argparse.Namespace) -> None:
    from star.report import write_report
    from star.report.compare import load_runs, print_comparison
    from star.store import Store

    folders = [Store.existing(run).folder for run in arguments.runs]
    page = write_report(*folders, out=arguments.out)
    if len(folders) == 1:
        _print_run(folders[0], page)
    else:
        print_comparison(load_runs(folders))
        console.print(f"report: {page}", markup=False)


def _print_run(folder: Path, page: Path) -> None:
    from star.report import print_table, print_verdict

    print_table(folder)
    print_verdict(folder)
    console.print(f"report: {page}", markup=False)


def _verify_run(arguments: argparse.Namespace) -> int:
    from star.store.integrity import print_parts, verify_run

    parts = verify_run(arguments.run)
    print_parts(parts)
    return int(any(part.problems for part in parts))


def _status(arguments: argparse.Namespace) -> int:
    from star.report.live import show_status, watch_status
    from star.report.status import OVER

    if not arguments.watch:
        show_status(arguments.run, arguments.json)
        return 0
    try:
        return int(watch_status(arguments.run, arguments.json).state not in OVER)
    except KeyboardInterrupt as error:  # there is nothing to resume
        return getattr(error, "exit_code", 130)


def _compare(arguments: argparse.Namespace) -> None:
    from star.report.compare import draw_comparison, load_runs, print_comparison
    from star.report.differences import print_differences

    runs = load_runs(arguments.runs)
    print_comparison(runs, arguments.signals)
    print_differences(arguments.runs, [run.name for run in runs])
    if arguments.out:
        draw_comparison(runs, arguments.out, arguments.signals)
        console.print(f"picture: {arguments.out}", markup=False)


def _trace(arguments: argparse.Namespace) -> None:
    from star.audit.trace import trace
    from star.report.trace import print_json, print_trace

    (print_json if arguments.json else print_trace)(trace(arguments.run, arguments.example))


def _replay(arguments: argparse.Namespace) -> int:
    from star.replay import print_replay, replay

    again = replay(arguments.run, arguments.example)
    print_replay(again)
    return int(bool(again.differences))


COMMANDS = {
    "run": _run,
    "curate": _curate,
    "export": _export,
    "push": _push,
    "eval": _eval,
    "init": _init,
    "verify_run": _verify_run,
    "report": _report,
    "status": _status,
    "compare": _compare,
    "trace": _trace,
    "replay": _replay,
    "completion": _completion,
}
"""What `star` does, by the name that `arguments.py` gives it."""
