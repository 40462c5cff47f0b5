"""Worked examples that go before a question: a text file of blocks, parsed and checked against the task.

    question: What is 12 + 34?
    answer: 46
    rationale:
    12 + 34 = 46.
    #### 46
    ---
    question: ...

`rationale:` is followed by what the model should write, word for word, up to the next `---` line. A multiple-choice
question has a line `choices: bank | library | mall` before its answer. Lines at the top that begin with `#` are
comments.
"""

from __future__ import annotations

import re
from pathlib import Path

from star.errors import UserError
from star.records import Problem
from star.tasks.base import Task

BUILT_IN = Path(__file__).parent / "exemplars"
_BLOCK = re.compile(
    r"question:(?P<question>.*?)\n(?:choices:(?P<choices>[^\n]*)\n)?answer:(?P<answer>[^\n]*)\nrationale:\n(?P<rationale>.+)",
    re.DOTALL,
)
_HEADER = re.compile(r"\A(?:[ \t]*(?:#[^\n]*)?\n)+")


def load_exemplars(name: str, task: Task, shots: int | None = None) -> list[tuple[Problem, str]]:
    """The first `shots` exemplars of a file (all when `None`), each as problem and rationale.

    Args:
        name: path of a text file, or the name of one in `star/tasks/exemplars/`.

    Raises:
        UserError: no such file, a malformed block, a rationale whose final answer is not its `answer`, or too few.
    """
    built_in = {file.stem: file for file in sorted(BUILT_IN.glob("*.txt"))}
    path = built_in.get(name, Path(name))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else f"cannot be read ({error})"
        raise UserError(
            f"prompt.exemplars = {name!r}: {reason}; "
            f"give a text file, or one of those that come with the project: {', '.join(built_in)}"
        ) from None
    exemplars = []
    blocks = re.split(r"^---[ \t]*$", _HEADER.sub("", text), flags=re.MULTILINE)
    for number, block in enumerate(filter(str.strip, blocks), 1):
        match = _BLOCK.fullmatch(block.strip("\n"))
        if not match:
            raise UserError(
                f"{path}: exemplar {number} is not `question:`, `answer:`, `rationale:`; it is {block[:80]!r}"
            )
        choices = tuple(choice.strip() for choice in (match["choices"] or "").split("|") if choice.strip())
        question, answer = match["question"].strip(), match["answer"].strip()
        problem = Problem(f"exemplar-{number}", task.name, question, answer, choices)
        if complaint := task.verifier.check_gold(problem):
            raise UserError(f"{path}: exemplar {number}: {complaint}")
        verdict = task.judge(problem, match["rationale"])
        if not verdict.accepted:
            raise UserError(
                f"{path}: exemplar {number}: its rationale should end in the answer {problem.answer!r}, but the task "
                f"reads {verdict.answer!r} from it ({verdict.status}{': ' * bool(verdict.detail)}{verdict.detail})"
            )
        exemplars.append((problem, match["rationale"].rstrip()))
    if not exemplars:
        raise UserError(f"{path}: the file has no exemplars")
    if shots is not None and shots > len(exemplars):
        raise UserError(f"prompt.shots = {shots}: {path} has only {len(exemplars)} exemplars")
    return exemplars[:shots]
