"""`star eval`: score an iteration of a run, or any model, on the run's held-out problems or on those of another task.

`subject.py` finds out what is to be scored on what, `score.py` does it, `table.py` shows it, and `harness.py` writes it
as lm-evaluation-harness does. A finished iteration is only read, and the run may be at work meanwhile.
"""

from star.evaluation.harness import write_harness_results
from star.evaluation.score import Evaluation, score
from star.evaluation.subject import Subject, choose_subject
from star.evaluation.table import print_evaluation

__all__ = ["Evaluation", "Subject", "choose_subject", "print_evaluation", "score", "write_harness_results"]
