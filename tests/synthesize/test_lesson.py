"""Lessons as a model writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.synthesize.lesson import Lesson, lesson_fault, parse_lesson

TEXT = " Add tens first: 20 + 30 = 50.\nThen ones.\nExercise: What is\n40 + 50?\nWorking: 40 + 50 = 90.\nAnswer: 90\n"


def test_lesson_exercise_and_answer_are_read_with_the_first_label_or_without():
    lesson = Lesson("Add tens first: 20 + 30 = 50.\nThen ones.", "What is 40 + 50?", "40 + 50 = 90.", "90")
    assert parse_lesson(TEXT) == lesson
    assert parse_lesson(f"Lesson:{TEXT}") == lesson


@pytest.mark.parametrize(
    ("exercise", "question", "working"),
    [
        ("What is 3 + 4?\nWorking: 3 + 4 = 7.", "What is 3 + 4?", "3 + 4 = 7."),
        ("What is 3 + 4? 3 + 4 = 7.", "What is 3 + 4?", "3 + 4 = 7."),
        ("What is 3 + 4? 3 + 4 = 8.", "What is 3 + 4?", "3 + 4 = 8."),
        ("What is 3 + 4?", "What is 3 + 4?", ""),
        ("How many? Give whole numbers.", "How many? Give whole numbers.", ""),
        ("Add 3 and 4. 3 + 4 = 7.", "Add 3 and 4. 3 + 4 = 7.", ""),
        ("How many? 1 = 1?", "How many? 1 = 1?", ""),
    ],
)
def test_the_working_of_an_exercise_has_a_label_or_is_an_equation_behind_the_question(exercise, question, working):
    assert parse_lesson(f"1 + 1 = 2.\nExercise: {exercise}\nAnswer: 7") == Lesson("1 + 1 = 2.", question, working, "7")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Add tens first.",
        "Add tens first.\nExercise: What is 40 + 50?",
        "Add tens first.\nAnswer: 90\nExercise: What is 40 + 50?",
        "\nExercise: What is 40 + 50?\nAnswer: 90",
        "Add.\nExercise:\nAnswer: 90",
        "Add.\nExercise: What is 40 + 50?\nWorking: 40 + 50 = 90",
        "Add.\nWorking: 40 + 50 = 90\nAnswer: 90",
        "Add.\nWorking: 40 + 50 = 90\nExercise: What is 40 + 50?\nAnswer: 90",
        "Add.\nExercise: What is 40 + 50?\nAnswer:",
        "Add.\nExercise: What is 40 + 50?\nAnswer: 90\nThat was easy.",
        f"{TEXT}Exercise: And 1 + 1?\nAnswer: 2",
        f"Here is one.\nLesson: {TEXT}",
        "exercise: lower case\nanswer: 1",
    ],
)
def test_what_lacks_a_part_or_has_more_is_no_lesson(text):
    assert parse_lesson(text) is None


@given(st.text(), st.text())
def test_any_text_can_be_read_and_judged(text, prompt):
    parse_lesson(text)
    assert lesson_fault(text, prompt) in ("", "wrong_step", "no_step", "loose_number")


@given(st.integers(1, 999), st.integers(1, 999), st.integers(1, 9))
def test_a_number_must_be_given_or_stand_in_a_right_equation(a, b, off):
    right, wrong = f"Ann has {a} hens and buys {b}: {a} + {b} = {a + b}.", f"{a} + {b} = {a + b + off}."
    assert lesson_fault(right, "") == ""
    assert lesson_fault(wrong, "") == "wrong_step"
    assert lesson_fault(f"Ann has {a} hens and buys {b}.", f"{a} {b}") == "no_step"
    assert lesson_fault(f"{right} So 1234567 hens.", "") == "loose_number"
    assert lesson_fault(f"{right} So 1234567 hens.", "There were 1,234,567 hens.") == ""


def test_numbers_in_what_is_only_supposed_or_denied_are_loose():
    assert lesson_fault("3 + 4 = 7. Suppose that 3 + 9 = 12.", "") == "loose_number"


def test_digits_of_another_script_are_loose():
    assert lesson_fault("3 + 4 = 7, and then ٩.", "") == "loose_number"


def test_a_megabyte_is_judged_in_a_moment():
    parse_lesson("Exercise: " * 100_000)
    parse_lesson("\nExercise:" * 100_000)
    assert lesson_fault("1 + 1 = 2. " * 1000 + "x" * 1_000_000, "") == ""
