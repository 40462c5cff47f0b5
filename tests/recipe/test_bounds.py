"""YAML that would take forever to build or to show is refused before; what the fuzzer found (`scripts/fuzz.py`)."""

import pytest

LAUGHS = "".join(f"x{i}: &x{i} [{', '.join([f'*x{i - 1}' if i else '1'] * 9)}]\n" for i in range(12))
HUGE = "0x" + "f" * 5000


@pytest.mark.parametrize(
    ("more", "part"),
    [
        (LAUGHS, "it has more than 10000 values, with all that aliases (*name) stand for written out"),
        ("x: [" + "1, " * 10_000 + "]\n", "demo.yaml:6: not valid YAML: it has more than 10000 values"),
        ("x: &a [*a]\n", "demo.yaml:6: not valid YAML: it is nested more than 30 deep"),
        ("x: " + "[" * 40 + "]" * 40 + "\n", "demo.yaml:6: not valid YAML: it is nested more than 30 deep"),
        ("x: " + "{" * 12 + "}" * 12 + "\n", "demo.yaml:6: not valid YAML: a key is a list or a section"),
        ("x: " + "[" * 5000 + "]" * 5000 + "\n", "demo.yaml:6: not valid YAML: it is nested more than 30 deep"),
        ("? [a]\n: b\n", "demo.yaml:6: not valid YAML: a key is a list or a section"),
        (f"seed: {HUGE}\n", "demo.yaml: a value that no recipe has: ValueError: a whole number of 20000 bits"),
        (f"? {HUGE}\n: 1\n", "demo.yaml: a value that no recipe has: ValueError: "),
        ('prompt: {exemplars: "a\\0b"}\n', "demo.yaml:6: not valid YAML: it has the character '\\x00', which no text"),
        ('"\\ud800": 1\n', "demo.yaml:6: not valid YAML: it has the character '\\ud800', which no text has"),
    ],
    ids=lambda text: ascii(text)[:30],
)
def test_a_file_that_no_recipe_needs_to_be_is_refused(complaint, more, part):
    message = complaint(more=more)
    assert part in message
    assert len(message) < 500


@pytest.mark.parametrize("override", [f"seed={HUGE}", "seed=&a [*a]", 'name="\\ud800"', "x=" + "[" * 40 + "]" * 40])
def test_the_same_holds_of_an_override(complaint, override):
    assert "is not valid YAML" in complaint(override)


def test_an_override_of_a_key_of_thousands_of_parts_or_digits_is_an_error(complaint):
    assert "no key has more than 30 parts" in complaint("a." * 3000 + "a=1")
    assert ": unknown key; valid keys: " in complaint("1" * 5000 + "=1")


def test_of_two_long_values_of_one_key_the_beginning_is_shown(complaint):
    message = complaint(more=f"x: {'a' * 10_000}\nx: {'b' * 10_000}\n")
    assert 'demo.yaml:7: found duplicate key "x" with value "bbb' in message
    assert len(message) < 500


def test_of_thousands_of_problems_the_first_are_told(complaint):
    heading, *problems = complaint(more="".join(f"a{i}: 1\n" for i in range(5000))).splitlines()
    assert heading.endswith("5000 problems")
    assert len(problems) == 31
    assert problems[-1] == "  and 4970 more"


@pytest.mark.parametrize(
    ("more", "part"),
    [
        ("<<: {extends: nowhere.yaml}\n", "demo.yaml: extends = 'nowhere.yaml': there is no recipe "),
        (f"extends: {'a' * 3000}\n", "demo.yaml:6: extends = 'aaaa"),
        ("<<: {version: 999}\n", "demo.yaml: version = 999: this star reads up to version"),
    ],
)
def test_a_parent_or_version_that_is_merged_in_or_endless_is_an_error_like_others(complaint, more, part):
    message = complaint(more=more)
    assert part in message
    assert len(message) < 800


def test_a_key_that_would_write_to_the_terminal_is_shown_escaped(complaint):
    message = complaint(more='"\\e[31m": 1\n"\\e[31m": 2\n')
    assert 'demo.yaml:7: found duplicate key "\\x1b[31m"' in message
    assert "\x1b" not in message


def test_a_pattern_of_thousands_of_groups_in_groups_is_no_regular_expression(complaint):
    pattern = "(" * 3000 + ")" * 3000
    message = complaint(
        base=f"name: x\ntask: {{kind: jsonl, train: a, answer_pattern: '{pattern}'}}\nmodel: {{path: m}}\n"
    )
    assert "not a regular expression: maximum recursion depth exceeded" in message
