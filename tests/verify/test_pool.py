"""Workers that can be killed: real processes, real kills, threads and forks."""

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from star.verify.expression import parse_expression
from star.verify.pool import TIMEOUT, WorkerPool

ROOT = Path(__file__).parents[2]
PENDING = 60.0
"""Seconds after which what ought to happen at once has not happened at all."""


def request(one, other):
    return [parse_expression(one), parse_expression(other)]


EASY, WRONG = request("x^2-1", "(x-1)(x+1)"), request("x", "y")
ENDLESS = request("9^{9^9}", "x")
RIGHT = {"result": True}


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def eventually(condition):
    end = time.monotonic() + PENDING
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def children(of):
    """Process ids of the workers that a process has."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == of:
                found.append(int(stat.parent.name))
    return found


@pytest.fixture
def pool():
    pool = WorkerPool(timeout=30, workers=2)
    yield pool
    for worker in pool.idle:
        worker.kill()


def test_each_request_has_its_reply_in_order(pool):
    assert pool.ask("equal", [EASY, WRONG] * 20) == [RIGHT, {"result": False}] * 20
    assert pool.ask("equal", []) == []
    assert len(pool.idle) == 2


def test_a_request_without_end_times_out_and_the_others_of_its_batch_are_right():
    pool = WorkerPool(timeout=1, workers=2)
    replies = pool.ask("equal", [EASY, ENDLESS, EASY, ENDLESS, EASY])
    assert replies == [RIGHT, {"error": TIMEOUT}, RIGHT, {"error": TIMEOUT}, RIGHT]
    assert pool.ask("equal", [EASY]) == [RIGHT]


def test_a_request_that_a_worker_cannot_answer_is_an_error_of_its_own(pool):
    bad, unknown = [["set", 1, 2], 7], [["call", "no such function", ["number", 1, 1]], ["symbol", "x"]]
    replies = pool.ask("equal", [bad, EASY, unknown, EASY])
    assert [sorted(reply) for reply in replies] == [["error"], ["result"], ["error"], ["result"]]
    assert "no such function" in replies[2]["error"]
    assert "error" in pool.ask("no such call", [EASY])[0]


def test_an_idle_worker_that_was_killed_costs_nothing(pool):
    pool.ask("equal", [EASY] * 4)
    for worker in pool.idle:
        os.kill(worker.process.pid, signal.SIGKILL)
        assert eventually(lambda worker=worker: not is_alive(worker.process.pid))
    assert pool.ask("equal", [EASY] * 4) == [RIGHT] * 4


def test_a_busy_worker_that_is_killed_costs_its_own_answer_only(pool):
    pool.ask("equal", [EASY] * 4)
    pids = [worker.process.pid for worker in pool.idle]
    with ThreadPoolExecutor() as executor:
        asked = executor.submit(pool.ask, "equal", [ENDLESS, EASY, EASY, EASY])
        assert eventually(lambda: any(map(is_busy, pids)))
        os.kill(next(filter(is_busy, pids)), signal.SIGKILL)
        replies = asked.result()
    assert "died" in replies[0]["error"]
    assert replies[1:] == [RIGHT] * 3
    assert pool.ask("equal", [EASY]) == [RIGHT]


def is_busy(pid):
    """Whether a process has computed for half a second longer than it needs to start and to answer."""
    before = cpu_seconds(pid)
    time.sleep(0.5)
    return cpu_seconds(pid) - before > 0.1


def cpu_seconds(pid):
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def test_a_request_that_eats_memory_is_an_error_and_the_next_one_is_right():
    pool = WorkerPool(timeout=60, memory=128, workers=1)
    hungry = request("2^{10^{12}}", "x")
    assert "MemoryError" in pool.ask("equal", [hungry])[0]["error"]
    assert pool.ask("equal", [EASY]) == [RIGHT]


def test_it_works_in_several_threads_at_once(pool):
    with ThreadPoolExecutor(6) as executor:
        found = list(executor.map(lambda _: pool.ask("equal", [EASY, WRONG]), range(12)))
    assert found == [[RIGHT, {"result": False}]] * 12
    assert len(pool.idle) <= 2


def ask_in_child(pool, replies):
    replies.put(pool.ask("equal", [EASY, WRONG]))


def test_it_works_in_a_forked_process_while_a_thread_of_the_parent_is_asking(pool):
    pool.ask("equal", [EASY])
    thread = threading.Thread(target=pool.ask, args=("equal", [EASY] * 500))
    thread.start()
    context = multiprocessing.get_context("fork")
    replies = context.Queue()
    child = context.Process(target=ask_in_child, args=(pool, replies))
    child.start()
    assert replies.get(timeout=PENDING) == [RIGHT, {"result": False}]
    child.join(PENDING)
    thread.join(PENDING)
    assert (child.exitcode, thread.is_alive()) == (0, False)
    assert pool.ask("equal", [EASY]) == [RIGHT]  # the child's end did not end its parent's workers


ASK = """
import sys
sys.path.insert(0, {root!r})
from star.verify import SymbolicVerifier
from star.records import Problem
verifier = SymbolicVerifier(timeout={timeout}, workers=1)
def main():
    gold = Problem(id="p", task="t", question="", answer={gold!r})
    print(verifier.verify({answer!r}, gold).status, flush=True)
