"""Where the time goes: every second counts once, for the activity that is innermost."""

import pytest

from star.clock import Clock


class Now:
    """Says what time it is when it is told how much has gone by."""

    def __init__(self):
        self.time = 100.0

    def __call__(self):
        return self.time


@pytest.fixture
def now():
    return Now()


def test_an_activity_inside_another_interrupts_it_and_nothing_counts_twice(now):
    clock = Clock(now)
    now.time += 1
    with clock.spent("sampling"):
        now.time += 2
        with clock.spent("loading"):
            now.time += 4
        now.time += 8
    now.time += 16
    assert clock.take() == {"other": 17, "sampling": 10, "loading": 4}


def test_what_was_taken_is_not_given_again_and_the_running_activity_goes_on(now):
    clock = Clock(now)
    with clock.spent("sampling"):
        now.time += 1
        assert clock.take()["sampling"] == 1
        now.time += 2
    assert clock.take()["sampling"] == 2
    assert not +clock.take()


def test_an_activity_that_fails_is_over(now):
    clock = Clock(now)

    @clock.spent("sampling")
    def sample():
        now.time += 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sample()
    now.time += 2
    assert clock.take() == {"other": 2, "sampling": 1}


def test_a_decorated_function_is_an_activity_every_time(now):
    clock = Clock(now)

    @clock.spent("loading")
    def load():
        now.time += 1

    load()
    load()
    assert clock.take()["loading"] == 2
