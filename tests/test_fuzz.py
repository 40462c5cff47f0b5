"""The fuzzer: it finds what is planted, saves it small, and finds nothing in a few inputs of each of its targets."""

import ast
import sys
import time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from hypothesis import strategies as st

from star.errors import UserError

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def fuzz():
    spec = spec_from_file_location("fuzz", ROOT / "scripts" / "fuzz.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(ROOT))


@pytest.fixture
def plant(fuzz, tmp_path, capfd):
    """Fuzz a function for a moment: the exit code, what is printed, and the saved files."""

    def plant(run, seconds=1.5):
        code = fuzz.main(
            ["--seconds", str(seconds), "--save", str(tmp_path / "found")],
            {"planted": lambda: fuzz.Target(st.integers(), run)},
        )
        return code, capfd.readouterr().out, sorted((tmp_path / "found").iterdir())

    return plant


@pytest.mark.parametrize("name", ["recipe", "data", "journal", "judge"])
def test_a_few_inputs_of_each_target_break_nothing(fuzz, tmp_path, capfd, name):
    seconds = "4" if name == "judge" else "1.5"
    code = fuzz.main(["--targets", name, "--seconds", seconds, "--save", str(tmp_path)])
    out = capfd.readouterr().out
    assert code == 0, out
    assert out.startswith(f"{name}: ")
    assert "0 found" in out
    assert not out.startswith(f"{name}: 0 inputs")


def test_a_planted_bug_is_found_made_small_and_saved(fuzz, plant):
    def run(value, _folder):
        if value < 0:
            raise UserError("below 0")
        if value >= 1000:
            raise ValueError(f"{value}\nis too much")

    code, out, files = plant(run)
    assert code == 1
    assert [file.name for file in files] == ["planted-0-1.txt"]
    assert ast.literal_eval(files[0].read_text()) == 1000
    assert "# ValueError: 1000\n# is too much\n" in files[0].read_text()
    assert "1 found" in out
    with pytest.raises(ValueError, match="1000"):
        fuzz.main(["--replay", str(files[0])], {"planted": lambda: fuzz.Target(st.none(), run)})


def test_each_different_bug_is_saved_once(plant):
    def run(value, _folder):
        if value > 10:
            raise KeyError(value)
        if value < -10:
            raise OSError(value)

    code, out, files = plant(run)
    assert (code, len(files)) == (1, 2), out
    assert {ast.literal_eval(file.read_text()) for file in files} == {11, -11}


@pytest.mark.parametrize("message", ["", "x" * 100_000, "Traceback (most recent call last)"])
def test_a_message_that_nobody_can_read_is_a_finding(plant, message):
    def run(value, _folder):
        raise UserError(message)

    assert plant(run, seconds=0.3)[0] == 1


def test_writing_outside_of_the_folder_is_a_finding(plant, tmp_path):
    def run(value, folder):
        (folder / "inside").write_text("x")
        (tmp_path / "outside").touch()

    code, out, _ = plant(run, seconds=0.3)
    assert code == 1
    assert "wrote outside of its folder: " in out
    assert f"open {tmp_path}/outside" in out


def test_an_input_that_hangs_is_a_finding_with_its_stack(fuzz, plant, monkeypatch):
    monkeypatch.setattr(fuzz, "LIMIT", 0.5)

    def run(value, _folder):
        if value > 5:
            time.sleep(60)

    code, _, files = plant(run)
    assert code == 1
    assert "# hung, or killed the process: exit code -14\n" in files[0].read_text()
    assert "in run" in files[0].read_text()
    assert ast.literal_eval(files[0].read_text()) > 5