"""


def script(tmp_path, gold, answer, timeout=30.0, end="if __name__ == '__main__':\n    main()\n"):
    path = tmp_path / "ask.py"
    path.write_text(ASK.format(root=str(ROOT), gold=gold, answer=answer, timeout=timeout) + end)
    return [sys.executable, str(path)]


def test_it_works_in_a_spawned_process(tmp_path):
    end = "import multiprocessing\nif __name__ == '__main__':\n    context = multiprocessing.get_context('spawn')\n"
    end += "    child = context.Process(target=main)\n    child.start()\n    child.join()\n"
    command = script(tmp_path, r"\sqrt2", "2^{1/2}", end=end)
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "correct\n"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
@pytest.mark.parametrize("end", ["if __name__ == '__main__':\n    main()\n    input()\n", None], ids=["idle", "busy"])
def test_no_worker_survives_its_parent(tmp_path, end):
    """Also when the parent is killed, and its worker is deep in a computation that would take years."""
    answer, options = ("2^{1/2}", {"end": end}) if end else ("9^{9^9}", {"timeout": 4.0})
    command = script(tmp_path, r"\sqrt2", answer, **options)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        if end:
            assert parent.stdout.readline() == "correct\n"
        else:
            assert eventually(lambda: any(cpu_seconds(pid) > 2.5 for pid in children(parent.pid)))
        workers = children(parent.pid)
        parent.kill()
    assert workers
    assert eventually(lambda: not any(map(is_alive, workers)))


def test_an_interrupt_from_the_terminal_does_not_reach_the_workers(pool):
    pool.ask("equal", [EASY])
    assert all(os.getpgid(worker.process.pid) != os.getpgid(0) for worker in pool.idle)


def test_the_workers_end_with_their_pool():
    pool = WorkerPool(timeout=30, workers=1)
    pool.ask("equal", [EASY])
    pid = pool.idle[0].process.pid
    del pool
    assert eventually(lambda: not is_alive(pid))


def test_what_is_interrupted_leaves_no_worker_busy(pool):
    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 2)
        with pytest.raises(KeyboardInterrupt):
            pool.ask("equal", [ENDLESS])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert pool.ask("equal", [EASY]) == [RIGHT]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_stops_all_processes_of_a_run_stops_no_worker_in_the_middle_of_a_wave(number):
    """systemd and Slurm do; a run ends its wave first, and so must the verdicts be those of living workers."""
    pool = WorkerPool(workers=1)
    assert pool.ask("equal", [EASY]) == [RIGHT]
    [worker] = pool.idle
    os.kill(worker.process.pid, number)
    time.sleep(0.1)
    assert is_alive(worker.process.pid)
    assert pool.ask("equal", [EASY]) == [RIGHT]
    assert pool.idle == [worker]
