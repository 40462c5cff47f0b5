"""One verifier of mathematics for all tests: its workers take a second to start."""

from __future__ import annotations

import pytest

from star.verify import SymbolicVerifier


@pytest.fixture(scope="session")
def symbolic() -> SymbolicVerifier:
    """Two workers, and time enough for a busy machine."""
    return SymbolicVerifier(timeout=20, workers=2)


@pytest.fixture(scope="session")
def hurried() -> SymbolicVerifier:
    """Little time and memory, so that both are soon used up."""
    return SymbolicVerifier(timeout=1, memory=128, workers=2)
