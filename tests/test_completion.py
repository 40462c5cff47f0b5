"""The shells complete what the parser knows."""

import subprocess
import sys

import pytest

from tests.command import star


def completed(script, *words):
    """What bash offers for the last of these words."""
    shown = " ".join(words)
    code = f'. "$0"; COMP_WORDS=({shown}); COMP_CWORD={len(words) - 1}; _shtab_star; printf "%s\\n" "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", code, script], capture_output=True, text=True, check=True, cwd=script.parent)
    return done.stdout.split()


def test_bash_completes_commands_options_and_files(tmp_path):
    pytest.importorskip("shtab")
    script = tmp_path / "star.bash"
    script.write_text(star("completion", "bash", cwd=tmp_path).stdout)
    (tmp_path / "mine.yaml").touch()
    assert completed(script, "star", "ev") == ["eval"]
    assert completed(script, "star", "run", "--dr") == ["--dry-run"]
    assert completed(script, "star", "run", "mi") == ["mine.yaml"]


@pytest.mark.parametrize(("shell", "mark"), [("zsh", "#compdef star"), ("fish", "complete -c star")])
def test_other_shells_get_a_script_of_theirs(shell, mark, tmp_path):
    pytest.importorskip("shtab")
    assert mark in star("completion", shell, cwd=tmp_path).stdout


def test_without_shtab_there_is_the_line_that_mends_it():
    code = "import sys; sys.modules['shtab'] = None; from star.cli import main; sys.exit(main(['completion', 'bash']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'star-trainer[completion]'" in done.stderr
