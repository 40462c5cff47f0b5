"""The starter: a tiny Llama pretrained from scratch on short worked sums, so that the loop has something to start from.

It is a normal transformers checkpoint with a normal tokenizer (one token a character), and the only thing in the
project that is ever trained on worked solutions. It never sees a held-out sum, in either order.
"""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path
from typing import Any

from star.console import progress
from star.errors import UserError
from star.models.encoding import encode_prompt, encode_target
from star.models.loading import quiet
from star.recipe import Starter
from star.records import derive_seed
from star.tasks.arithmetic import Arithmetic, draw_pair, is_held_out
from star.train.batches import TokenisedExample
from star.train.loss import TargetLoss

ALPHABET = "0123456789+-*=,.:;#()<>/ \n?!ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PAD, EOS, UNKNOWN = "<pad>", "<eos>", "<unk>"
FORMAT = 4
"""Raised when the code below makes another model from the same settings, so that no stale one is found in the cache."""


def starter_key(settings: Starter, task: Arithmetic) -> str:
    """What decides the starter's weights, as a short hash: its settings, the kind of sums, and this code's format."""
    import torch

    decides = [
        FORMAT,
        task.settings.style,
        task.settings.operation,
        settings.model_dump(mode="json"),
        torch.__version__,
    ]
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]


def build_starter(settings: Starter, task: Arithmetic, folder: Path) -> None:
    """Pretrain a starter and save model and tokenizer in `folder`."""
    import torch
    from transformers import get_cosine_schedule_with_warmup

    rng = random.Random(derive_seed(settings.seed, "starter data"))
    tokenizer = starter_tokenizer()
    with torch.random.fork_rng():
        torch.manual_seed(derive_seed(settings.seed, "starter weights"))
        model = _new_model(settings, tokenizer)
    loss_of = TargetLoss(model, tokenizer.pad_token_id)
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.lr, weight_decay=0.01)
    schedule = get_cosine_schedule_with_warmup(optimizer, settings.warmup_steps, settings.steps)
    with progress("pretraining the starter (once)", settings.steps) as advance:
        for _ in range(settings.steps):
            rows = _worked_sums(settings, task, tokenizer, rng)
            targets = sum(len(row.target) for row in rows)
            optimizer.zero_grad()
            loss = loss_of(model, rows) / targets
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            advance(1, f"loss {loss.item():.3f}")
    with quiet():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def starter_tokenizer() -> Any:
    """One token a character of `ALPHABET`; pad, end and unknown are tokens of their own."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {token: i for i, token in enumerate([PAD, EOS, UNKNOWN, *ALPHABET])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=PAD, eos_token=EOS, unk_token=UNKNOWN)


def _new_model(settings: Starter, tokenizer: Any) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=settings.hidden_size,
            num_hidden_layers=settings.layers,
            num_attention_heads=settings.heads,
            intermediate_size=settings.intermediate_size,
            max_position_embeddings=settings.context,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def _worked_sums(settings: Starter, task: Arithmetic, tokenizer: Any, rng: random.Random) -> list[TokenisedExample]:
    """A batch of fresh worked sums, shortest first."""
    rows = []
    while len(rows) < settings.batch_size:
        hinted = rng.random() < settings.hinted
        weights = settings.hinted_digits if hinted else settings.digits
        digits = rng.choices(list(weights), list(weights.values()))[0]
        pair = draw_pair(rng, digits)
        if is_held_out(pair):
            continue
        question = task.question(task.problem(pair, digits, id="starter"), hinted)
        prompt = encode_prompt(tokenizer, question, chat=False)
        row = TokenisedExample(prompt, encode_target(tokenizer, task.worked(pair)), "starter")
        if len(row) > settings.context:
            raise UserError(
                f"model.starter.context = {settings.context}: a worked sum of {digits} digits takes {len(row)} tokens; "
                "raise it"
            )
        rows.append(row)
    return sorted(rows, key=len)
