"""The run directory: nothing in it is lost, and nothing in it is used that is not what was written.

`run.py` is the directory as a whole, `iteration.py` one iteration of it, `journal.py` the rows of a stage that is not
complete, `checkpoints.py` a training that is not; `manifest.py` knows what files must be. `changes.py` says what may
change under a run, `retention.py` what need not be kept, `fork.py` begins a run where another was, and `integrity.py`
checks it all. `owner.py` says who is at work, `progress.py` how far that is, and `artefacts.py` reads an iteration.
"""

from star.store.artefacts import Artefacts, iterations_of
from star.store.checkpoints import Checkpoints
from star.store.iteration import Iteration
from star.store.journal import Journal
from star.store.run import Store

__all__ = ["Artefacts", "Checkpoints", "Iteration", "Journal", "Store", "iterations_of"]
