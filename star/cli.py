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
import traceback
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NoReturn

from star import __version__
from star.api import carry_out, prepare
from star.completion import SHELLS
from star.console import console, errors
from star.errors import UserError
from star.interrupt import handling_signals
from star.machine import machine_error
from star.recipe import Recipe, load_recipe
from star.secrets import redact


def main(argv: Sequence[str] | None = None, again: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code. `again` is the command that does the same, `star` by default."""
    argv = sys.argv[1:] if argv is None else argv
    sys.excepthook = _show_bug
    parser = _parser()
    arguments, more = parser.parse_known_args(argv)  # argparse loses overrides that follow an option
    if hasattr(arguments, "overrides") and not any(word.startswith("-") for word in more):
        arguments.overrides += more
    elif more:
        parser.error(f"unrecognized arguments: {' '.join(more)}")
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_DISABLE", "1")  # libraries' bars are carriage returns in a log
    try:
        with handling_signals():
            return arguments.command(arguments) or 0
    except UserError as error:
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


class _Parser(argparse.ArgumentParser):
    """One that does not repeat a token which was given as an argument."""

    def error(self, message: str) -> NoReturn:
        super().error(redact(message))


def _show_bug(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """The traceback of an error that is ours, for a report: without the user's tokens."""
    errors.print("".join(traceback.format_exception(kind, error, trace)), markup=False)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="star", description="Teach a language model to reason from its own successes (STaR).")
    parser.add_argument("--version", action="version", version=f"star {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_work(commands)
    _add_looks(commands)
    return parser


def _add_work(commands: Any) -> None:
    """The commands that make something."""
    run = commands.add_parser("run", help="run a recipe, or go on with its interrupted run")
    run.add_argument("recipe", help="path of a recipe (YAML)")
    run.add_argument("overrides", nargs="*", metavar="key=value", help="recipe keys to change, as train.lr=1e-4")
    run.add_argument("--name", help="name of the run (its directory is RUNS/NAME); the recipe's by default")
    run.add_argument("--limit", type=int, metavar="N", help="only the first N problems of each group of each split")
    run.add_argument("--runs", default="runs", type=Path, metavar="DIR", help="where runs are kept (default: runs)")
    run.add_argument("--fork", metavar="NEW", help="start a run of that name from an iteration of the recipe's run")
    run.add_argument("--from-iteration", type=int, metavar="N", help="which one, with --fork")
    run.add_argument("--dry-run", action="store_true", help="check everything, show prompts, and stop")
    run.set_defaults(command=_run)

    export = commands.add_parser(
        "export", help="take away training data, an adapter or a plain model, each with a card"
    )
    export.add_argument("run", type=Path, help="run directory")
    export.add_argument(
        "--dataset", type=Path, metavar="DIR", help="the training data, as datasets.load_dataset reads it"
    )
    export.add_argument(
        "--adapter", type=Path, metavar="DIR", help="the adapter, as PeftModel.from_pretrained reads it"
    )
    export.add_argument("--merge", type=Path, metavar="DIR", help="the adapter merged into the base model")
    export.add_argument(
        "--lm-eval", type=Path, metavar="DIR", help="a task with which lm-evaluation-harness scores the adapter"
    )
    export.add_argument("--iteration", type=int, metavar="N", help="which iteration (default: the last finished one)")
    export.set_defaults(command=_export)

    score = commands.add_parser("eval", help="score an iteration, or any model, on held-out problems")
    score.add_argument("run", nargs="?", help="run directory")
    score.add_argument("overrides", nargs="*", metavar="key=value", help="recipe keys to change, as for run")
    score.add_argument("--model", metavar="MODEL", help="another model: hub id, folder or .gguf file")
    score.add_argument("--iteration", metavar="N", help="a number, base or best (default: the last finished one)")
    score.add_argument(
        "--task",
        metavar="TASK",
        help="other problems: a recipe, a kind such as gsm8k or a JSONL file (the run's by default)",
    )
    score.add_argument("--problems", type=int, metavar="N", help="only N of them, the same ones each time")
    score.add_argument("--out", type=Path, metavar="DIR", help="where results are kept (default: RUN/evaluations)")
    score.add_argument("--lm-eval", type=Path, metavar="DIR", help="write them as lm-evaluation-harness does, too")
    score.add_argument("--json", action="store_true", help="print the results as JSON")
    score.set_defaults(command=_eval)

    init = commands.add_parser("init", help="ask three questions, and write a recipe for your own problems")
    init.add_argument("--data", metavar="FILE", help="the problems, one JSON object a line")
    init.add_argument("--model", metavar="MODEL", help="the base model: hub id, folder or .gguf file")
    init.add_argument("--verifier", metavar="NAME", help="how answers are compared: numeric, label, ...")
    init.add_argument("--yes", action="store_true", help="ask nothing that has a default")
    init.add_argument("--out", type=Path, metavar="FILE", help="the recipe (default: the name of the data, .yaml)")
    init.set_defaults(command=_init)


def _add_looks(commands: Any) -> None:
    """The commands that look at what was made."""
    verify = commands.add_parser("verify-run", help="check that all files of a run are what was written")
    verify.add_argument("run", type=Path, help="run directory")
    verify.set_defaults(command=_verify_run)

    report = commands.add_parser("report", help="print the table of a run, or of several, and write the report")
    report.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="run directory; several are overlaid")
    report.add_argument(
        "--out", type=Path, metavar="FILE", help="the page (default: RUN/report/index.html; star-report/ for several)"
    )
    report.set_defaults(command=_report)

    status = commands.add_parser("status", help="show what a run is doing, how far it is and how long it may take")
    status.add_argument("run", type=Path, help="run directory")
    status.add_argument("--watch", action="store_true", help="every few seconds, until the run ends")
    status.add_argument("--json", action="store_true", help="as a line of JSON")
    status.set_defaults(command=_status)

    compare = commands.add_parser("compare", help="put runs side by side: a table and, with --out, a picture")
    compare.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="run directory")
    compare.add_argument("--signals", action="store_true", help="the signals of the audit too")
    compare.add_argument("--out", type=Path, metavar="FILE.png", help="draw the curves into this file")
    compare.set_defaults(command=_compare)

    trace = commands.add_parser("trace", help="show where a training example, or any attempt, comes from")
    _add_example(trace)
    trace.add_argument("--json", action="store_true", help="as JSON")
    trace.set_defaults(command=_trace)

    replay = commands.add_parser("replay", help="sample an attempt again and compare: exit code 1 if it is different")
    _add_example(replay)
    replay.set_defaults(command=_replay)

    completion = commands.add_parser("completion", help="print what makes your shell complete this command")
    completion.add_argument("shell", choices=SHELLS, help='as in: eval "$(star completion bash)"')
    completion.set_defaults(command=_completion)


