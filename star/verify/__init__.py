"""Extraction and verification: what did the model answer, is it the ground truth, and does the rationale add up?

One file a verifier, and this dict. Text from a model is only ever matched, parsed by closed grammars and compared; what
needs a computer algebra system runs in a worker that can be killed.
"""

from star.verify.base import Verifier
from star.verify.choice import ChoiceVerifier
from star.verify.exact import ExactVerifier
from star.verify.extract import Extractor
from star.verify.label import LabelVerifier
from star.verify.numeric import NumericVerifier, parse_number
from star.verify.steps import STEPS_VERSION, Steps, check_steps, closed_equations, sound_steps
from star.verify.symbolic import SymbolicVerifier

VERIFIERS: dict[str, type[Verifier]] = {
    "exact": ExactVerifier,
    "choice": ChoiceVerifier,
    "label": LabelVerifier,
    "numeric": NumericVerifier,
    "symbolic": SymbolicVerifier,
}

__all__ = [
    "STEPS_VERSION",
    "VERIFIERS",
    "ChoiceVerifier",
    "ExactVerifier",
    "Extractor",
    "LabelVerifier",
    "NumericVerifier",
    "Steps",
    "SymbolicVerifier",
    "Verifier",
    "check_steps",
    "closed_equations",
    "parse_number",
    "sound_steps",
]
