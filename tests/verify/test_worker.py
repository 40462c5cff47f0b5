"""What a worker refuses: no text of an answer is ever run, whatever a library does with it."""

import subprocess
import sys
from pathlib import Path

import pytest

from star.records import STATUSES, Problem
from star.verify import VERIFIERS, SymbolicVerifier
from star.verify.pool import WorkerPool

ROOT = Path(__file__).parents[2]


def injections(path):
    """Texts that write a file if anything runs them."""
    write = f"open('{path}','w').write('x')"
    system = f"__import__('os').system('touch {path}')"
    return [
        write,
        system,
        f'eval("{write}")',
        f'exec("{write}")',
        f"({write})+42",
        f"42 if {write} else 42",
        f"[{write}]",
        f'sympify("{write}")',
        f'parse_expr("{system}")',
        f"lambda: {write}",
        f"{{{write}}}",
        f"$({{touch,{path}}})",
        f"`touch {path}`",
        f"42; {write}",
        f"42\n{write}",
        f"\\text{{{write}}}",
        f"\\boxed{{{write}}}",
        f"\\sqrt{{{write}}}",
        f"\\frac{{{write}}}{{{system}}}",
        f"\\operatorname{{{system}}}",
        f"\\mathrm{{{write}}}(42)",
        f"\\sin({write})",
        f"\\begin{{pmatrix}}{write}\\end{{pmatrix}}",
        f"\\write18{{touch {path}}}",
        f"\\input{{{path}}}",
        f"\\immediate\\write18{{{path}}}",
        f"().__class__.__bases__[0].__subclasses__()[0]({write})",
        f"x={write}",
        f"f(x)={system}",
        f"\\left.{write}\\right|_{{x=0}}",
        f"\\begin{{cases}}{write}\\end{{cases}}",
        f"\\int_0^1 {write} dx",
        f"\\{{x : {write}\\}}",
        f"\\sum_{{k={write}}}^3 k",
    ]


def gold(answer):
    return Problem(id="p", task="t", question="q", answer=answer)


@pytest.fixture(scope="module")
def problem():
    return Problem(id="p", task="t", question="q", answer="42", choices=("42", "43"))


@pytest.mark.parametrize("kind", VERIFIERS)
def test_no_answer_is_run(tmp_path, problem, symbolic, kind):
    made = {"symbolic": lambda: symbolic, "label": lambda: VERIFIERS["label"](["42", "43"])}
    verifier = made.get(kind, VERIFIERS[kind])()
    for text in injections(tmp_path / "x"):
        assert verifier.verify(text, problem).status in STATUSES
        assert not verifier.verify(text, problem).accepted
        verifier.check_gold(gold(text))
        verifier.canonical(text, problem)
        verifier.agree([text, "42"], problem)
    assert list(tmp_path.iterdir()) == []


def test_no_text_is_run_that_reaches_the_other_parser(tmp_path, symbolic):
    texts = injections(tmp_path / "x")
    replies = symbolic.pool.ask("equal_latex", [pair for text in texts for pair in ((text, "42"), ("42", text))])
    assert not any(reply.get("result") for reply in replies)
    assert list(tmp_path.iterdir()) == []


HOSTILE = """
import sys
sys.path.insert(0, {root!r})
from star.verify import worker
def hostile(text):
    {code}
    return True
worker._comparisons = lambda: {{"equal": hostile}}
sys.path[0] = {folder!r}
worker.main(1 << 30, 60, [])
"""
"""A worker whose comparison does what a careless library would do with its text."""


@pytest.mark.parametrize(
    "code",
    [
        "eval(text)",
        "exec(text)",
        "compile(text, 'x', 'eval')",
        "import sympy; sympy.sympify(text)",
        "open('x', 'w')",
        "open('module.py')",
        "import os; os.system('touch x')",
        "import os; os.mkdir('x')",
        "import os; os.remove('module.py')",
        "import os; os.fork()",
        "import os; os.open('x', os.O_CREAT)",
        "import os; os.execv('/bin/touch', ['touch', 'x'])",
        "import os; os.listdir('.')",
        "import subprocess; subprocess.run(['touch', 'x'])",
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import module",
        "import ctypes; ctypes.CDLL(None)",
        "import shutil; shutil.rmtree('.')",
        "import os; os.kill(os.getppid(), 9)",
        "import sys; sys.addaudithook(print); open('x', 'w')",
        "import pickle; pickle.loads(b'cos\\nsystem\\n(S\"touch x\"\\ntR.')",
    ],
)
def test_a_library_that_would_run_text_or_reach_outside_is_refused(tmp_path, code):
    (tmp_path / "module.py").write_text("open('x', 'w')\n")
    start = "import os, subprocess, socket, shutil, ctypes, pickle, sympy\n"
    program = start + HOSTILE.format(root=str(ROOT), code=code, folder=str(tmp_path))
    request = '{"call": "equal", "arguments": ["open(\'x\', \'w\')"]}\n'
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, input=request, capture_output=True, text=True, cwd=tmp_path, timeout=100, check=True)
    ready, reply = done.stdout.splitlines()
    assert ready == "ready"
    assert "refused in a verification worker" in reply or "SympifyError" in reply, reply
    assert sorted(path.name for path in tmp_path.iterdir()) == ["module.py"]


