"""The collector spares the libraries while a run is at work, and looks through everything again afterwards."""

import gc

import pytest

from star.garbage import spare_libraries


def test_what_was_there_before_is_spared_within_and_nothing_afterwards():
    with spare_libraries():
        assert gc.get_freeze_count() > 0
    assert gc.get_freeze_count() == 0


def test_nothing_is_spared_after_an_error():
    def fail():
        raise ValueError("within")

    with pytest.raises(ValueError, match="within"), spare_libraries():
        fail()
    assert gc.get_freeze_count() == 0
