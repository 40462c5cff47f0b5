"""Packed examples: the same losses and gradients as each example alone, for every make of model."""

import random

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM

from star.train import TargetLoss, TokenisedExample
from star.train.adapters import speed_up
from star.train.loss import HeadLoss
from tests.architectures import NOT_SERVED, SERVED


def with_adapter(folder, dtype=torch.float32):
    """A model whose adapter already does something, and drops nothing."""
    torch.manual_seed(3)
    base = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    targets = "all-linear" if base.config.model_type != "gpt2" else ["c_attn", "c_proj", "c_fc"]
    config = LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=targets, init_lora_weights=False)
    return base, lambda: get_peft_model(base, config).eval()


def examples(seed, count=7, longest=24):
    """Prompts and targets of any length, some shorter than a sliding window and some longer."""
    rng = random.Random(seed)
    draw = lambda: [rng.randrange(2, 300) for _ in range(rng.randint(1, longest))]  # noqa: E731
    return [TokenisedExample(draw(), draw(), str(i)) for i in range(count)]


def one_by_one(model, rows):
    """The summed loss and its gradients, each example alone through the model as transformers and peft have it."""
    for row in rows:
        ids = torch.tensor([row.prompt + row.target])
        logits = model(input_ids=ids, use_cache=False).logits[0, len(row.prompt) - 1 : -1]
        loss = cross_entropy(logits.float(), torch.tensor(row.target), reduction="sum")
        loss.backward()
        yield loss.item()


def gradients(model):
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.requires_grad and p.grad is not None}
    model.zero_grad()
    return found


@pytest.mark.parametrize("name", SERVED)
def test_packed_loss_and_gradients_are_those_of_each_example_alone(architectures, name):
    rows = examples(seed=1)
    _, adapted = with_adapter(architectures(name))
    plain = adapted()
    wanted_loss, wanted = sum(one_by_one(plain, rows)), gradients(plain)
    base, adapted = with_adapter(architectures(name))
    loss_of = TargetLoss(base, pad=0)
    assert loss_of.obstacle is None
    model = adapted()
    speed_up(model)
    loss = loss_of(model, rows)
    loss.backward()
    assert loss.item() == pytest.approx(wanted_loss, rel=1e-5)
    found = gradients(model)
    assert found.keys() == wanted.keys()
    largest = max(grad.abs().max() for grad in wanted.values())
    assert max((found[name] - wanted[name]).abs().max() for name in wanted) <= 1e-5 * largest


@pytest.mark.parametrize(("name", "reason"), NOT_SERVED.items())
def test_what_cannot_be_packed_is_padded_with_the_same_loss_and_says_why(architectures, name, reason):
    rows = examples(seed=2, count=4)
    model = AutoModelForCausalLM.from_pretrained(architectures(name), dtype=torch.float32).eval()
    wanted = sum(one_by_one(model, rows))
    loss_of = TargetLoss(model, pad=0)
    assert reason in loss_of.obstacle
    assert loss_of(model, rows).item() == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("name", ["llama", "gpt2", "mistral"])
def test_company_changes_nothing_about_an_example(architectures, name):
    base, adapted = with_adapter(architectures(name))
    loss_of = TargetLoss(base, pad=0)
    model = adapted()
    with torch.no_grad():
        rows, others = examples(seed=3), examples(seed=4)
        alone = [loss_of(model, [row]).item() for row in rows]
        for row, loss in zip(rows, alone, strict=True):
            both = loss_of(model, [others[0], row, others[1]]) - loss_of(model, others[:2])
            assert both.item() == pytest.approx(loss, rel=1e-4, abs=1e-4)


