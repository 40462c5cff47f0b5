"""Many processes, one run: rank 0 leads and keeps the run directory, the others do what it hands them.

launch.py   which process this one is, as accelerate and torchrun say by environment variables
link.py     messages between two processes, and word of the other one's end
feed.py     a queue of work that whoever is free takes from, and its results in order
leader.py   rank 0, which hands out work and ends the run if another process fails
meeting.py  how the processes find each other
world.py    the processes of a run together: one `Alone`, or one that leads (`lead`) and others that `follow`
"""

from __future__ import annotations

from star.processes.launch import Place, find_place, missing_processes
from star.processes.world import Alone, World, follow, lead

__all__ = ["Alone", "Place", "World", "find_place", "follow", "lead", "missing_processes"]
