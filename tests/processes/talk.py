"""One of two processes that share made-up work, for `test_world.py`: `python -m tests.processes.talk HOW`."""

import os
import sys
import threading
import time
from dataclasses import dataclass

import star.processes.leader
from star.errors import UserError
from star.processes import find_place, follow, lead
from star.processes.launch import allowed_cores


@dataclass(frozen=True)
class Number:
    """A piece of work."""

    n: int

    def to_dict(self):
        return {"n": self.n}

    def double(self, seconds: float) -> dict:
        time.sleep(seconds)
        return {"twice": 2 * self.n, "by": os.getpid()}


def fail(n: int) -> None:
    raise UserError(f"no room for {n} on this machine")


def fail_with_nothing() -> None:
    raise ValueError("a bug")


def hang() -> None:
    time.sleep(3600)


def collective() -> None:
    """Wait for others who never come, as an all-reduce does."""
    print("everywhere")
    threading.Event().wait()


def main(how: str) -> None:
    place = find_place()
    if place.rank > 0:
        handlers = {"double": lambda n: Number(n).double(0.0), "nothing": lambda: None}
        handlers |= {
            "fail": {"double": fail},
            "hang": {"nothing": hang},
            "collective": {"nothing": fail_with_nothing},
        }.get(how, {})
        follow(place, True, handlers)
        return
    star.processes.leader.GRACE = 2.0
    try:
        with lead(place, True) as world:
            here = 0.5 if how == "share" else 0.0
            done = list(world.share("double", map(Number, range(20)), lambda number: number.double(here)))
            print("doubled", [one["twice"] for one in done] == list(range(0, 40, 2)))
            print("here", sum(one["by"] == os.getpid() for one in done))
            print("cores", len(allowed_cores()))
            world.everywhere("nothing", {}, collective if how == "collective" else lambda: print("everywhere"))
    except UserError as error:
        print("error:", error)
        sys.exit(2)


if __name__ == "__main__":
    main(sys.argv[1])