def _add_example(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="run directory")
    parser.add_argument("example", metavar="EXAMPLE_ID", help="as attempt_id in train.jsonl: base/plain/PROBLEM/0")


def _run(arguments: argparse.Namespace) -> None:
    recipe, begin = load_recipe(arguments.recipe, _overrides(arguments)), None
    if (arguments.fork is None) != (arguments.from_iteration is None):
        raise UserError("--fork NEW and --from-iteration N belong together: give both")
    _require_one_process()
    checked = prepare(recipe)
    if arguments.dry_run:
        _show(checked)
        return
    if arguments.fork is not None:
        from star.store import Store
        from star.store.fork import fork

        parent = Store.existing(arguments.runs / recipe.name)
        recipe = load_recipe(arguments.recipe, [*_overrides(arguments), f"name={json.dumps(arguments.fork)}"])
        begin = fork(parent, arguments.from_iteration, recipe, arguments.runs / recipe.name)
    result = carry_out(checked, arguments.runs / recipe.name, recipe, begin)
    _print_run(result.folder, result.report)


def _overrides(arguments: argparse.Namespace) -> list[str]:
    """The `key=value` arguments, and `--name` and `--limit`, which are recipe keys too."""
    more = [f"{key}={json.dumps(value)}" for key in ("name", "limit") if (value := getattr(arguments, key)) is not None]
    return [*arguments.overrides, *more]


def _require_one_process() -> None:
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world > 1:
        if int(os.environ.get("RANK", "0")) > 0:
            sys.exit(2)  # rank 0 says why
        raise UserError(
            f"launched with {world} processes, but a run is one process so far; "
            "use: accelerate launch --num_processes 1 scripts/run_star.py RECIPE"
        )


def _show(checked) -> None:
    recipe: Recipe = checked.recipe
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
    for line in export(arguments.run, arguments.iteration, **where):
        console.print(line, markup=False)


def _init(arguments: argparse.Namespace) -> None:
    from star.init import write_recipe

    path = write_recipe(arguments.data, arguments.model, arguments.verifier, arguments.out, arguments.yes)
    shown = shlex.quote(str(path))
    console.print(f"wrote {path}; look at it, then:", markup=False)
    console.print(f"  star run {shown} --dry-run\n  star run {shown}", markup=False)


def _completion(arguments: argparse.Namespace) -> None:
    from star.completion import completion

    print(completion(_parser(), arguments.shell))


def _eval(arguments: argparse.Namespace) -> None:
    from star.evaluation import choose_subject, print_evaluation, score, write_harness_results

    run, overrides = arguments.run, arguments.overrides
    if run is not None and "=" in run and not Path(run).exists():  # no run, only overrides
        run, overrides = None, [run, *overrides]
    if arguments.problems is not None:
        overrides = [*overrides, f"evaluation.problems={arguments.problems}"]
    with redirect_stdout(sys.stderr if arguments.json else sys.stdout):
        subject = choose_subject(
            None if run is None else Path(run), arguments.model, arguments.iteration, arguments.task, overrides
        )
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
