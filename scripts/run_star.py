"""`accelerate launch scripts/run_star.py RECIPE [key=value ...]`: the same as `star run`, for the launcher."""

import sys

from star.cli import main

if __name__ == "__main__":
    sys.exit(main(["run", *sys.argv[1:]]))
