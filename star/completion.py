"""What a shell needs to complete `star`: made from the parser by shtab (https://github.com/tqdm/shtab)."""

from __future__ import annotations

import argparse

from star.errors import UserError

SHELLS = ("bash", "zsh", "fish")
FILES = ("recipe", "run", "runs", "data", "model", "out", "task", "dataset", "adapter", "merge", "lm_eval")
"""Arguments that are files or folders, or may be."""


def completion(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script that completes a command in a shell.

    Raises:
        UserError: shtab is not installed.
    """
    try:
        import shtab
    except ModuleNotFoundError:
        raise UserError("star completion: install the package: pip install 'star-trainer[completion]'") from None
    for command in _commands(parser):
        for action in command._actions:
            if action.dest in FILES and action.nargs != 0:
                action.complete = shtab.FILE
    return shtab.complete(parser, shell)


def _commands(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    subparsers = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return [command for action in subparsers for command in action.choices.values()]
