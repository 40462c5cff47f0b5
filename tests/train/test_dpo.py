"""The verifier's loss is DPO's, pairs do not touch each other, and training goes on from where it was."""

import math

import pytest
import torch
from safetensors.torch import load_file
from torch.nn.functional import log_softmax

from star.errors import UserError
from star.models import Checkpoint, load_model, load_tokenizer
from star.models.loading import with_adapter
from star.recipe import load_recipe
from star.records import Pair
from star.store import Checkpoints
from star.train import Likelihood, TargetLoss, TokenisedExample, train_lora, train_verifier
from star.train.adapters import speed_up
from star.train.dpo import TokenisedPair, dpo, tokenise_pairs
from tests.architectures import NOT_SERVED
from tests.train.test_lora import EXAMPLES, Crash, CrashingCheckpoints, log
from tests.train.test_loss import examples, gradients
from tests.train.test_loss import with_adapter as adapted_model

PAIRS = [
    Pair(
        f"Q: What is {i} + {j}?\nA:",
        f" {i} + {j} = {i + j}.\n#### {i + j}",
        f" {i} + {j} = {i + j + k}.\n#### {i + j + k}",
        f"base/plain/{i}-{j}/0",
        f"base/plain/{i}-{j}/{k}",
    )
    for i in range(4)
    for j in range(3)
    for k in (1, 2)
]


def log_likelihood(model, row):
    """By transformers and peft alone, one text after the other."""
    logits = model(input_ids=torch.tensor([row.prompt + row.target]), use_cache=False).logits[0]
    steps = range(max(0, len(row.prompt) - 1), len(row.prompt) + len(row.target) - 1)
    wanted = row.target if row.prompt else row.target[1:]
    return sum(log_softmax(logits[at].float(), -1)[token] for at, token in zip(steps, wanted, strict=True))


def by_formula(model, pair, beta):
    """Equation 7 of the paper, for one pair."""
    policy = log_likelihood(model, pair.chosen) - log_likelihood(model, pair.rejected)
    return -torch.log(torch.sigmoid(beta * (policy - pair.reference)))


def random_pairs(seed, count=4):
    rows = examples(seed, 2 * count)
    sides = [(a, TokenisedExample(a.prompt, b.target, "b")) for a, b in zip(rows[::2], rows[1::2], strict=True)]
    return [TokenisedPair(chosen, rejected, 0.3 * place) for place, (chosen, rejected) in enumerate(sides)]


@pytest.mark.parametrize("name", ["llama", "gpt2", "mistral", next(iter(NOT_SERVED))])
def test_the_loss_of_packed_pairs_is_that_of_the_formula_and_so_is_its_gradient(architectures, name):
    pairs = random_pairs(seed=1)
    _, adapted = adapted_model(architectures(name))
    plain = adapted()
    wanted = sum(by_formula(plain, pair, beta=0.1) for pair in pairs)
    wanted.backward()
    expected = gradients(plain)
    base, adapted = adapted_model(architectures(name))
    objective = dpo(TargetLoss(base, pad=0), beta=0.1)
    model = adapted()
    speed_up(model)
    loss, logged = objective.loss(model, pairs)
    loss.backward()
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-5)
    found, largest = gradients(model), max(grad.abs().max() for grad in expected.values())
    assert max((found[name] - expected[name]).abs().max() for name in expected) <= 1e-4 * largest
    assert objective.units(pairs) == len(pairs)
    assert set(logged) == set(objective.logged)


def test_pairs_that_are_packed_together_do_not_touch_each_other(architectures):
    pairs, others = random_pairs(seed=2, count=2), random_pairs(seed=3, count=2)
    base, adapted = adapted_model(architectures("llama"))
    loss_of = TargetLoss(base, pad=0)
    model = adapted()
    speed_up(model)
    dpo(loss_of, 0.1).loss(model, pairs)[0].backward()
    alone = gradients(model)
    rows = [row for pair in [*pairs, *others] for row in (pair.chosen, pair.rejected)]
    scores = -loss_of.of_each(model, rows)[: 2 * len(pairs)]
    margins = scores[::2] - scores[1::2] - torch.tensor([pair.reference for pair in pairs])
    (-torch.nn.functional.logsigmoid(0.1 * margins).sum()).backward()
    together = gradients(model)
    largest = max(grad.abs().max() for grad in alone.values())
    assert max((together[name] - alone[name]).abs().max() for name in alone) <= 1e-5 * largest


def test_before_the_first_step_the_loss_of_a_pair_is_the_logarithm_of_two(architectures):
    pairs = random_pairs(seed=4)
    base, adapted = adapted_model(architectures("llama"))
    model, loss_of = adapted(), TargetLoss(base, pad=0)
    rows = [row for pair in pairs for row in (pair.chosen, pair.rejected)]
    scores = (-loss_of.of_each(model, rows)).tolist()
    same = [TokenisedPair(p.chosen, p.rejected, scores[2 * i] - scores[2 * i + 1]) for i, p in enumerate(pairs)]
    loss, logged = dpo(loss_of, beta=0.5).loss(model, same)
    assert loss.item() / len(same) == pytest.approx(math.log(2), abs=1e-5)
    assert logged["margin"] == pytest.approx(0, abs=1e-4)