def test_sets_have_the_same_order_in_every_worker():
    pool = WorkerPool(timeout=30, workers=1)
    pool.ask("equal", [[["symbol", "x"], ["symbol", "y"]]])
    process = pool.idle[0].process
    assert b"PYTHONHASHSEED=0" in Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
    assert not {"-I", "-E"} & set(process.args), "with them Python does not read the seed"


BOMBS = [
    "9**9**9",
    "9^{9^9}",
    "10000000!",
    "1e99999999",
    "7" * 5000,
    "7" * 900,
    "-" * 20_000 + "1",
    "-" * 900 + "1",
    "(" * 450 + "1" + ")" * 450,
    r"\frac{" * 60 + "1" + "}{1}" * 60,
    r"\frac" * 150 + "1",
    "x" * 10**6,
    " " * 10**6 + "1",
    "100!!!!",
    r"\binom{10^9}{5 \cdot 10^8}",
    "gcd(" + ",".join(map(str, range(1, 240))) + ")",
    "2^{10^{10}}",
    "max(" + ",".join(f"{i}pi" for i in range(120)) + ")",
    "max(" + ",".join("x" * 400) + ")",
    r"\sum_{k=1}^{10^9} \frac{1}{k}",
    r"\prod_{k=1}^{10^8} k",
    r"\lfloor 10^{10^{10}} \rfloor",
    "x^{x^{x^{x^{x}}}}",
    "(x+1)^{1000000}",
    r"\cos(10^{400})",
    ",".join(f"x^{i}" for i in range(140)),
    r"\cup".join(f"[{i},{i + 1}]" for i in range(80)),
    r"\begin{pmatrix}" + "1&" * 200 + r"1\end{pmatrix}",
    r"\overline{" * 90 + "x" + "}" * 90,
    r"\gamma" * 160,
    "\\" * 900,
    "\x00" * 900,
    r"\int_0^1 e^{x^{x^x}} dx",
    r"\lim_{x \to 0} x^{x^{x^{x}}}",
    r"\left(" * 100 + "1" + r"\right)" * 100,
    r"\{" * 300 + r"\}" * 300,
]


def test_no_answer_is_waited_for_longer_than_the_limit_and_none_of_these_is_correct(hurried):
    found = [verdict.status for verdict in hurried.verify_all([(text, gold("x^{1/2}")) for text in BOMBS])]
    assert set(found) <= {"wrong", "no_answer", "timeout", "error"}
    assert {"timeout", "error"} & set(found)
    assert hurried.verify("2^{1/2}", gold(r"\sqrt2")).status == "correct"


@pytest.mark.parametrize("truth", ["9^{9^9}", "10000000!", r"\sum_{k=1}^{10^9} \frac{1}{k}"])
def test_nor_is_any_ground_truth(hurried, truth):
    """The first of two answers that a completion states is the ground truth of the second."""
    assert hurried.verify("x^{1/2}", gold(truth)).status in ("timeout", "error")
    assert not hurried.agree([truth, "x^{1/2}"], gold("1"))


def test_a_worker_has_512_mib_by_default():
    assert SymbolicVerifier().pool.memory == 512 << 20


HUNGRY = "2^{10^{12}}"


@pytest.mark.parametrize(
    ("truth", "answer"),
    [
        ("x+7", HUNGRY),
        (r"\lfloor 7.5 \rfloor", rf"\lfloor {HUNGRY} \rfloor"),
        (r"\{\sqrt2, 1\}", rf"\{{{HUNGRY}, 1\}}"),
        (r"(1, \sqrt2)", rf"(1, {HUNGRY})"),
        (r"[1, \sqrt2]", rf"[1, {HUNGRY}]"),
        (r"x < \sqrt2", f"x < {HUNGRY}"),
        ("y = 2x", f"y = {HUNGRY}x"),
        (r"[1, \lfloor 7.5 \rfloor]", rf"[1, \lfloor {HUNGRY} \rfloor]"),
    ],
)
def test_a_request_that_eats_memory_is_never_wrong(hurried, truth, answer):
    for verdict in hurried.verify_all([(answer, gold(truth)), (truth, gold(answer))]):
        assert verdict.status in ("timeout", "error")
    assert hurried.verify("2^{1/2}", gold(r"\sqrt2")).status == "correct"
