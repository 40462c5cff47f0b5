"""Cards: what a model and a data set are, in words and numbers, for whoever finds them without the run.

Markdown with the metadata that the Hugging Face hub reads, from the files of a run directory only: the same files give
the same bytes. `model.py` and `dataset.py` gather what the templates beside them show.
"""

from star.cards.dataset import dataset_card
from star.cards.model import model_card

__all__ = ["dataset_card", "model_card"]
