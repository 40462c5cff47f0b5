"""Which process this one is, what launchers really start, and who gets which cores."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from star.errors import UserError
from star.processes import Place, find_place, missing_processes
from star.processes.launch import RANK, SIZE, share_of_cores
from tests.conftest import ROOT


@pytest.fixture
def environment(monkeypatch):
    for name in (*RANK, *SIZE):
        monkeypatch.delenv(name, raising=False)
    return lambda **values: [monkeypatch.setenv(name, value) for name, value in values.items()]


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        ({}, (0, 1)),
        ({"RANK": "1", "WORLD_SIZE": "2"}, (1, 2)),
        ({"OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_SIZE": "4"}, (3, 4)),
    ],
)
def test_the_place_is_what_the_launcher_says(environment, variables, place):
    environment(**variables)
    assert find_place() == Place(*place)


@pytest.mark.parametrize("variables", [{"RANK": "2", "WORLD_SIZE": "2"}, {"RANK": "one"}, {"RANK": "1"}])
def test_a_place_that_is_none_is_an_error(environment, variables):
    environment(**variables)
    with pytest.raises(UserError, match="RANK"):
        find_place()


@given(st.integers(1, 9), st.integers(0, 40))
def test_all_processes_get_cores_of_their_own_and_no_core_is_left(processes, more):
    cores = frozenset(range(3, 3 + processes + more))
    shares = [share_of_cores([cores] * processes, place) for place in range(processes)]
    if processes == 1:
        assert shares == [None]
    else:
        assert sorted(core for share in shares for core in share) == sorted(cores)
        assert all(shares)
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_cores_that_somebody_has_bound_or_that_are_too_few_stay_as_they_are():
    assert share_of_cores([frozenset({0}), frozenset({1})], 0) is None
    assert share_of_cores([frozenset({0})] * 2, 1) is None


@pytest.mark.parametrize(
    "options", [["--cpu", "--num_processes", "2"], ["--num-processes=2", "--cpu"], ["--cpu", "--config_file", "CONFIG"]]
)
def test_a_launcher_that_starts_one_process_where_two_were_asked_for_is_found_out(options, tmp_path):
    config = tmp_path / "two.yaml"
    config.write_text(
        "distributed_type: MULTI_CPU\nnum_processes: 2\nuse_cpu: true\ncompute_environment: LOCAL_MACHINE\n"
    )
    script = tmp_path / "says.py"
    script.write_text(
        "from star.processes import find_place, missing_processes\n"
        "print(find_place(), missing_processes(find_place()))\n"
    )
    options = [str(config) if option == "CONFIG" else option for option in options]
    done = subprocess.run(
        [sys.executable, "-m", "accelerate.commands.launch", *options, script], capture_output=True, text=True, cwd=ROOT
    )
    assert "Place(rank=0, size=1) 2 processes were asked for, but this launcher started one" in done.stdout, done.stderr


def test_one_process_that_was_asked_for_is_not_missed():
    assert missing_processes(Place(0, 1)) is None
    assert missing_processes(Place(0, 2)) is None
