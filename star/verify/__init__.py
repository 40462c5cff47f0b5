"""Extraction and verification: what did the model answer, and is it the ground truth?

One file a verifier, and this dict. Text from a model is only ever matched and compared, never evaluated.
"""

from star.verify.base import Verifier
from star.verify.choice import ChoiceVerifier
from star.verify.exact import ExactVerifier
from star.verify.extract import Extractor
from star.verify.numeric import NumericVerifier, parse_number

VERIFIERS: dict[str, type[Verifier]] = {
    "exact": ExactVerifier,
    "numeric": NumericVerifier,
    "choice": ChoiceVerifier,
}

__all__ = ["VERIFIERS", "ChoiceVerifier", "ExactVerifier", "Extractor", "NumericVerifier", "Verifier", "parse_number"]
