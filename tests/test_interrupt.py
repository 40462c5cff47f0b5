"""Signals: what is being worked on is saved, the same one once more does not wait."""

import os
import signal

import pytest

from star.interrupt import Interrupted, handling_signals, whole


def work(*signals: int) -> list[str]:
    """A piece of work in which signals arrive; returns what was done of it, and by which exit code it was ended."""
    done = []
    with handling_signals():
        try:
            with whole() as signal_waits:
                assert not signal_waits()
                for number in signals:
                    os.kill(os.getpid(), number)
                    assert signal_waits()
                done.append("all")
            done.append("more")
        except Interrupted as error:
            done.append(f"exit code {error.exit_code}")
    return done


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_waits_for_the_end_of_what_is_being_worked_on(number, code, capfd):
    assert work(number) == ["all", f"exit code {code}"]
    assert "once more to stop at once" in capfd.readouterr().err


def test_the_same_signal_once_more_does_not_wait():
    assert work(signal.SIGTERM, signal.SIGTERM) == ["exit code 143"]


def test_another_signal_changes_nothing():
    assert work(signal.SIGINT, signal.SIGTERM) == ["all", "exit code 130"]
    assert work(signal.SIGTERM, signal.SIGINT, signal.SIGTERM) == ["exit code 143"]


def test_without_a_signal_the_work_goes_on():
    assert work() == ["all", "more"]


def between_pieces_of_work(done):
    with handling_signals():
        with whole():
            done.append("work")
        os.kill(os.getpid(), signal.SIGINT)
        done.append("more")


def test_between_pieces_of_work_a_signal_acts_at_once():
    done = []
    with pytest.raises(Interrupted):
        between_pieces_of_work(done)
    assert done == ["work"]


def failing_work():
    with handling_signals(), whole():
        os.kill(os.getpid(), signal.SIGTERM)
        raise ZeroDivisionError


def test_an_error_in_a_piece_of_work_is_not_hidden_by_a_signal_and_leaves_nothing_behind():
    with pytest.raises(ZeroDivisionError):
        failing_work()
    assert work() == ["all", "more"]


def test_handlers_are_put_back_and_what_was_ignored_stays_ignored():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        interrupt = signal.getsignal(signal.SIGINT)
        with handling_signals():
            os.kill(os.getpid(), signal.SIGTERM)
            assert signal.getsignal(signal.SIGINT) != interrupt
        assert signal.getsignal(signal.SIGINT) == interrupt
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)
