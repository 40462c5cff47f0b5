"""What the figures of a benchmark depend on."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import version
from pathlib import Path


def machine(*packages: str) -> dict[str, str]:
    """Processor, Python, system, and the versions of `packages`."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    cpu = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    versions = {name: version(name) for name in packages}
    return {"cpu": cpu or platform.processor(), "python": sys.version.split()[0], "system": sys.platform, **versions}
