"""How many steps an iteration trains for."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.recipe.training import Steps, Training


@pytest.mark.parametrize(
    ("steps", "schedule"),
    [
        (Steps(), [40, 48, 57, 69, 82, 99]),
        (Steps(start=300, increment=20), [300, 320, 340, 360]),
        (Steps(cap=50), [40, 48, 50, 50]),
        (Steps(start=300, increment=20, cap=330), [300, 320, 330, 330]),
        (Steps(start=10, growth=1.0), [10, 10, 10]),
        (Steps(start=10, growth=2.0), [10, 20, 40]),
        (Steps(start=10, increment=0), [10, 10, 10]),
        (Steps(start=9, cap=5), [5, 5]),
    ],
)
def test_steps_follow_the_schedule_of_the_paper(steps, schedule):
    assert [steps.in_iteration(number) for number in range(1, len(schedule) + 1)] == schedule


def test_training_follows_the_schedule_of_the_paper_unless_told_otherwise():
    assert [Training().steps_in(number, 1000) for number in (1, 2, 3)] == [40, 48, 57]


@given(st.integers(1, 5000), st.integers(1, 64), st.sampled_from([0.1, 0.5, 1.0, 3.0]))
def test_epochs_count_a_last_partial_batch_as_a_step(examples, batch_size, epochs):
    steps = Training(epochs=epochs, batch_size=batch_size).steps_in(1, examples)
    assert steps == max(1, math.ceil(examples * epochs / batch_size))
    assert steps * batch_size >= examples * epochs
