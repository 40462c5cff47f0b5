"""Which problems an iteration tries: drawn all alike, drawn by what can be learned from them, or made anew.

`estimate.py` says how likely each is solved, `draw.py` draws by that, `practice.py` makes problems at the level of
difficulty that the model has reached, and `effort.py` says where the attempts went.
"""

from star.curriculum.choose import choose
from star.curriculum.draw import draw
from star.curriculum.effort import CLASSES
from star.curriculum.practice import practice_examples

__all__ = ["CLASSES", "choose", "draw", "practice_examples"]
