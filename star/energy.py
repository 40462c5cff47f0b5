"""How much energy the machine takes, where it tells: its processors and memory, and the GPU that a run computes on.

Processors and memory: the counters of RAPL, below `/sys/class/powercap`
(https://docs.kernel.org/power/powercap/powercap.html). Of their zones only packages and `dram` are added up, for a
package counts its cores, and `psys` counts the packages; only `intel-rapl` is read, which AMD's are called too, for
`intel-rapl-mmio` is the same once more. Since Linux 5.10 only root may read them.

GPU: `nvmlDeviceGetTotalEnergyConsumption`, if the package `nvidia-ml-py` is installed
(https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceQueries.html). NVML counts GPUs in the order of the PCI bus;
where a machine has different ones, `CUDA_DEVICE_ORDER=PCI_BUS_ID` makes CUDA count them alike.

All of it is the whole machine's, whoever else is at work on it. What cannot be read is left out.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

POWERCAP = Path("/sys/class/powercap")
EVERY = 10.0
"""Seconds between two looks: a busy package's counter begins again after a quarter of an hour, so one must look."""


@dataclass
class _Counter:
    """One that only grows.

    Attributes:
        read: raises OSError or ValueError where it cannot be read.
        joules: one count of it.
        range: it begins again after this many counts.
    """

    read: Callable[[], int]
    joules: float
    range: int = 0
    last: int = 0

    def taken(self) -> float:
        """Joules since it was last asked."""
        try:
            now = self.read()
        except (OSError, ValueError):
            return 0.0  # next time
        counts, self.last = now - self.last, now
        return self.joules * (counts if counts >= 0 else max(0, counts + self.range))


class Meter:
    """Adds up what the counters count."""

    def __init__(self, powercap: Path = POWERCAP):
        self._powercap, self._counters = powercap, []
        self._joules, self._looked = 0.0, 0.0

    def begin(self, device: str) -> None:
        """Count from now on; the GPU too if `device` is one, as torch names it."""
        self._counters = [*_zones(self._powercap), *(_gpu(device) if device.startswith("cuda") else ())]
        self._joules, self._looked = 0.0, time.monotonic()

    def look(self) -> None:
        """Call this often."""
        if self._counters and time.monotonic() - self._looked >= EVERY:
            self._read()

    def take(self) -> float | None:
        """Joules since this was last called; `None` if nothing can be read here."""
        if not self._counters:
            return None
        self._read()
        taken, self._joules = self._joules, 0.0
        return taken

    def _read(self) -> None:
        self._looked = time.monotonic()
        self._joules += sum(counter.taken() for counter in self._counters)


meter = Meter()
"""The meter of this process."""


def _zones(powercap: Path) -> Iterator[_Counter]:
    for zone in sorted(powercap.glob("intel-rapl:*")):
        read = partial(_number, zone / "energy_uj")
        try:
            name = (zone / "name").read_text().strip()
            if name.startswith("package") or name == "dram":
                yield _Counter(read, 1e-6, _number(zone / "max_energy_range_uj"), read())
        except (OSError, ValueError):
            continue


def _number(path: Path) -> int:
    return int(path.read_text())


def _gpu(device: str) -> Iterator[_Counter]:
    try:
        import pynvml
    except ImportError:
        return
    try:
        pynvml.nvmlInit()
        read = partial(_millijoules, pynvml, _handle(pynvml, int(device.partition(":")[2] or 0)))
        yield _Counter(read, 1e-3, last=read())
    except (OSError, ValueError, IndexError, pynvml.NVMLError):
        return  # no driver, a part of a GPU (MIG), or one from before Volta


def _handle(nvml: Any, number: int) -> Any:
    """The GPU that CUDA calls `number`: `CUDA_VISIBLE_DEVICES` names those that it counts, by number or UUID."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    name = str(number) if visible is None else visible.split(",")[number].strip()
    return nvml.nvmlDeviceGetHandleByIndex(int(name)) if name.isdecimal() else nvml.nvmlDeviceGetHandleByUUID(name)


def _millijoules(nvml: Any, handle: Any) -> int:
    try:
        return nvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except nvml.NVMLError as error:
        raise OSError(str(error)) from None
