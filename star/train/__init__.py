"""Fine-tuning: examples -> tokens with the prompt masked -> a LoRA adapter, from the base model."""

from star.train.batches import TokenisedExample, tokenise
from star.train.lora import train_lora
from star.train.loss import TargetLoss

__all__ = ["TargetLoss", "TokenisedExample", "tokenise", "train_lora"]
