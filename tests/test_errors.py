"""Messages for the user: readable on any terminal, and never too long."""

import pytest

from star.errors import UserError, shown


@pytest.mark.parametrize(
    ("message", "read"),
    [("a é 🦆\nb", "a é 🦆\nb"), ("\x1b[31m\r\x00", r"\x1b[31m\r\x00"), ("\ud800\u202e\u2028", r"\ud800\u202e\u2028")],
)
def test_a_message_has_no_character_that_cannot_be_seen(message, read):
    assert str(UserError(message)) == read


def test_a_value_that_cannot_be_written_out_is_named_by_its_type():
    deep = []
    for _ in range(10_000):
        deep = [deep]
    assert shown(deep) == "a value of type list, too large to be shown"
    assert shown(10**5000) == "a value of type int, too large to be shown"
