"""Units behind a value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.verify.symbolic import UNITS
from star.verify.units import Units

LENGTHS = Units(["cm|centimeter|centimeters", "m|meters", "in|in.|inches", "dollar|dollars"])


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("5 cm", "5", "cm|centimeter|centimeters"),
        ("5cm", "5", "cm|centimeter|centimeters"),
        ("5 Centimeters.", "5", "cm|centimeter|centimeters"),
        (r"5\text{ cm}", "5", "cm|centimeter|centimeters"),
        (r"5 \mathrm{ m }", "5", "m|meters"),
        (r"\frac{1}{2}\,\text{meters}", r"\frac{1}{2}\,", "m|meters"),
        ("12 cm^2", "12", "cm|centimeter|centimeters^2"),
        (r"12\text{ cm}^{2}", "12", "cm|centimeter|centimeters^2"),
        ("12 cm³", "12", "cm|centimeter|centimeters^3"),
        ("3 in.", "3", "in|in.|inches"),
        (r"30^\circ", "30", "degree"),
        (r"30^{\circ}", "30", "degree"),
        ("30°", "30", "degree"),
        (r"30\degree", "30", "degree"),
        (r"\$5", r"\$5", "dollar|dollars"),
    ],
)
def test_a_value_and_its_unit_come_apart(text, value, unit):
    found, its_unit = LENGTHS.split(text)
    assert (found.removesuffix(r"\,"), its_unit) == (value.removesuffix(r"\,"), unit)


@pytest.mark.parametrize("text", ["5", "cm", "5m", "5 miles", "xcm", "5 cm 3", r"\sin 30^\circ", r"\text{east}", ""])
def test_what_is_no_value_with_a_unit_stays_whole(text):
    """`5m` is five times m: a letter alone is a unit in LaTeX text only."""
    assert LENGTHS.split(text) == (text, None)


def test_without_units_nothing_comes_apart_but_degrees():
    assert Units([]).split("5 cm") == ("5 cm", None)
    assert Units([]).split("5°") == ("5", "degree")


@given(st.text() | st.text(r"5 cm^2{}\text.°"))
def test_no_text_raises_and_nothing_is_lost_before_the_unit(text):
    value, _ = Units(UNITS).split(text)
    assert text.startswith(value)


@pytest.mark.parametrize("piece", [" ", "cm ", "^2", r"\text{", "5", r"\\"])
def test_a_megabyte_ends(piece):
    Units(UNITS).split(piece * (1_000_000 // len(piece)))


def test_a_letter_is_a_unit_beside_a_number_but_not_beside_an_expression():
    assert Units(["m|meters"], letters=True).split("5 m") == ("5", "m|meters")
    assert Units(["m|meters"]).split("5 m") == ("5 m", None)
