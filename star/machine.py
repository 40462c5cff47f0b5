"""Errors that are the machine's: no memory, no room on the disk, a folder that may not be written."""

from __future__ import annotations

import os
import re

ADVICE = {
    "sampling": "lower sampler.batch_size or sampler.max_tokens_in_flight",
    "fine-tuning": "lower train.micro_batch_size",
}
"""Recipe keys that take less memory, by activity (`star/clock.py`); a run may go on with other values of them."""
NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
"""How torch says so; not all of its errors have a class of their own."""


def machine_error(error: BaseException) -> str | None:
    """What the machine refused and what to do, or `None` if the error is not the machine's."""
    text = (str(error).splitlines() or [type(error).__name__])[0][:300]
    if isinstance(error, OSError):
        return f"{text}; mend that"
    if number := re.search(r"\(os error (\d+)\)", text):  # of a library in Rust, safetensors among them
        return f"{os.strerror(int(number[1]))} ({text}); mend that"
    if isinstance(error, MemoryError) or any(sign in text.lower() for sign in NO_MEMORY):
        activity = getattr(error, "activity", "the run")
        return f"out of memory in {activity} ({text}); {ADVICE.get(activity, 'free some')}"
    return None
