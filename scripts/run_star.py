"""`accelerate launch scripts/run_star.py RECIPE [key=value ...]`: the same as `star run`, for the launcher."""

import ctypes
import signal
import sys

from star.cli import main

PR_SET_PDEATHSIG = 1
"""prctl(2), https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html"""


def end_with_launcher() -> None:
    """The launcher does not pass on SIGTERM: let the kernel send it to us when the launcher is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    end_with_launcher()
    sys.exit(main(["run", *sys.argv[1:]], again=["accelerate", "launch", *sys.argv]))
