"""Fine-tuning: examples -> tokens with the prompt masked -> a LoRA adapter, from the base model; and its verifier."""

from star.train.batches import TokenisedExample, tokenise
from star.train.dpo import train_verifier
from star.train.likelihood import Likelihood
from star.train.lora import train_lora
from star.train.loss import TargetLoss

__all__ = ["Likelihood", "TargetLoss", "TokenisedExample", "tokenise", "train_lora", "train_verifier"]
