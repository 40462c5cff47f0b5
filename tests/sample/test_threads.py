"""Work in threads, of which some fails."""

import threading
import time

import pytest

from star.sample import threads
from star.sample.threads import as_they_come


def test_an_error_costs_nothing_that_has_come_or_is_under_way_and_begins_nothing_more():
    begun, came, others = [], [], threading.Barrier(3)

    def work(item, stop):
        begun.append(item)
        if item > 2:  # both come after the error
            time.sleep(0.2)
            return item
        others.wait()
        if item == 1:
            raise ValueError("one")
        return -item

    def collect():
        for group in as_they_come(work, [0, 1, 2, *range(3, 40)], threads=5):
            came.extend(group)

    with pytest.raises(ValueError, match="one"):
        collect()
    assert {0, 2, 3, 4} <= {item for item, _ in came}
    assert {item for item, _ in came} == set(begun) - {1}
    assert len(begun) < 40


def test_work_that_hangs_delays_an_error_for_a_while_only(monkeypatch):
    monkeypatch.setattr(threads, "LINGER", 0.3)
    never, begin = threading.Event(), time.monotonic()

    def work(item, stop):
        if item:
            raise ValueError("one")
        never.wait(30)

    with pytest.raises(ValueError, match="one"):
        list(as_they_come(work, [0, 1], threads=2))
    assert time.monotonic() - begin < 5
    never.set()
