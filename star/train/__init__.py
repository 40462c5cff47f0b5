"""Fine-tuning: examples -> tokens with the prompt masked -> a LoRA adapter, from the base model."""

from star.train.batches import TokenisedExample, batches, collate, tokenise
from star.train.lora import train_lora
from star.train.loss import summed_loss

__all__ = ["TokenisedExample", "batches", "collate", "summed_loss", "tokenise", "train_lora"]
