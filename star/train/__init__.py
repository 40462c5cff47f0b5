"""Fine-tuning: examples -> tokens with the prompt masked -> a LoRA adapter, from the base model."""

from star.train.batches import TokenisedExample, batches, collate, tokenise
from star.train.lora import train_lora

__all__ = ["TokenisedExample", "batches", "collate", "tokenise", "train_lora"]
