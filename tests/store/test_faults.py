"""Whatever happens to a run, it ends with one clear error, nothing is lost, and the same command goes on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from scripts.torture import differences
from star.cli import main
from star.machine import machine_error
from star.sample.local import LocalSampler
from star.store import Store
from tests import apart

ROOT = Path(__file__).parents[2]


def run(recipe: Path, runs: Path, fault: str = "none@") -> apart.Ended:
    """`star run`, with a fault of the file system."""
    return apart.star(fault, runs, "run", str(recipe), "--runs", str(runs))


def assert_whole_so_far(runs: Path, capsys) -> None:
    """What is finished is intact, and so is what is not."""
    if (runs / "tiny/run.json").exists():
        code = main(["verify-run", str(runs / "tiny")])
        assert code == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("ENOSPC@001.partial/MANIFEST.json", "No space left on device"),
        ("EIO@metrics.jsonl", "Input/output error"),
        ("EROFS@tiny", "Read-only file system"),
    ],
)
def test_a_disk_that_fails_ends_the_run_with_its_name_and_a_resume_gives_the_same_bits(
    tiny_run, tiny_recipe, tmp_path, capsys, fault, words
):
    failed = run(tiny_recipe, tmp_path / "runs", fault=fault)
    assert failed.returncode == 2, failed.stderr
    assert words in failed.stderr
    assert "the same command goes on from here" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert_whole_so_far(tmp_path / "runs", capsys)
    again = run(tiny_recipe, tmp_path / "runs")
    assert again.returncode == 0, again.stderr
    assert differences(tiny_run, tmp_path / "runs/tiny") == []


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a file system of its own, and a function that gives it another size."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield (
            folder,
            lambda size: subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True),
        )
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_ends_the_run_and_with_more_room_the_same_command_goes_on(
    tiny_run, tiny_recipe, small_disk, capsys
):
    folder, resize = small_disk
    for size in ("100k", "250k"):
        resize(size)
        failed = run(tiny_recipe, folder)
        assert failed.returncode == 2, failed.stderr
        assert "No space left on device" in failed.stderr
        assert "warning: disk: the run may write up to" in failed.stdout
        assert "Traceback" not in failed.stderr
        assert_whole_so_far(folder, capsys)
    resize("20m")
    again = run(tiny_recipe, folder)
    assert again.returncode == 0, again.stderr
    assert "\ndisk: the run may write up to" in f"\n{again.stdout}"
    assert differences(tiny_run, folder / "tiny") == []


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (signal.SIGTERM, "001.partial/attempts.jsonl.journal.seals"),
        (signal.SIGINT, "001.partial/adapter.checkpoints/000003"),
    ],
)
def test_a_signal_ends_the_run_after_the_wave_or_the_step_and_says_how_to_go_on(
    tiny_run, tiny_recipe, tmp_path, capsys, number, moment
):
    arguments = ["run", str(tiny_recipe), "--runs", str(tmp_path), "train.checkpoint_every=1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "star", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )
    while not (tmp_path / "tiny/iterations" / moment).exists() and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 128 + number, stderr
    assert f"interrupted; resume with: star {' '.join(arguments)}" in stderr
    assert "Traceback" not in stderr
    assert not (tmp_path / "tiny/iterations/002").exists()
    assert_whole_so_far(tmp_path, capsys)
    assert main(arguments) == 0
    found = differences(tiny_run, tmp_path / "tiny")
    assert found == ["recipe.yaml: other bytes"]  # checkpoint_every


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent is gone")
def test_a_launcher_that_is_ended_takes_the_run_with_it(tiny_run, tiny_recipe, tmp_path, capsys):
    """`accelerate launch` passes no signal on."""
    arguments = [str(tiny_recipe), "--runs", str(tmp_path)]
    launcher = subprocess.Popen(
        [sys.executable, "-m", "accelerate.commands.launch", "--num_processes", "1", "--num_machines", "1",
         "--mixed_precision", "no", "--dynamo_backend", "no", "--cpu", "scripts/run_star.py", *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not (tmp_path / "tiny/iterations/001.partial/attempts.jsonl.journal.seals").exists():
        assert launcher.poll() is None, launcher.stderr.read()
        time.sleep(0.001)
    launcher.send_signal(signal.SIGTERM)
    _, stderr = launcher.communicate(timeout=60)  # until the run has closed its output
    assert f"interrupted; resume with: accelerate launch scripts/run_star.py {' '.join(arguments)}" in stderr
    assert not (tmp_path / "tiny/iterations/002").exists()
    assert_whole_so_far(tmp_path, capsys)
    assert main(["run", *arguments]) == 0
    assert differences(tiny_run, tmp_path / "tiny") == []


def test_a_loss_that_is_no_number_leaves_what_there_was_to_go_on_from(tiny_run, tiny_recipe, tmp_path, capsys):
    runs = ["--runs", str(tmp_path)]
    assert main(["run", str(tiny_recipe), *runs, "train.lr=1e30"]) == 2
    message = capsys.readouterr().err
    assert "fine-tuning stopped at step" in message
    assert "--fork NEW --from-iteration N" in message
    assert_whole_so_far(tmp_path, capsys)
    assert main(["run", str(tiny_recipe), *runs, "--fork", "mended", "--from-iteration", "0"]) == 0
    found = differences(tiny_run, tmp_path / "mended")
    assert [line for line in found if "MANIFEST" not in line] == ["recipe.yaml: other bytes", "run.json: other bytes"]


def test_memory_that_runs_out_is_an_error_that_says_what_takes_less(
    tiny_run, tiny_recipe, tmp_path, capsys, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(LocalSampler, "_decode", lambda *_: torch.empty(1 << 55))  # torch's own error
        assert main(["run", str(tiny_recipe), "--runs", str(tmp_path)]) == 2
    message = capsys.readouterr().err
    assert "out of memory in sampling (" in message
    assert "lower sampler.batch_size or sampler.max_tokens_in_flight, and the same command goes on" in message
    assert main(["run", str(tiny_recipe), "--runs", str(tmp_path)]) == 0
    assert differences(tiny_run, tmp_path / "tiny") == []


def test_what_is_not_the_machines_stays_a_bug():
    assert machine_error(RuntimeError("shapes do not fit")) is None
    assert machine_error(RuntimeError()) is None
    assert "out of memory in the run (MemoryError)" in machine_error(MemoryError())


def test_a_clock_that_jumps_changes_nothing(tiny_run, tiny_recipe, tmp_path, monkeypatch):
    jumps = iter(range(10**9, 0, -997))
    monkeypatch.setattr(time, "time", lambda: float(next(jumps)))
    monkeypatch.setattr(time, "time_ns", lambda: next(jumps) * 10**9)
    assert main(["run", str(tiny_recipe), "--runs", str(tmp_path)]) == 0
    assert differences(tiny_run, tmp_path / "tiny") == []
    assert all(row["seconds"]["adapter"] >= 0 for row in Store(tmp_path / "tiny").metrics()[1:])


def test_a_kill_at_some_file_operations_ends_with_the_same_bits(tmp_path, tiny_recipe):
    """A small part of what `scripts/torture.py --sweep` does."""
    recipe = [
        str(tiny_recipe),
        "iterations=1",
        "task.train={1: 20}",
        "task.held_out={1: 5}",
        "train.checkpoint_every=4",
    ]
    done = subprocess.run(
        [sys.executable, "scripts/torture.py", *recipe, "--sweep", "--every", "151", "--folder", str(tmp_path / "t")],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1].split()
    assert int(last[0]) >= 2
    assert last[4:] == ["0", "of", "them", "with", "differences"]
