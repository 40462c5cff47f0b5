"""Kill a run again and again, and see that it ends with the bits of a run that nobody disturbed.

    python scripts/torture.py recipes/arithmetic.yaml --kills 100
    python scripts/torture.py TINY.yaml --sweep [--every 1]

Random: the command is launched, killed with SIGKILL after a random time, launched again, until it ends by itself; then
another run is begun, until there were so many kills. Sweep: one run for every file operation in the run directory
(`scripts/faults.py`), killed just before it; for every fsync, one more, killed with the end of the file lost. Then the
same command is launched again, once, and nothing else is done by hand.

Compared is every file of the run directory but the report, without timings. Exit code 1 if anything differs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from scripts.faults import Faults  # noqa: E402
from star.files import file_sha256  # noqa: E402

TIMED = ("seconds", "spent", "joules")
"""Keys of metrics that hold timings, and energy."""
UNCOMPARED = ("timings.json", ".lock", "progress.json", "progress.json.tmp")


def main() -> int:
    """Torture a recipe; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("recipe")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    parser.add_argument("--kills", type=int, default=0, help="how many, at random moments")
    parser.add_argument("--longest", type=float, metavar="SECONDS", help="until a kill; by default a fifth of the run")
    parser.add_argument("--sweep", action="store_true", help="a kill at every file operation")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="in the sweep, only every Nth operation")
    parser.add_argument("--only", default="", metavar="TEXT", help="in the sweep, only operations that contain it")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where the runs are made, and left; a temporary one by default")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        torture = Torture([arguments.recipe, *arguments.overrides], arguments.folder or Path(temporary))
        if arguments.kills:
            torture.kill_at_random(arguments.kills, arguments.longest, random.Random(arguments.seed))
        if arguments.sweep:
            torture.sweep(arguments.only, arguments.every)
    print(f"{torture.kills} kills, {torture.runs} runs, {torture.different} of them with differences")
    return int(torture.different > 0)


class Torture:
    """Runs of one recipe, each in a folder of its own, compared with the first one, which is left in peace."""

    def __init__(self, recipe: Sequence[str], folder: Path):
        self.recipe, self.folder = list(recipe), folder.resolve()
        self.kills = self.runs = self.different = 0
        for number in range(2):  # the first one may have to build the base model, so the second one is timed
            start = time.monotonic()
            self.undisturbed = self._finish(self.folder / f"undisturbed-{number}")
            self.seconds = time.monotonic() - start
        self._compare(self.folder / "undisturbed-0", "a second undisturbed run")

    def kill_at_random(self, kills: int, longest: float | None, rng: random.Random) -> None:
        """Runs that are killed after up to `longest` seconds, until there were so many kills."""
        done, longest = 0, longest or self.seconds / 5
        while done < kills:
            runs, here = self.folder / f"random-{self.runs}", 0
            while done < kills and self._is_killed(runs, rng.uniform(0, longest)):
                done, here = done + 1, here + 1
            if done == kills:
                self._finish(runs)
            self.kills += here
            self._compare(runs, f"killed {here} times")

    def sweep(self, only: str, every: int) -> None:
        """For every file operation that contains `only` a run that is killed there, and then finished."""
        operations = self.folder / "operations"
        self._fork(self.folder / "counted", "none@", operations)
        lines = operations.read_text().splitlines()
        chosen = [line for line in lines if only in line][::every]
        print(f"{len(lines)} file operations, of which {len(chosen)} are tried")
        for line in chosen:
            number, what, path = line.split(" ", 2)
            for kind in ("kill", "torn") if what == "fsync" else ("kill",):
                runs = self.folder / f"{kind}-{number}"
                code = self._fork(runs, f"{kind}@{number}")
                self.kills += code == -signal.SIGKILL
                ended = self._fork(runs, "none@")
                self._compare(runs, f"{kind} before operation {number}, {what} {path} (exit codes {code}, {ended})")

    def _command(self, runs: Path) -> list[str]:
        return ["run", *self.recipe, "--runs", str(runs)]

    def _launch(self, runs: Path) -> subprocess.Popen:
        runs.mkdir(parents=True, exist_ok=True)
        with _log(runs).open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "star", *self._command(runs)], stdout=log, stderr=log, cwd=ROOT
            )

    def _finish(self, runs: Path) -> Path:
        if self._launch(runs).wait():
            sys.exit(f"the run in {runs} failed:\n{_log(runs).read_text()[-3000:]}")
        return runs

    def _is_killed(self, runs: Path, seconds: float) -> bool:
        """Launch, and kill after so many seconds; false if the run has ended before."""
        process = self._launch(runs)
        try:
            if process.wait(seconds):
                sys.exit(f"the run in {runs} failed:\n{_log(runs).read_text()[-3000:]}")
            return False
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return True

    def _fork(self, runs: Path, fault: str, log: Path | None = None) -> int:
        """Run in a fork of this process, which has loaded all modules and computed nothing; returns the exit code."""
        import star.loop
        import star.session
        from star.cli import main as star

        runs.mkdir(parents=True, exist_ok=True)
        sys.stdout.flush()
        if (child := os.fork()) == 0:
            output = os.open(_log(runs), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(output, 1)
            os.dup2(output, 2)
            Faults(fault, runs, log).install()
            try:
                code = star(self._command(runs))
            except BaseException:
                import traceback

                traceback.print_exc()
                code = 70
            sys.stdout.flush()
            os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def _compare(self, runs: Path, what: str) -> None:
        self.runs += 1
        found = differences(self.undisturbed, runs)
        self.different += bool(found)
        print(f"{what}: {'the same' if not found else 'DIFFERENT'}", flush=True)
        for line in found:
            print(f"    {line}")


def _log(runs: Path) -> Path:
    """Where the output of the launches goes."""
    return runs.with_name(f"{runs.name}.log")


def differences(expected: Path, found: Path) -> list[str]:
    """Which files below two folders are not the same, timings aside."""
    sides = [{path.relative_to(root): path for path in _compared(root)} for root in (expected, found)]
    lines = [f"{name}: missing" for name in sorted(sides[0].keys() - sides[1].keys())]
    lines += [f"{name}: should not be there" for name in sorted(sides[1].keys() - sides[0].keys())]
    both = sorted(sides[0].keys() & sides[1].keys())
    return lines + [f"{name}: other bytes" for name in both if _content(sides[0][name]) != _content(sides[1][name])]


def _compared(root: Path) -> list[Path]:
    files = (path for path in root.rglob("*") if path.is_file())
    return [path for path in files if path.name not in UNCOMPARED and "report" not in path.relative_to(root).parts]


def _content(path: Path) -> Any:
    """What is compared: the hash of a file, or what is in it besides timings and their hashes."""
    if path.name == "MANIFEST.json":
        manifest = json.loads(path.read_text())
        for timed in ("timings.json", "metrics.json"):
            manifest["files"].pop(timed, None)
        return manifest
    if path.name in ("metrics.json", "metrics.jsonl"):
        text = path.read_text()
        rows = [json.loads(text)] if path.suffix == ".json" else [json.loads(line) for line in text.splitlines()]
        return [{key: value for key, value in row.items() if key not in TIMED} for row in rows]
    return file_sha256(path)


if __name__ == "__main__":
    sys.exit(main())
