"""A verifier by direct preference optimization: right targets become more likely than wrong ones.

The loss of a pair is -log sigmoid(beta (log p(chosen) - log p(rejected) - (log r(chosen) - log r(rejected)))), with p
what is trained and r the reference (Rafailov et al. 2023, https://arxiv.org/abs/2305.18290, equation 7). As in V-STaR
(Hosseini et al. 2024, https://arxiv.org/abs/2402.06457, section 3) both begin as the model that was fine-tuned on right
solutions. What the reference says is known before, so that one model is in memory.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import logsigmoid

from star.errors import UserError
from star.models import (
    Checkpoint,
    choose_device,
    choose_dtype,
    encode_prompt,
    encode_target,
    load_model,
    load_tokenizer,
)
from star.models.loading import with_adapter
from star.order import batches
from star.recipe import Recipe
from star.records import Pair, derive_seed
from star.store import Checkpoints
from star.train.batches import TokenisedExample
from star.train.fit import Course, Objective, fit, target_loss
from star.train.lora import save_adapter, write_log
from star.train.loss import TargetLoss
from star.train.parallel import Parallel


@dataclass(frozen=True)
class TokenisedPair:
    """Two targets behind one prompt, as tokens, and how much likelier the reference finds the chosen one, in nats."""

    chosen: TokenisedExample
    rejected: TokenisedExample
    reference: float

    @property
    def attempt_id(self) -> str:
        return f"{self.chosen.attempt_id} over {self.rejected.attempt_id}"

    def __len__(self) -> int:
        return len(self.chosen) + len(self.rejected)


def train_verifier(
    recipe: Recipe,
    checkpoint: Checkpoint,
    pairs: Collection[Pair],
    reference: Iterable[float | None],
    number: int,
    adapter: Path,
    folder: Path,
    checkpoints: Checkpoints | None = None,
) -> None:
    """Train the verifier of iteration `number`, a LoRA adapter on the base model, and save it with its log in `folder`.

    All processes that have joined do it together, with the same arguments; the first of them saves.

    Args:
        reference: log-likelihoods of each pair's chosen and rejected target, one after the other; `None` for one that
            does not fit the context, whose pair is left out.
        adapter: what it begins as.
        checkpoints: see `fit`.

    Raises:
        UserError: no pair fits the context, or the loss is no longer a number.
    """
    settings, device, parallel = recipe.verifier, choose_device(recipe.model), Parallel()
    tokenizer = load_tokenizer(checkpoint)
    items, too_long = tokenise_pairs(pairs, reference, tokenizer, recipe.prompt.chat)
    if not items:
        raise UserError(f"iteration {number}: all {len(pairs)} pairs for the verifier exceed the model's context")
    base = load_model(checkpoint, choose_dtype(recipe.model, device), device)
    objective = dpo(target_loss(base, tokenizer.pad_token_id, parallel), settings.beta)
    model = with_adapter(base, adapter, is_trainable=True).eval()  # the reference was asked without dropout, too
    steps, seed = settings.steps_in(number, len(items)), derive_seed(recipe.seed, number, "verifier's order")
    epochs = None if settings.steps else settings.epochs or 1
    course = Course(
        settings,
        steps=steps,
        order=batches(len(items), settings.batch_size, steps, epochs, seed),
        seed=partial(derive_seed, recipe.seed, number, "verifier"),
        label=f"iteration {number}: training the verifier",
        remedy="Look at these pairs, or go on from the last iteration with a lower learning rate: "
        "verifier.lr=... --fork NEW --from-iteration N",
    )
    learned, log = fit(model, items, objective, course, parallel, checkpoints)
    if parallel.rank == 0:
        save_adapter(model, learned, folder)
        write_log(folder, {"pairs": len(items), "too_long": too_long, "steps": steps}, log)


def tokenise_pairs(
    pairs: Iterable[Pair], reference: Iterable[float | None], tokenizer: Any, chat: bool
) -> tuple[list[TokenisedPair], list[tuple[str, str]]]:
    """Pairs as tokens, and the attempt ids of those that are left out."""
    kept, too_long, scores = [], [], iter(reference)
    for pair, chosen, rejected in zip(pairs, scores, scores, strict=True):
        if chosen is None or rejected is None:
            too_long.append((pair.chosen_id, pair.rejected_id))
            continue
        prompt = encode_prompt(tokenizer, pair.prompt, chat)
        sides = ((pair.chosen, pair.chosen_id), (pair.rejected, pair.rejected_id))
        targets = (TokenisedExample(prompt, encode_target(tokenizer, text), id) for text, id in sides)
        kept.append(TokenisedPair(*targets, chosen - rejected))
    return kept, too_long


def dpo(loss_of: TargetLoss, beta: float) -> Objective:
    """The mean loss of a pair; logged beside it, the share of pairs whose chosen target has become likelier than its
    rejected one, against the reference (`accuracy`), and by how much, times beta (`margin`)."""

    def loss(model: torch.nn.Module, pairs: Sequence[TokenisedPair]) -> tuple[torch.Tensor, dict[str, float]]:
        rows = list(chain.from_iterable((pair.chosen, pair.rejected) for pair in pairs))
        chosen, rejected = (-loss_of.of_each(model, rows)).unflatten(0, (-1, 2)).T  # log-likelihoods, (B,) each
        reference = torch.tensor([pair.reference for pair in pairs], device=chosen.device)
        margins = beta * (chosen - rejected - reference)
        found = margins.detach()
        return -logsigmoid(margins).sum(), {"accuracy": (found > 0).sum().item(), "margin": found.sum().item()}

    return Objective(loss, len, ("accuracy", "margin"))
