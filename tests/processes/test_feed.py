"""Work goes to whoever is free, results come in order, and what waits is bounded."""

import random
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.processes.feed import AHEAD, Feed


def hand(feed, do):
    def work():
        while (piece := feed.take()) is not None:
            feed.put(piece, do(piece.work))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


@given(st.integers(0, 60), st.integers(0, 3), st.integers(0, 1000))
def test_every_piece_is_done_once_and_results_are_in_order(count, others, seed):
    chance, done = random.Random(seed), []

    def do(number):
        time.sleep(chance.random() * 1e-4)
        done.append(number)
        return number * 3

    feed = Feed(range(count), others + 1)
    threads = [hand(feed, do) for _ in range(others)]
    assert list(feed.results(do)) == [number * 3 for number in range(count)]
    assert sorted(done) == list(range(count))
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()


def test_a_slow_hand_holds_up_nobody_until_what_waits_would_be_too_much():
    release, others = threading.Event(), []
    feed = Feed(range(100), 2)
    slow = feed.take()
    thread = hand(feed, lambda number: others.append(number))
    deadline = time.monotonic() + 5
    while len(others) < 2 * AHEAD - 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert others == list(range(1, 2 * AHEAD))  # and no more, before the first one is there
    feed.put(slow, None)
    release.set()
    assert len(list(feed.results(lambda number: number))) == 100
    thread.join(5)


def test_work_is_made_when_it_is_taken():
    made = []
    feed = Feed((made.append(n) or n for n in range(1000)), 1)
    results = feed.results(lambda number: number)
    assert next(results) == 0
    assert len(made) <= AHEAD + 1


def test_a_failure_ends_the_wait_and_the_hands():
    feed = Feed(range(10), 2)
    feed.take()
    feed.take()
    thread = hand(feed, lambda number: time.sleep(0.01))
    threading.Timer(0.1, lambda: feed.fail(ValueError("gone"))).start()
    with pytest.raises(ValueError, match="gone"):
        list(feed.results(lambda number: time.sleep(0.01)))
    thread.join(5)
    assert not thread.is_alive()


def test_work_that_cannot_be_made_is_an_error_whoever_takes_it():
    def work():
        yield from range(5)
        raise ValueError("no more prompts")

    feed = Feed(work(), 2)
    thread = hand(feed, lambda number: number)
    with pytest.raises(ValueError, match="no more prompts"):
        list(feed.results(lambda number: number))
    thread.join(5)
    assert not thread.is_alive()