@pytest.fixture
def trained(random_models, tmp_path):
    """A function that trains a verifier on top of a fine-tuned adapter."""
    path = tmp_path / "recipe.yaml"
    path.write_text(
        f"name: x\ntask: {{kind: gsm8k}}\nmodel: {{path: {random_models['llama']}, dtype: float32, device: cpu}}\n"
        "decoding: {samples: 2, temperature: 1.0}\n"
        "train: {rank: 4, lr: 1.0e-2, warmup_steps: 0, batch_size: 4, epochs: 1, dropout: 0.1}\n"
        "verifier: {lr: 1.0e-2, warmup_steps: 0, batch_size: 4, epochs: 3, checkpoint_every: 2}\n"
    )
    checkpoint, adapter = Checkpoint(str(random_models["llama"])), tmp_path / "adapter"
    adapter.mkdir()
    train_lora(load_recipe(path), checkpoint, EXAMPLES, 1, adapter)

    def run(name, *overrides, pairs=PAIRS, checkpoints=None):
        recipe, folder = load_recipe(path, overrides), tmp_path / name
        folder.mkdir()
        texts = [(p.prompt, text) for p in pairs for text in (p.chosen, p.rejected)]
        reference = Likelihood(recipe, checkpoint).of(texts, adapter)
        train_verifier(recipe, checkpoint, pairs, reference, 1, adapter, folder, checkpoints)
        return folder

    run.recipe, run.checkpoint, run.adapter = load_recipe(path), checkpoint, adapter
    return run


def test_a_verifier_learns_to_tell_right_from_wrong_and_its_adapter_is_of_the_base_model(trained):
    folder = trained("verifier", "verifier.epochs=10")
    first, *steps = log(folder)
    assert first == {"pairs": len(PAIRS), "too_long": [], "steps": 60}
    assert steps[0]["loss"] == pytest.approx(math.log(2), abs=0.05)
    assert steps[-1]["loss"] < 0.4 < 0.9 < steps[-1]["accuracy"]
    texts = [(p.prompt, text) for p in PAIRS for text in (p.chosen, p.rejected)]
    scores = Likelihood(trained.recipe, trained.checkpoint).of(texts, folder)
    assert sum(chosen > rejected for chosen, rejected in zip(scores[::2], scores[1::2], strict=True)) > 0.9 * len(PAIRS)


@pytest.mark.parametrize("crash", [2, 16])
def test_training_that_goes_on_from_a_checkpoint_gives_the_same_bytes(trained, tmp_path, crash):
    whole = trained("whole")
    with pytest.raises(Crash):
        trained("crashed", checkpoints=CrashingCheckpoints(tmp_path / "checkpoints", crash))
    again = trained("again", checkpoints=Checkpoints(tmp_path / "checkpoints"))
    assert {p.name: p.read_bytes() for p in again.iterdir()} == {p.name: p.read_bytes() for p in whole.iterdir()}


def test_micro_batches_change_memory_and_not_the_result(trained):
    whole, parts = trained("whole"), trained("parts", "verifier.micro_batch_size=1")
    for one, other in zip(log(whole)[1:], log(parts)[1:], strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-3)


def test_a_likelihood_is_that_of_the_plain_model_and_what_does_not_fit_has_none(trained):
    model = with_adapter(load_model(trained.checkpoint, torch.float32, torch.device("cpu")), trained.adapter).eval()
    tokenizer, texts = load_tokenizer(trained.checkpoint), [(p.prompt, p.chosen) for p in PAIRS[:5]]
    found = Likelihood(trained.recipe, trained.checkpoint).of([*texts, ("Q", "x" * 300)], trained.adapter)
    pairs, _ = tokenise_pairs(PAIRS[:5], [0.0] * 10, tokenizer, False)
    with torch.no_grad():
        wanted = [log_likelihood(model, pair.chosen).item() for pair in pairs]
    assert found[:-1] == pytest.approx(wanted, rel=1e-5)
    assert found[-1] is None


def test_pairs_that_do_not_fit_are_left_out_and_named_or_all_of_them_refused(trained):
    long = Pair("Q", "x" * 300, "y", "base/plain/long/0", "base/plain/long/1")
    first, *_ = log(trained("some", pairs=[*PAIRS[:4], long]))
    assert (first["pairs"], first["too_long"]) == (4, [["base/plain/long/0", "base/plain/long/1"]])
    with pytest.raises(UserError, match="all 1 pairs for the verifier exceed the model's context"):
        trained("none", pairs=[long])


def test_weights_of_the_verifier_are_not_those_that_it_began_as(trained):
    before = load_file(trained.adapter / "adapter_model.safetensors")
    after = load_file(trained("verifier") / "adapter_model.safetensors")
    assert before.keys() == after.keys()
    assert not all(torch.equal(before[name], after[name]) for name in before)