def test_the_frozen_head_is_taken_apart_and_gives_the_same_loss(architectures):
    for name, is_plain in (("llama", True), ("gemma2", False), ("granite", False), ("phi", True)):
        model = AutoModelForCausalLM.from_pretrained(architectures(name), dtype=torch.float32)
        assert (TargetLoss(model, pad=0).head is not None) == is_plain  # those others do more to their logits
    torch.manual_seed(0)
    weight, bias, targets = torch.randn(50, 12), torch.randn(50), torch.randint(50, (300,))
    hidden, same = (torch.randn(300, 12, generator=torch.Generator().manual_seed(1)).requires_grad_() for _ in "ab")
    wanted = cross_entropy(torch.nn.functional.linear(hidden, weight, bias), targets, reduction="sum")
    found = HeadLoss.apply(same, weight, bias, targets)
    (wanted / 7).backward()
    (found.sum() / 7).backward()
    assert torch.allclose(found.sum(), wanted, rtol=1e-6)
    assert torch.allclose(same.grad, hidden.grad, atol=1e-6)


def test_a_head_that_is_trained_gets_its_gradient(architectures):
    rows, both = examples(seed=5), []
    for packs in (False, True):
        model = AutoModelForCausalLM.from_pretrained(architectures("llama"), dtype=torch.float32).eval()
        if packs:
            TargetLoss(model, pad=0)(model, rows).backward()
        else:
            sum(one_by_one(model, rows))
        both.append(gradients(model))
    largest = max(grad.abs().max() for grad in both[0].values())
    assert max((both[0][name] - both[1][name]).abs().max() for name in both[0]) <= 1e-5 * largest


def test_in_bfloat16_the_gradient_of_an_adapter_is_near_that_in_float32(architectures):
    rows, both = examples(seed=6), []
    for dtype in (torch.float32, torch.bfloat16):
        base, adapted = with_adapter(architectures("llama"), dtype)
        loss_of, model = TargetLoss(base, pad=0), adapted()
        speed_up(model)
        loss_of(model, rows).backward()
        both.append(torch.cat([grad.flatten().float() for grad in gradients(model).values()]))
    assert torch.nn.functional.cosine_similarity(*both, dim=0) > 0.99
    assert {p.dtype for n, p in model.named_parameters() if "lora_" in n} == {torch.float32}


def test_a_head_with_an_adapter_on_it_is_not_taken_apart(architectures):
    rows, both = examples(seed=7), []
    for packs in (False, True):
        torch.manual_seed(3)
        base = AutoModelForCausalLM.from_pretrained(architectures("llama"), dtype=torch.float32)
        loss_of = TargetLoss(base, pad=0) if packs else None
        config = LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=["q_proj", "lm_head"], init_lora_weights=False)
        torch.manual_seed(3)
        model = get_peft_model(base, config).eval()
        if packs:
            speed_up(model)
            loss_of(model, rows).backward()
        else:
            list(one_by_one(model, rows))
        both.append(gradients(model))
    assert any("lm_head" in name for name in both[0])
    largest = max(grad.abs().max() for grad in both[0].values())
    assert max((both[0][name] - both[1][name]).abs().max() for name in both[0]) <= 1e-5 * largest


def test_nothing_predicts_the_first_token_of_an_example_without_a_prompt(architectures):
    base = AutoModelForCausalLM.from_pretrained(architectures("llama"), dtype=torch.float32).eval()
    rows = [TokenisedExample([], [5, 6, 7], "a"), TokenisedExample([], [8, 9], "b")]
    plain = AutoModelForCausalLM.from_pretrained(architectures("llama"), dtype=torch.float32).eval()
    wanted = sum(
        cross_entropy(plain(torch.tensor([row.target])).logits[0, :-1], torch.tensor(row.target[1:]), reduction="sum")
        for row in rows
    )
    assert TargetLoss(base, pad=0)(base, rows).item() == pytest.approx(wanted.item(), rel=1e-5)


def test_what_a_lora_layer_gives_may_be_changed_in_place(architectures):
    _, adapted = with_adapter(architectures("llama"))
    model = adapted()
    speed_up(model)
    layer = next(module for name, module in model.named_modules() if name.endswith("q_proj"))
    states = torch.randn(1, 3, 48, requires_grad=True)
    layer(states).clamp_(min=-1.0, max=1.0).sum().backward()  # as OLMo does with `clip_qkv`
    assert states.grad.abs().sum() > 0
