"""Made-up recipes, data files, journals and model texts against the product: what is refused, and what breaks.

    python scripts/fuzz.py [--seconds 60] [--targets recipe data journal judge] [--seed 0] [--save FOLDER]
    python scripts/fuzz.py --replay FOLDER/recipe-0-1.txt

The inputs and what is asked of each are in `fuzz_targets.py`. Only a `UserError` whose message is readable may come
out, nothing may be written outside of a temporary folder, and each input has its time and memory. A target runs in a
process of its own, so that an input that hangs or kills it is found too. Hypothesis makes the inputs, and makes those
that break something smaller; each different failure is saved once.
"""

from __future__ import annotations

import argparse
import ast
import faulthandler
import itertools
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import hypothesis
import psutil
from hypothesis import HealthCheck, Phase, configuration, given

sys.path.insert(0, str(Path(__file__).parents[1]))

from scripts.fuzz_targets import TARGETS, Target
from star.errors import UserError

LIMIT = 20.0
"""Seconds that one input may take."""
MEMORY = 2 << 30
"""Bytes of address space that a target may take beyond what it begins with."""
SMALLER = 15.0
"""Seconds for making a failing input smaller."""
ROUND = 200
"""Inputs that Hypothesis makes with one seed; every round has another."""
MAX_MESSAGE = 20_000
"""More characters than this nobody reads."""
WRITES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod")
"""Audit events that change what is on disk, beside opening a file for writing."""
SETTINGS = hypothesis.settings(
    max_examples=ROUND,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
    print_blob=False,
    verbosity=hypothesis.Verbosity.quiet,
    phases=(Phase.generate, Phase.shrink),
)


class Tally(NamedTuple):
    """What became of the inputs of a target; numbers that parent and child share."""

    accepted: Any
    refused: Any
    found: Any

    @classmethod
    def new(cls) -> Tally:
        return cls(*(multiprocessing.RawValue("q", 0) for _ in cls._fields))


class Finding(NamedTuple):
    """An input that broke something, and where."""

    text: str
    place: str
    report: str


