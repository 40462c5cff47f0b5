"""The command line as a user starts it, and how it refuses bad input."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def star(*arguments, cwd, **environment):
    """`star ARGUMENTS` in the folder `cwd`."""
    command = [sys.executable, "-m", "star", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), **environment}
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def contents(folder):
    """Every file and folder below a folder, with the bytes of the files; `.lock` says who looked last."""
    paths = (path for path in sorted(folder.rglob("*")) if path.name != ".lock")
    return {path: path.read_bytes() if path.is_file() else None for path in paths}


def refused(folder, *arguments, parts, **environment):
    """Assert that the command ends with one error that has all these parts, and changes nothing; returns it."""
    before = contents(folder)
    done = star(*arguments, cwd=folder, **environment)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("error: ") == 1, done.stderr
    assert [part for part in parts if part not in done.stderr] == [], done.stderr
    assert len(done.stderr) < 2000
    assert contents(folder) == before
    return done.stderr
