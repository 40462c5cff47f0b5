"""The quality filter: a classifier that learns from an iteration's verdicts which rationales are worth training on."""

from star.quality.filter import Quality, label, learn_quality

__all__ = ["Quality", "label", "learn_quality"]