def main(argv: Sequence[str] | None = None, targets: dict[str, Callable[[], Target]] = TARGETS) -> int:
    """Run what is asked for; returns the exit code, 1 when anything was found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60, help="for all targets together")
    parser.add_argument("--targets", nargs="+", choices=targets, default=list(targets), metavar="NAME")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", type=Path, default=Path(tempfile.gettempdir(), "star-fuzz"), metavar="FOLDER")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="run one saved input again, unguarded")
    arguments = parser.parse_args(argv)
    if arguments.replay:
        target = targets[arguments.replay.name.partition("-")[0]]()
        with tempfile.TemporaryDirectory() as folder:
            print(attempt(target, ast.literal_eval(arguments.replay.read_text()), Path(folder)))
        return 0
    arguments.save.mkdir(parents=True, exist_ok=True)
    found = 0
    for name in arguments.targets:
        start, tally = time.monotonic(), Tally.new()
        seconds = arguments.seconds / len(arguments.targets)
        fuzz(targets[name], seconds, arguments.seed, arguments.save / f"{name}-{arguments.seed}", tally)
        accepted, refused, number = (count.value for count in tally)
        print(
            f"{name}: {accepted + refused} inputs in {time.monotonic() - start:.0f} s, {accepted} accepted, "
            f"{refused} refused, {number} found",
            flush=True,
        )
        found += number
    return 1 if found else 0


def attempt(target: Target, value: Any, folder: Path) -> str:
    """Give a target an input: it is `accepted`, or `refused` in a way that a user can read; anything else raises."""
    try:
        target.run(value, folder)
    except UserError as error:
        message = str(error)
        assert 0 < len(message.strip()) <= MAX_MESSAGE, f"a message of {len(message)} characters"
        odd = {character for character in message if not character.isprintable() and character != "\n"}
        assert not odd, f"not readable: {sorted(odd)!a} in {message!a}"
        assert "Traceback" not in message, message
        return "refused"
    return "accepted"


def fuzz(make: Callable[[], Target], seconds: float, seed: int, save: Path, tally: Tally) -> None:
    """Fuzz one target in a process of its own; an input that ended it is a finding too, and another process goes on."""
    end = time.monotonic() + seconds
    for number in itertools.count():
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "work").mkdir()
            for part in ("input", "stack"):
                (folder / part).touch()
            arguments = (make, end - time.monotonic(), f"{seed}, {number}", save, tally, folder)
            child = multiprocessing.get_context("fork").Process(target=hunt, args=arguments)
            child.start()
            child.join()
            if child.exitcode:
                text, stack = ((folder / part).read_text() for part in ("input", "stack"))
                keep(Finding(text, "", f"{stack}hung, or killed the process: exit code {child.exitcode}"), save, tally)
        if child.exitcode >= 0 or time.monotonic() > end:  # above 0: a mistake of ours
            return


def hunt(make: Callable[[], Target], seconds: float, seed: str, save: Path, tally: Tally, folder: Path) -> None:
    """Rounds of inputs until the time is over; each different failure is kept once."""
    configuration.set_hypothesis_home_dir(folder / "hypothesis")
    sys.dont_write_bytecode = True
    warnings.simplefilter("ignore")
    target, known, end = make(), set(), time.monotonic() + seconds
    most = psutil.Process().memory_info().vms + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))
    guard = Guard(folder)
    for number in itertools.count():
        if time.monotonic() >= end:
            break
        finding = search(target, f"{seed}, {number}", end, known, tally, guard)
        if finding:
            known.add(finding.place)
            keep(finding, save, tally)


class Guard:
    """Around each input: it is on record, it has its time, and it writes only in its folder."""

    def __init__(self, folder: Path):
        self.folder, self.input, self.stack = folder / "work", folder / "input", (folder / "stack").open("w")
        self.watches, self.strays = False, []
        sys.addaudithook(self.look)
        faulthandler.register(signal.SIGALRM, self.stack, chain=True)  # writes where it hangs, and lets it be killed

    def look(self, event: str, arguments: tuple[Any, ...]) -> None:
        opens = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if self.watches and (opens or event in WRITES) and not isinstance(arguments[0], int):
            path = os.path.abspath(os.fsdecode(arguments[0]))
            if path != os.devnull and not path.startswith(str(self.folder)):
                self.strays.append(f"{event} {path}")

    def attempt(self, target: Target, value: Any, text: str) -> str:
        self.input.write_text(text)
        self.strays.clear()
        signal.setitimer(signal.ITIMER_REAL, LIMIT)
        self.watches = True
        try:
            found = attempt(target, value, self.folder)
        finally:
            self.watches = False
            signal.setitimer(signal.ITIMER_REAL, 0)
        assert not self.strays, f"wrote outside of its folder: {self.strays}"
        return found


def search(target: Target, seed: str, end: float, known: set[str], tally: Tally, guard: Guard) -> Finding | None:
    """One round: the smallest input found for its first failure that is not `known`."""
    best: Finding | None = None
    begun = False

    @hypothesis.seed(seed)
    @SETTINGS
    @given(target.inputs)
    def test(value: Any) -> None:
        nonlocal best, end, begun
        if begun and time.monotonic() > end:
            return  # Hypothesis makes the rest of its round, for nothing
        begun = True
        text = ascii(value)
        try:
            getattr(tally, guard.attempt(target, value, text)).value += 1
        except Exception as error:
            place = origin(error)
            if place in known or (best and best.place != place):
                return
            if best is None:
                end = time.monotonic() + SMALLER
            if best is None or (len(text), text) < (len(best.text), best.text):
                best = Finding(text, place, "".join(traceback.format_exception(error, limit=-12)))
            raise

    try:
        test()
    except Exception:
        if best is None:  # a mistake of ours, not of what is fuzzed
            raise
    return best


def origin(error: BaseException) -> str:
    """What tells one failure from another: its kind, and the last line of the project that it went through."""
    cause = error.__context__ if isinstance(error, AssertionError) else None  # the UserError that is not readable
    frames = traceback.extract_tb((cause or error).__traceback__)
    ours = [frame for frame in frames if "/star/" in frame.filename] or frames
    return f"{type(error).__name__} at {ours[-1].filename}:{ours[-1].lineno}"


def keep(finding: Finding, save: Path, tally: Tally) -> None:
    """Save a finding as a file that `--replay` reads: Python's way to write the input, and a comment."""
    tally.found.value += 1
    file = save.with_name(f"{save.name}-{tally.found.value}.txt")
    comment = "".join(f"# {ascii(line)[1:-1]}\n" for line in finding.report.splitlines())
    file.write_text(f"{comment}{finding.text}\n")
    print(f"{file}: {finding.report.strip().splitlines()[-1]!a}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
