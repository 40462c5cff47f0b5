"""How the next token is chosen."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from star.sample import choose
from star.sample.choose import choose_tokens

LOGITS = st.lists(st.floats(-8, 8, width=32), min_size=2, max_size=40)


@given(LOGITS, st.floats(0, 0.999), st.floats(0.05, 1.0), st.integers(0, 8))
def test_the_token_is_always_in_the_nucleus_of_the_top_k(values, uniform, top_p, top_k):
    logits = torch.tensor([values])
    token = choose_tokens(logits, torch.tensor([uniform]), 1.0, top_p, top_k).item()
    order = logits[0].argsort(descending=True, stable=True)
    kept = order[: top_k or len(values)]
    share = logits[0, kept].softmax(-1)
    before = share.cumsum(-1) - share
    smallest_kept = logits[0, kept[before < top_p + 1e-5]].min()
    assert logits[0, token] >= smallest_kept - 1e-6  # what is nearer than that has the same probability


@settings(max_examples=30)
@given(st.integers(0, 2**31), st.sampled_from([0.3, 0.9, 0.999, 1.0]), st.sampled_from([0, 300]))
def test_looking_at_the_likeliest_tokens_first_never_changes_the_choice(seed, top_p, top_k):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn((4, 600), generator=generator) * 3
    uniforms = torch.rand(4, generator=generator)
    quick = choose_tokens(logits, uniforms, 0.8, top_p, top_k)
    before, choose.WIDTHS = choose.WIDTHS, ()
    try:
        assert torch.equal(quick, choose_tokens(logits, uniforms, 0.8, top_p, top_k))
    finally:
        choose.WIDTHS = before


def test_sampled_frequencies_are_those_of_the_softmax():
    logits = torch.tensor([2.0, 1.0, 0.0, -1.0, -2.0])
    expected = (logits / 0.7).softmax(-1)
    count = 20_000
    uniforms = (torch.arange(count) + 0.5) / count  # a grid: inverse transform sampling must reproduce the distribution
    tokens = choose_tokens(logits.expand(count, -1), uniforms, 0.7, 1.0, 0)
    frequencies = torch.bincount(tokens, minlength=5) / count
    assert torch.allclose(frequencies, expected, atol=1e-3)


def test_temperature_zero_is_greedy_and_top_k_one_too():
    logits = torch.randn(16, 50, generator=torch.Generator().manual_seed(0))
    uniforms = torch.rand(16, generator=torch.Generator().manual_seed(1))
    greedy = logits.argmax(-1)
    assert torch.equal(choose_tokens(logits, None, 0.0, 1.0, 0), greedy)
    assert torch.equal(choose_tokens(logits, uniforms, 1.0, 1.0, 1), greedy)
    assert torch.equal(choose_tokens(logits, uniforms, 1.0, 1e-6, 0), greedy)


@settings(max_examples=30)
@given(st.integers(0, 2**31), st.integers(1, 40), st.integers(0, 63), st.booleans())
def test_the_largest_are_found_by_blocks(seed, count, rest, has_ties):
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn((3, 64 * 4 * count + rest), generator=generator)
    if has_ties:
        values = values.round()
    found, places = choose._largest(values, count)
    assert torch.equal(found, values.topk(count).values)
    assert torch.equal(values.gather(1, places), found)
    assert all(len(set(row)) == count for row in places.tolist())
