"""New problems: what the model writes itself, tied to something real before it is trained on.

`base.py` says what a way to write is, and there is one file for each (`self_instruct.py`,
`textbook.py`, `reshape.py`). All else they share:
`stage.py` runs the stages of an iteration, `written.py` reads what was written, `novelty.py` finds what is too much
like other problems, `votes.py` asks for answers that nobody knows, `pool.py` keeps what stands, `summary.py` counts.
"""

from __future__ import annotations

from star.prompts import PromptBuilder
from star.recipe import NoSynthesis, Recipe
from star.synthesize.base import Writer
from star.synthesize.reshape import Reshape
from star.synthesize.self_instruct import SelfInstruct
from star.synthesize.textbook import Textbook
from star.tasks import Task

WRITERS: dict[str, type[Writer]] = {"self_instruct": SelfInstruct, "textbook": Textbook, "reshape": Reshape}

__all__ = ["WRITERS", "Writer", "build_writer"]


def build_writer(recipe: Recipe, task: Task, prompts: PromptBuilder, context: int | None) -> Writer | None:
    """The way to write problems that a recipe names; `None` if it names none.

    Args:
        context: tokens that the model can read; `None` for no limit.
    """
    settings = recipe.synthesize
    if isinstance(settings, NoSynthesis):
        return None
    return WRITERS[settings.kind](settings, task, prompts, context)
