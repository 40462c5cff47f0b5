"""What the `star` command takes: its commands and their arguments. `cli.py` carries them out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NoReturn

from star import __version__
from star.completion import SHELLS
from star.secrets import redact


class _Parser(argparse.ArgumentParser):
    """One that does not repeat a token which was given as an argument."""

    def error(self, message: str) -> NoReturn:
        super().error(redact(message))


def make_parser() -> argparse.ArgumentParser:
    """The parser of `star`; what it parses has the name of the command's function in `cli.py` as `command`."""
    parser = _Parser(prog="star", description="Teach a language model to reason from its own successes (STaR).")
    parser.add_argument("--version", action="version", version=f"star {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_work(commands)
    _add_results(commands)
    _add_looks(commands)
    return parser


def _add_work(commands: Any) -> None:
    """The commands that begin with a recipe, or make one."""
    run = commands.add_parser("run", help="run a recipe, or go on with its interrupted run")
    _add_recipe(run)
    run.add_argument("--fork", metavar="NEW", help="start a run of that name from an iteration of the recipe's run")
    run.add_argument("--from-iteration", type=int, metavar="N", help="which one, with --fork")
    run.set_defaults(command="run")

    curate = commands.add_parser("curate", help="make a data set by a recipe: sample, verify and select, train nothing")
    _add_recipe(curate)
    curate.add_argument("--out", type=Path, metavar="DIR", help="the data set (default: RUNS/NAME/dataset)")
    _add_format(curate)
    curate.set_defaults(command="curate")

    init = commands.add_parser("init", help="ask three questions, and write a recipe for your own problems")
    init.add_argument("--data", metavar="FILE", help="the problems, one JSON object a line")
    init.add_argument("--model", metavar="MODEL", help="the base model: hub id, folder or .gguf file")
    init.add_argument("--verifier", metavar="NAME", help="how answers are compared: numeric, label, ...")
    init.add_argument("--yes", action="store_true", help="ask nothing that has a default")
    init.add_argument("--out", type=Path, metavar="FILE", help="the recipe (default: the name of the data, .yaml)")
    init.set_defaults(command="init")


def _add_results(commands: Any) -> None:
    """The commands that make something of a run."""
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
    _add_format(export)
    export.set_defaults(command="export")

    push = commands.add_parser("push", help="upload an adapter and its training data to the hub, each with its card")
    push.add_argument("run", type=Path, help="run directory")
    push.add_argument("--repo", required=True, metavar="OWNER/NAME", help="the model that it becomes")
    data = push.add_mutually_exclusive_group()
    data.add_argument("--dataset-repo", metavar="OWNER/NAME", help="the data set (default: of the same name)")
    data.add_argument("--no-dataset", dest="with_dataset", action="store_false", help="only the adapter and its card")
    push.add_argument("--iteration", dest="number", type=int, metavar="N", help="which one (default: the last)")
    push.add_argument("--public", action="store_true", help="for everyone to see (default: private)")
    push.add_argument("--dry-run", action="store_true", help="say what would be uploaded, and stop")
    _add_format(push)
    push.set_defaults(command="push")

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
    score.add_argument(
        "--best-of", type=int, metavar="K", help="let the run's learned verifier pick one of K samples of each, too"
    )
    score.add_argument("--out", type=Path, metavar="DIR", help="where results are kept (default: RUN/evaluations)")
    score.add_argument("--lm-eval", type=Path, metavar="DIR", help="write them as lm-evaluation-harness does, too")
    score.add_argument("--json", action="store_true", help="print the results as JSON")
    score.set_defaults(command="eval")


def _add_recipe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="path of a recipe (YAML)")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="recipe keys to change, as train.lr=1e-4")
    parser.add_argument("--name", help="name of the run (its directory is RUNS/NAME); the recipe's by default")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N problems of each group of each split")
    parser.add_argument("--runs", default="runs", type=Path, metavar="DIR", help="where runs are kept (default: runs)")
    parser.add_argument("--dry-run", action="store_true", help="check everything, show prompts, and stop")


def _add_format(parser: argparse.ArgumentParser) -> None:
    formats = ("trl", "trl-chat", "axolotl", "axolotl-chat")
    parser.add_argument(
        "--format", choices=formats, help="the data set as these trainers read it (default: all columns)"
    )


def _add_looks(commands: Any) -> None:
    """The commands that look at what was made."""
    verify = commands.add_parser("verify-run", help="check that all files of a run are what was written")
    verify.add_argument("run", type=Path, help="run directory")
    verify.set_defaults(command="verify_run")

    report = commands.add_parser("report", help="print the table of a run, or of several, and write the report")
    report.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="run directory; several are overlaid")
    report.add_argument(
        "--out", type=Path, metavar="FILE", help="the page (default: RUN/report/index.html; star-report/ for several)"
    )
    report.set_defaults(command="report")

    status = commands.add_parser("status", help="show what a run is doing, how far it is and how long it may take")
    status.add_argument("run", type=Path, help="run directory")
    status.add_argument("--watch", action="store_true", help="every few seconds, until the run ends")
    status.add_argument("--json", action="store_true", help="as a line of JSON")
    status.set_defaults(command="status")

    compare = commands.add_parser("compare", help="put runs side by side: a table and, with --out, a picture")
    compare.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="run directory")
    compare.add_argument("--signals", action="store_true", help="the signals of the audit too")
    compare.add_argument("--out", type=Path, metavar="FILE.png", help="draw the curves into this file")
    compare.set_defaults(command="compare")

    trace = commands.add_parser("trace", help="show where a training example, or any attempt, comes from")
    _add_example(trace)
    trace.add_argument("--json", action="store_true", help="as JSON")
    trace.set_defaults(command="trace")

    replay = commands.add_parser("replay", help="sample an attempt again and compare: exit code 1 if it is different")
    _add_example(replay)
    replay.set_defaults(command="replay")

    completion = commands.add_parser("completion", help="print what makes your shell complete this command")
    completion.add_argument("shell", choices=SHELLS, help='as in: eval "$(star completion bash)"')
    completion.set_defaults(command="completion")


def _add_example(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="run directory")
    parser.add_argument("example", metavar="EXAMPLE_ID", help="as attempt_id in train.jsonl: base/plain/PROBLEM/0")
