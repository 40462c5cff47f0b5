"""A process of its own for what may hang, eat memory or die: sympy, math-verify, other people's scoring.

`pool.py` starts it. A request is a line of JSON on standard input, its reply a line on standard output; the process
ends with its parent. Before the first request a hook is set that refuses whatever reaches outside of the process or
turns text into code: no text from a model is ever run, whatever a library tries.

    {"call": "equal", "arguments": [node, node]}          see algebra.py
    {"call": "equal_latex", "arguments": [text, text]}    see algebra.py
    {"call": "score", "arguments": [name, entry, text]}   reasoning-gym's own score of an answer to one of its problems

It says `ready` first. A reply is `{"result": ...}` or `{"error": text}`.
"""

from __future__ import annotations

import json
import signal
import sys
from typing import Any

REFUSED = (
    "exec", "compile", "open", "os.", "subprocess.", "socket.", "shutil.", "ctypes.", "pty.", "urllib.", "http.",
    "ftplib.", "smtplib.", "sqlite3.", "winreg.", "webbrowser.", "signal.", "mmap.", "fcntl.", "code.", "cpython.run",
)  # fmt: skip
"""Audit events (https://docs.python.org/3/library/audit_events.html) that are refused, by how they begin."""


def main(memory: int, seconds: float, data_sets: dict[str, dict[str, Any]]) -> None:
    """Serve requests until standard input ends.

    Args:
        memory: the most address space, in bytes.
        seconds: the longest a request can take until the process ends itself, should its parent be gone.
        data_sets: those of reasoning-gym to score for, with their options; without any, it compares mathematics.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # who stops a service signals all of it; a wave is to be ended first
        signal.signal(number, signal.SIG_IGN)
    requests, replies = sys.stdin, sys.stdout
    sys.stdout = sys.stderr  # a library that prints must not write into the replies
    calls = {"score": _scorer(data_sets)} if data_sets else _comparisons()
    _limit(memory)
    sys.addaudithook(_refuse)
    print("ready", file=replies, flush=True)
    for line in requests:
        _end_after(seconds)
        try:
            request = json.loads(line)
            reply = {"result": calls[request["call"]](*request["arguments"])}
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"[:300]}
        _end_after(0)
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


def _comparisons() -> dict[str, Any]:
    """What compares mathematics, once all that it imports late is imported, and all code that it writes is written."""
    import sympy.concrete.delta
    import sympy.integrals.prde  # noqa: F401
    from sympy.polys.monomials import MonomialOps

    from star.verify.algebra import equal, equal_latex
    from star.verify.expression import parse_expression

    for size in range(1, 9):
        operations = MonomialOps(size)
        for name in ("mul", "pow", "mulpow", "ldiv", "div", "lcm", "gcd"):
            getattr(operations, name)()
    for a, b in (("x^2", r"\sin x"), (r"\sqrt[3]{2}", "1/2"), ("[1, 2)", "x > 1"), ("2x = 1", "x = 3")):
        equal(parse_expression(a), parse_expression(b))
    for text in (r"\{1, 2\} \cup [3, 4)", "x = 5", r"\sum_{k=1}^\infty \frac{1}{k^2}", r"\int_0^1 \frac{1}{1+x^2} dx"):
        equal_latex(text, r"\frac{1}{2}")
    return {"equal": equal, "equal_latex": equal_latex}


def _scorer(options: dict[str, dict[str, Any]]) -> Any:
    import reasoning_gym

    data_sets = {
        name: reasoning_gym.create_dataset(name, **{**more, "size": 1, "seed": 0}) for name, more in options.items()
    }
    for data in data_sets.values():
        data.score_answer(data[0]["answer"], data[0])
    return lambda name, entry, text: float(data_sets[name].score_answer(text, entry))


def _limit(memory: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limit; the time limit holds there too
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _end_after(seconds: float) -> None:
    """Let the kernel end this process after `seconds`, whatever it is doing then; 0 for never."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _refuse(event: str, _arguments: tuple[Any, ...]) -> None:
    if event.startswith(REFUSED):
        raise PermissionError(f"{event} is refused in a verification worker")
