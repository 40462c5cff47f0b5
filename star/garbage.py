"""What Python's garbage collector looks through: not the libraries, which are most objects of a run, and stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def spare_libraries() -> Iterator[None]:
    """Within, garbage is looked for among what is made within (https://docs.python.org/3/library/gc.html#gc.freeze)."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
