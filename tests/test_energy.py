"""Joules, from a made-up tree of powercap and a made-up NVML, which fail as the real ones do."""

import sys
from types import SimpleNamespace

import pytest

from star import energy
from star.energy import Meter

RANGE = 262_143_328_850
"""Microjoules after which the counter of a package begins again, on most processors."""


@pytest.fixture
def powercap(tmp_path):
    """The zones of a laptop as Linux shows them (all in one folder, where they are links), and how to set counters."""
    (tmp_path / "intel-rapl").mkdir()  # the control type has no counter
    (tmp_path / "intel-rapl/enabled").write_text("1\n")
    zones = {
        "intel-rapl:0": "package-0",
        "intel-rapl:0:0": "core",
        "intel-rapl:0:1": "uncore",
        "intel-rapl:0:2": "dram",
        "intel-rapl:1": "psys",
        "intel-rapl-mmio:0": "package-0",
    }
    for zone, name in zones.items():
        (tmp_path / zone).mkdir()
        (tmp_path / zone / "name").write_text(f"{name}\n")
        (tmp_path / zone / "max_energy_range_uj").write_text(f"{RANGE}\n")

    def count(microjoules):
        for zone in zones:
            (tmp_path / zone / "energy_uj").write_text(f"{microjoules}\n")

    count(RANGE - 3_000_000)
    return SimpleNamespace(folder=tmp_path, count=count)


class Nvml:
    """As much of `pynvml` as there is to use."""

    class NVMLError(Exception):
        pass

    def __init__(self, *millijoules):
        self.millijoules, self.has_driver = list(millijoules), True

    def nvmlInit(self):
        if not self.has_driver:
            raise self.NVMLError("Driver Not Loaded")

    def nvmlDeviceGetHandleByIndex(self, index):
        if index >= len(self.millijoules):
            raise self.NVMLError("Invalid Argument")
        return index

    def nvmlDeviceGetHandleByUUID(self, uuid):
        if not uuid.startswith("GPU-"):
            raise self.NVMLError("Not Found")
        return int(uuid[-1])

    def nvmlDeviceGetTotalEnergyConsumption(self, handle):
        if self.millijoules[handle] is None:
            raise self.NVMLError("Not Supported")
        return self.millijoules[handle]


@pytest.fixture
def nvml(monkeypatch):
    """Two GPUs."""
    found = Nvml(1_000, 50_000)
    monkeypatch.setitem(sys.modules, "pynvml", found)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return found


def begun(folder, device="cpu"):
    meter = Meter(folder)
    meter.begin(device)
    return meter


def test_packages_and_memory_are_added_up_and_what_holds_them_or_is_part_of_them_is_not(powercap):
    meter = begun(powercap.folder)
    powercap.count(RANGE - 1_000_000)
    assert meter.take() == pytest.approx(2 * 2.0)
    assert meter.take() == 0


def test_a_counter_that_has_begun_again_has_counted_on(powercap):
    meter = begun(powercap.folder)
    powercap.count(4_000_000)
    assert meter.take() == pytest.approx(2 * 7.0)


def test_whoever_looks_often_enough_misses_no_round(powercap, monkeypatch):
    meter = begun(powercap.folder)
    now = energy.time.monotonic()
    for count in (RANGE // 2, RANGE - 1, RANGE // 2, RANGE - 3_000_000):
        now += energy.EVERY
        monkeypatch.setattr(energy.time, "monotonic", lambda now=now: now)
        powercap.count(count)
        meter.look()
    powercap.count(0)
    meter.look()  # too soon
    powercap.count(RANGE - 3_000_000)
    assert meter.take() == pytest.approx(2 * 2 * RANGE / 1e6)


def test_what_cannot_be_read_is_left_out_and_a_machine_that_tells_nothing_has_no_joules(powercap, tmp_path):
    (powercap.folder / "intel-rapl:0/energy_uj").unlink()
    (powercap.folder / "intel-rapl:0/energy_uj").mkdir()  # root may read any file
    meter = begun(powercap.folder)
    (powercap.folder / "intel-rapl:0:2/energy_uj").write_text(f"{RANGE}\n")
    assert meter.take() == pytest.approx(3.0)
    (powercap.folder / "intel-rapl:0:2/energy_uj").write_text("?")
    assert meter.take() == 0
    (powercap.folder / "intel-rapl:0:2/energy_uj").write_text("1000000")
    assert meter.take() == pytest.approx(1.0)  # what the counter counted meanwhile is not lost
    assert begun(tmp_path / "nowhere").take() is None


def test_before_it_begins_a_meter_says_nothing(powercap):
    meter = Meter(powercap.folder)
    meter.look()
    assert meter.take() is None


@pytest.mark.parametrize(
    ("device", "visible", "joules"),
    [
        ("cuda", None, 1), ("cuda:1", None, 2), ("cuda", "1", 2), ("cuda:1", "1,0", 1), ("cuda", "GPU-1", 2),
        ("cpu", None, None), ("cuda:7", None, None), ("cuda", "", None), ("cuda:1", "0", None), ("cuda", "MIG-1", None),
    ],
)  # fmt: skip
def test_the_gpu_that_computes_is_the_one_that_counts(nvml, tmp_path, monkeypatch, device, visible, joules):
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    meter = begun(tmp_path, device)
    nvml.millijoules = [2_000, 52_000]
    assert meter.take() == joules


def test_a_gpu_is_added_to_the_processors(powercap, nvml):
    meter = begun(powercap.folder, "cuda")
    powercap.count(RANGE - 2_000_000)
    nvml.millijoules[0] = 1_500
    assert meter.take() == pytest.approx(2 * 1.0 + 0.5)
    nvml.millijoules[0] = 100  # the driver was loaded anew
    assert meter.take() == 0


@pytest.mark.parametrize("broken", ["no driver", "an old GPU", "no module"])
def test_without_an_nvml_that_works_there_is_no_gpu(nvml, tmp_path, monkeypatch, broken):
    nvml.has_driver = broken != "no driver"
    if broken == "an old GPU":
        nvml.millijoules[0] = None
    if broken == "no module":
        monkeypatch.setitem(sys.modules, "pynvml", None)
    assert begun(tmp_path, "cuda").take() is None
